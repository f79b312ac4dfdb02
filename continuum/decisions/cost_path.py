"""All distances between the pure ones: of features, of labels, of decisions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from continuum.core import LazyEndpoints, Point, PointLike, Simplex
from continuum.measures import SolverLike

from .cost import DecisionAwareCost
from .dataset import PtODataset
from .distance import DecisionDistance, ModeLike, decision_distance

__all__ = ["DecisionAwareDistance", "DecisionCostPath"]


@dataclass(frozen=True, eq=False)
class DecisionAwareDistance:
    """`decision_distance` with its options: a function of two datasets.

    Args:
        cost: the ground cost.
        mode: "joint", "priced" or `Priced(features, labels)`.
        solver: from `continuum.measures`.
    """

    cost: DecisionAwareCost
    mode: ModeLike = "joint"
    solver: SolverLike = "auto"

    def __call__(self, source: PtODataset, target: PtODataset) -> DecisionDistance:
        """The distance between two datasets."""
        return decision_distance(source, target, self.cost, mode=self.mode, solver=self.solver)


@dataclass(frozen=True, eq=False)
class DecisionCostPath:
    """Distances by the weights of features, labels and decisions; a value is a function of two datasets.

    Its corners are the distances of features alone, of labels alone and of decisions alone. In "priced" mode one plan
    serves all points: for many of them on one pair of datasets, `DecisionDistance.at` solves once.

    Args:
        cost: the ground cost, whose weights are replaced by those of the point.
        mode: as in `decision_distance`.
        solver: the same.

    Example:
        >>> from continuum.decisions import PtODataset, TopK
        >>> source = PtODataset([[0.0]], [[3.0, 1.0]], TopK(items=2))
        >>> target = PtODataset([[5.0]], [[1.0, 3.0]], TopK(items=2))
        >>> path = DecisionCostPath(DecisionAwareCost(TopK(items=2), scale=None))
        >>> [float(path.at(weights)(source, target)) for weights in ({"features": 1}, {"decisions": 1}, (0.5, 0, 0.5))]
        [5.0, 2.0, 3.5]
    """

    cost: DecisionAwareCost
    mode: ModeLike = "joint"
    solver: SolverLike = "auto"
    domain: ClassVar[Simplex] = Simplex(("features", "labels", "decisions"))

    def at(self, point: PointLike, /) -> DecisionAwareDistance:
        x, y, z = self.domain.point(point)
        # A copy: the problem may hold arrays, and values belong to those who asked for them.
        cost = replace(copy.deepcopy(self.cost), weights=(x, y, z))
        return DecisionAwareDistance(cost, self.mode, self.solver)

    @property
    def endpoints(self) -> Mapping[Point, DecisionAwareDistance]:
        """The pure distances."""
        return LazyEndpoints(self.domain.vertices(), self.at)
