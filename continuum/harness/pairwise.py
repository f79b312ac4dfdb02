"""Distances between values of two paths, measured by the harness like any other metric."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from continuum.core import Domain, Interpolant, InvalidInputError, Metric, PerItem, Point, PointLike, lease

__all__ = ["Distances", "Located", "Pairwise"]


@dataclass(frozen=True)
class Pairwise:
    """A distance between the values of two paths, by which `link` matches them.

    Args:
        name: how tables and the store call it.
        fn: `fn(value_a, value_b) -> number`, or `fn(value_a, value_b, rng)` if `stochastic`; a `PerItem` is a number
            too. Small is near. It should be smooth where it is least, such as a divergence or a squared distance:
            between grid points it is interpolated by a cubic spline.
        stochastic: whether it draws random numbers; it sees the same ones at every pair of points.
        unit: unit of the number.
        version: raise it when the meaning of the number changes.

    Raises:
        InvalidInputError: if the name is empty or `fn` cannot be called.

    Example:
        >>> Pairwise("squared distance", lambda a, b: (a - b) ** 2).measure(1.0, 3.0)
        4.0
    """

    name: str
    fn: Callable[..., Any]
    stochastic: bool = False
    unit: str = ""
    version: str = "1"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or not callable(self.fn):
            raise InvalidInputError(f"Pairwise needs a name and a function, got {self.name!r} and {self.fn!r}.")

    def measure(self, a: Any, b: Any, rng: np.random.Generator | None = None) -> float | PerItem:
        """The distance between two values."""
        between = Metric(self.name, lambda pair, *rng: self.fn(*pair, *rng), stochastic=self.stochastic)
        return between.measure((a, b), rng)


@dataclass(frozen=True, eq=False)
class Located:
    """A path whose values know where they are: pairs of a point and the value there."""

    path: Interpolant[Any]

    @property
    def domain(self) -> Domain:
        return self.path.domain

    def at(self, point: PointLike, /) -> tuple[Point, Any]:
        return self.domain.point(point), self.path.at(point)

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[tuple[Point, Any]]:
        with lease(self.path, point) as value:
            yield self.domain.point(point), value


@dataclass(frozen=True, eq=False)
class Distances:
    """The metric of a located value that holds its distances to everything: one row for each, flattened.

    Args:
        pair: the distance.
        path: the other path.
        points: its points.
        baselines: paths that are met at the place of the value.
        references: values that are met everywhere.
    """

    pair: Pairwise
    path: Interpolant[Any]
    points: tuple[Point, ...]
    baselines: Mapping[str, Interpolant[Any]]
    references: Mapping[str, Any]

    @property
    def rows(self) -> int:
        return len(self.points) + len(self.baselines) + len(self.references)

    def __call__(self, located: tuple[Point, Any], rng: np.random.Generator | None = None) -> PerItem:
        here, value = located
        rows = []
        for borrow in self._others(here):
            with borrow as other:
                # A copy for each: all distances see the same draws.
                measured = self.pair.measure(value, other, copy.deepcopy(rng))
            rows.append(measured.values if isinstance(measured, PerItem) else np.array([measured]))
        if len({len(row) for row in rows}) > 1:
            raise InvalidInputError(f"{self.pair.name!r} gave {sorted({len(row) for row in rows})} items at one place.")
        return PerItem(np.concatenate(rows))

    def _others(self, here: Point) -> Iterator[AbstractContextManager[Any]]:
        for point in self.points:
            yield lease(self.path, point)
        for path in self.baselines.values():
            yield lease(path, here)
        for value in self.references.values():
            yield nullcontext(value)
