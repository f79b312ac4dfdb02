"""How far the points of two paths are from each other, as measured and under each resample of seeds and items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

__all__ = ["ByPair", "ByValue", "Evidence"]

Array = NDArray[np.float64]


class Evidence(Protocol):
    """Distances as they were measured (row 0) and under each resample (rows 1, 2, ...)."""

    @property
    def candidates(self) -> Array:
        """Where the other path may be met, as shares of the way."""
        ...

    @property
    def resamples(self) -> int:
        """How many resamples there are."""
        ...

    def distance(self, row: int) -> Array:
        """Distances between points and candidates, (points, candidates)."""
        ...

    def cost(self, row: int) -> Array:
        """What the map makes small, (points, candidates): smooth where it is least."""
        ...

    def rivals(self, row: int) -> Mapping[str, Array]:
        """Distances to what the link has to beat, (points,) each."""
        ...


@dataclass(frozen=True, eq=False)
class ByValue:
    """Points are near if a metric has near values there.

    Args:
        a: the metric on one path, (1 + resamples, points).
        b: on the other, (1 + resamples, points of it).
        others: on what the link has to beat, by label, as `a`.
        grid: where `b` was measured, in [0, 1].
        candidates: where it may be matched.
    """

    a: Array
    b: Array
    others: Mapping[str, Array]
    grid: Array
    candidates: Array

    @property
    def resamples(self) -> int:
        return len(self.a) - 1

    def distance(self, row: int) -> Array:
        # Never beyond the values that were measured, unlike a spline.
        b = PchipInterpolator(self.grid, self.b[row])(self.candidates)
        return np.asarray(abs(self.a[row][:, None] - b[None, :]))

    def cost(self, row: int) -> Array:
        return np.asarray(self.distance(row) ** 2)

    def rivals(self, row: int) -> dict[str, Array]:
        return {label: abs(self.a[row] - other[row]) for label, other in self.others.items()}


@dataclass(frozen=True, eq=False)
class ByPair:
    """Points are near if the distance between the values there is small.

    Args:
        table: distances, (1 + resamples, points, points of the other path).
        others: to what the link has to beat, by label, (1 + resamples, points).
        grid: where the other path was measured, in [0, 1].
        candidates: where it may be matched.
    """

    table: Array
    others: Mapping[str, Array]
    grid: Array
    candidates: Array

    @property
    def resamples(self) -> int:
        return len(self.table) - 1

    def distance(self, row: int) -> Array:
        # A spline may pass below 0, a distance does not.
        return np.maximum(self.cost(row), min(0.0, float(self.table[row].min())))

    def cost(self, row: int) -> Array:
        return np.asarray(CubicSpline(self.grid, self.table[row], axis=1)(self.candidates))

    def rivals(self, row: int) -> dict[str, Array]:
        return {label: other[row] for label, other in self.others.items()}
