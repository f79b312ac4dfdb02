"""The transport problem between two labelled datasets: features plus labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from continuum.core import IncompatibleError, check_weight
from continuum.measures import (
    GroundCost,
    Plan,
    Sinkhorn,
    Sliced,
    SolverLike,
    SquaredEuclidean,
    TableCost,
    WeightedSum,
    check_plan_memory,
    solve,
)

from .label_geometry import LabelTable, class_masses
from .labelled import LabelledDataset

__all__ = ["PairProblem", "check_pair_memory"]


@dataclass(frozen=True, eq=False)
class PairProblem:
    """Two datasets, the distances of their labels, and the weights of the two parts of the cost.

    Args:
        source: a labelled dataset.
        target: another with as many features.
        table: distances between labels; None if they do not count.
        places: positions of the two datasets in `table`.
        feature_weight: weight of squared feature distances.
        label_weight: weight of squared label distances.
        embedded: whether labels are coordinates even if they are hard; soft ones always are.
    """

    source: LabelledDataset
    target: LabelledDataset
    table: LabelTable | None
    places: tuple[int, int]
    feature_weight: float
    label_weight: float
    embedded: bool = False

    def __post_init__(self) -> None:
        for name, weight in (("feature_weight", self.feature_weight), ("label_weight", self.label_weight)):
            check_weight(name, weight)
        if self.source.dimension != self.target.dimension:
            raise IncompatibleError(
                f"`source` has {self.source.dimension} features and `target` has {self.target.dimension}; resize or "
                "embed both into one space."
            )

    @property
    def cost(self) -> GroundCost:
        """The ground cost; labels that are coordinates have `LabelTable.shift` in it."""
        parts: list[tuple[float, GroundCost]] = []
        if self.feature_weight > 0 or self.table is None:  # large features take a while to admit
            x, y = self.source.features(), self.target.features().to(self.source.device)
            parts.append((self.feature_weight, SquaredEuclidean(x, y)))
        if self.table is not None:
            parts.append((self.label_weight, self._label_cost(self.table)))
        return WeightedSum(tuple(parts))

    def _label_cost(self, table: LabelTable) -> GroundCost:
        i, j = self.places
        device = self.source.device
        if self._has_coordinates:
            p, q = self.source.probabilities @ table.coordinates(i), self.target.probabilities @ table.coordinates(j)
            return SquaredEuclidean(*(torch.as_tensor(e, device=device) for e in (p, q)))
        block = torch.as_tensor(table.block(i, j), device=device)
        rows, columns = (torch.as_tensor(data.codes, device=device) for data in (self.source, self.target))
        return TableCost(block, rows, columns)

    @property
    def _has_coordinates(self) -> bool:
        return self.embedded or self.source.is_soft or self.target.is_soft

    @property
    def shift(self) -> float:
        """What label coordinates add to the value of any plan: (|p|^2 + |q|^2) / 2 of it between labels p and q."""
        if self.table is None or not self._has_coordinates:
            return 0.0  # looked up in the table, without coordinates
        sides = self.source, self.target
        spread = sum(float(data.weights @ np.square(data.probabilities).sum(1)) for data in sides)
        return self.label_weight * self.table.shift * spread / 2

    @property
    def error(self) -> float:
        r"""How far off the value of any plan may be, as the table is known up to `LabelTable.error` only.

        Labels p and q cost $p^\top S q - (p^\top S p + q^\top S q) / 2$, with S the table. A plan decides on the first
        term only, and for it the worst is a transport problem between classes.
        """
        if self.table is None or not self.table.error.any():
            return 0.0
        worst = -solve(-self.table.error_block(*self.places), *map(class_masses, (self.source, self.target))).lower
        for place, data in zip(self.places, (self.source, self.target), strict=True):
            if data.is_soft:
                together = data.y.T @ (data.weights[:, None] * data.y)
                worst += float((self.table.error_block(place, place) * together).sum()) / 2
        return self.label_weight * worst

    def solve(self, solver: SolverLike) -> Plan:
        """An optimal plan; its value and bounds are of squared distances, without the shift and with the error."""
        strata = self.source.codes, self.target.codes
        plan = solve(self.cost, self.source.weights, self.target.weights, solver=solver, strata=strata)
        shift, error = self.shift, self.error
        return replace(
            plan,
            value=max(plan.value - shift, 0.0),
            lower=max(plan.lower - shift - error, 0.0),
            upper=max(plan.upper - shift + error, 0.0),
            entropic=plan.entropic - shift,
        )


def check_pair_memory(
    source: LabelledDataset,
    target: LabelledDataset,
    solver: SolverLike,
    feature_weight: float,
    label_weight: float,
) -> None:
    """Refuse weights that are none, and a plan that cannot fit into memory, before labels are compared.

    Hard labels alone are a problem between classes, and fit.

    Raises:
        InvalidInputError: if a weight is negative, not finite or no number.
        ResourceError: naming the bytes and what to do instead.
    """
    check_weight("feature_weight", feature_weight)
    check_weight("label_weight", label_weight)
    between_classes = feature_weight == 0 < label_weight and not (source.is_soft or target.is_soft)
    if not between_classes or isinstance(solver, Sinkhorn | Sliced):
        check_plan_memory(len(source), len(target), solver, dimension=source.dimension)
