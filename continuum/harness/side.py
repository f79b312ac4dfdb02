"""One of two paths that are linked: where it is measured, and its coordinate as a share of the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from continuum.core import Interpolant, Interval, InvalidInputError, Point, PointLike, is_whole

__all__ = ["Side", "side_of"]

Array = NDArray[np.float64]

_STEPS = 64  # candidates from one measured point of an interval to the next


@dataclass(frozen=True, eq=False)
class Side:
    """A path with one coordinate, and increasing points of it.

    Args:
        path: the path.
        points: where it is measured, at least two.
    """

    path: Interpolant[Any]
    points: tuple[Point, ...]

    @property
    def coordinates(self) -> Array:
        return np.array([t for (t,) in self.points])

    def spans(self, x: ArrayLike) -> bool:
        """Whether all coordinates lie between the ends of the domain."""
        ends = [t for (t,) in self.path.domain.vertices()]
        return bool(min(ends) <= np.min(x) and np.max(x) <= max(ends))

    def share(self, x: ArrayLike) -> Array:
        """Coordinates as shares of the way from the first to the last point of the domain."""
        low, high = self._ends
        return np.asarray((self._even(x) - low) / (high - low))

    def coordinate(self, share: ArrayLike) -> Array:
        """Shares of the way as coordinates."""
        low, high = self._ends
        even = low + np.asarray(share, float) * (high - low)
        return np.asarray(np.exp(even) if self._is_geometric else even)

    def only(self, known: Sequence[bool] | NDArray[np.bool_]) -> Side:
        """The side with those points only.

        Raises:
            InvalidInputError: if fewer than two are left.
        """
        left = tuple(point for point, is_known in zip(self.points, known, strict=True) if is_known)
        if len(left) < 2:
            raise InvalidInputError(f"a link needs two points of each path where the metric is a number, got {left}.")
        return Side(self.path, left)

    def candidates(self) -> Array:
        """Shares of the way at which another path may be met: between the points too if the domain has a between."""
        at = self.share(self.coordinates)
        if not isinstance(self.path.domain, Interval):
            return at
        fine = np.linspace(at[:-1], at[1:], _STEPS, endpoint=False, axis=1)
        return np.append(fine.ravel(), at[-1])

    @property
    def _ends(self) -> tuple[float, float]:
        ends = [float(self._even(t)) for (t,) in self.path.domain.vertices()]
        return min(ends), max(ends)

    @property
    def _is_geometric(self) -> bool:
        return isinstance(self.path.domain, Interval) and self.path.domain.spacing == "log"

    def _even(self, x: ArrayLike) -> Array:
        return np.asarray(np.log(x) if self._is_geometric else x, float)


def side_of(name: str, path: Any, points: int | Sequence[PointLike]) -> Side:
    """A path and its points.

    Raises:
        InvalidInputError: if it is no path with one coordinate, or has fewer than two points.
    """
    if not isinstance(path, Interpolant):
        raise InvalidInputError(f"`{name}` must have `domain` and `at(point)`, got {type(path).__name__}.")
    if len(path.domain.axes) != 1:
        raise InvalidInputError(
            f"`{name}` must have one coordinate, it has {path.domain.axes}; take a segment of it by `along`."
        )
    if isinstance(points, str | Mapping) or not (is_whole(points) or isinstance(points, Iterable)):
        raise InvalidInputError(f"the points of `{name}` must be a number of points or points, got {points!r}.")
    chosen = path.domain.grid(int(points)) if is_whole(points) else map(path.domain.point, points)  # type: ignore
    at = tuple(sorted(set(chosen)))
    if len(at) < 2 or not all(map(math.isfinite, (t for (t,) in at))):
        raise InvalidInputError(f"`{name}` needs at least two points, got {at}.")
    return Side(path, at)
