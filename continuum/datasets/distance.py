"""The optimal transport dataset distance."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import (
    GroundCost,
    Plan,
    Solver,
    SquaredEuclidean,
    TableCost,
    WeightedSum,
    check_plan_memory,
    solve,
)

from .label_geometry import Bures, LabelMetric, LabelTable, label_table
from .labelled import LabelledDataset, admit_datasets

__all__ = ["DatasetDistance", "otdd"]


@dataclass(frozen=True, eq=False)
class DatasetDistance:
    """A dataset distance with its certificate.

    Attributes:
        squared: squared distance: the cost of `plan`, not halved.
        lower: certified lower bound on the optimal squared distance.
        upper: certified upper bound on it.
        plan: mass moved between points, (n, m); sparse for an exact solver.
        potentials: dual potentials of the source (n,) and the target (m,).
        label_table: squared distances between source and target labels, (k, l); None if labels have weight 0.
        source_labels: labels of its rows.
        target_labels: labels of its columns.
        sizes: number of points (n, m); empirical distances shrink as these grow, so compare at equal sizes.
        residual: what was left when the solver stopped, see `continuum.measures.Plan`.
        converged: whether the solver met its tolerance.
        seconds: wall time of the whole computation.
    """

    squared: float
    lower: float
    upper: float
    plan: csr_array | Tensor
    potentials: tuple[Tensor, Tensor]
    label_table: NDArray[Any] | None
    source_labels: tuple[Hashable, ...]
    target_labels: tuple[Hashable, ...]
    sizes: tuple[int, int]
    residual: float
    converged: bool
    seconds: float

    @property
    def distance(self) -> float:
        """Square root of `squared`: the metric."""
        return math.sqrt(self.squared)

    def __float__(self) -> float:
        return self.distance

    def __repr__(self) -> str:
        bounds = f"squared in [{self.lower:.6g}, {self.upper:.6g}]"
        return (
            f"DatasetDistance(distance={self.distance:.6g}, {bounds}, sizes={self.sizes}, converged={self.converged})"
        )


def otdd(
    source: LabelledDataset,
    target: LabelledDataset,
    *,
    labels: LabelMetric | None = None,
    solver: Solver | None = None,
    feature_weight: float = 1.0,
    label_weight: float = 1.0,
) -> DatasetDistance:
    r"""Optimal transport distance between two labelled datasets.

    $$\mathrm{OTDD}^2 = \min_{\pi \in \Pi(a, b)} \sum_{ij} \pi_{ij} \big( \lambda_x \|x_i - x'_j\|^2
    + \lambda_y W_2^2(\alpha_{y_i}, \alpha_{y'_j}) \big),$$

    where $\alpha_y$ is the law of the features of class y. Alvarez-Melis & Fusi (2020), eq. 4. The two label sets need
    not have anything in common. A soft label stands at the mean of its labels in the coordinates of `LabelTable`.

    Args:
        source: a labelled dataset.
        target: a labelled dataset with as many features.
        labels: distance between classes: `Bures()`, the default, `ExactLabels()` or `MeansOnly()`.
        solver: `Exact()`, the default, or `Sinkhorn(epsilon)` from `continuum.measures`.
        feature_weight: $\lambda_x$.
        label_weight: $\lambda_y$; 0 is plain optimal transport of the features.

    Returns:
        A `DatasetDistance`. If its `converged` is false a `ConvergenceWarning` was given; its bounds hold all the same.

    Raises:
        IncompatibleError: if the numbers of features differ.
        InvalidInputError: if a weight is negative or not finite.
        ResourceError: if the plan cannot fit into memory.

    Example:
        >>> data = LabelledDataset(np.array([[0.0], [1.0], [4.0], [5.0]]), [0, 0, 1, 1])
        >>> moved = LabelledDataset(data.x + 3, ["a", "a", "b", "b"])
        >>> otdd(data, moved).squared  # 3^2 for the features and 3^2 for the labels
        18.0
    """
    start = time.perf_counter()
    admit_datasets(source=source, target=target)
    check_plan_memory(len(source), len(target))  # before the table of labels, which takes its time
    table = None
    if label_weight > 0:
        soft = source.is_soft or target.is_soft
        table = label_table((source, target), labels or Bures(), cross_only=not soft)
    cost = ground_cost(source, target, table, (0, 1), feature_weight, label_weight)
    plan = solve(cost, source.weights, target.weights, solver=solver)
    return _distance(plan, source, target, table, label_weight, start)


def ground_cost(
    source: LabelledDataset,
    target: LabelledDataset,
    table: LabelTable | None,
    places: tuple[int, int],
    feature_weight: float,
    label_weight: float,
) -> GroundCost:
    """Features plus labels; `places` are the positions of the two datasets in `table`."""
    for name, weight in (("feature_weight", feature_weight), ("label_weight", label_weight)):
        if not 0 <= weight < math.inf:
            raise InvalidInputError(f"`{name}` must be finite and not negative, got {weight}.")
    if source.dimension != target.dimension:
        raise IncompatibleError(
            f"`source` has {source.dimension} features and `target` has {target.dimension}; resize or embed both into "
            "one space."
        )
    x, y = source.features(), target.features().to(source.device)
    parts: list[tuple[float, GroundCost]] = [(feature_weight, SquaredEuclidean(x, y))]
    if table is not None:
        parts.append((label_weight, _label_cost(source, target, table, places)))
    return WeightedSum(tuple(parts))


def _label_cost(
    source: LabelledDataset, target: LabelledDataset, table: LabelTable, places: tuple[int, int]
) -> GroundCost:
    i, j = places
    if source.is_soft or target.is_soft:
        p, q = source.probabilities @ table.coordinates(i), target.probabilities @ table.coordinates(j)
        return SquaredEuclidean(*(torch.as_tensor(e, device=source.device) for e in (p, q)))
    block = torch.as_tensor(table.block(i, j), device=source.device)
    rows, columns = (torch.as_tensor(data.codes, device=source.device) for data in (source, target))
    return TableCost(block, rows, columns)


def _shift(source: LabelledDataset, target: LabelledDataset, table: LabelTable) -> float:
    """What `LabelTable.shift` adds to the value of any plan: (|p|^2 + |q|^2) / 2 of it between labels p and q."""
    if not (source.is_soft or target.is_soft):
        return 0.0  # looked up in the table, without coordinates
    spread = sum(float(data.weights @ np.square(data.probabilities).sum(1)) for data in (source, target))
    return table.shift * spread / 2


def _distance(
    plan: Plan,
    source: LabelledDataset,
    target: LabelledDataset,
    table: LabelTable | None,
    label_weight: float,
    start: float,
) -> DatasetDistance:
    shift = 0.0 if table is None else label_weight * _shift(source, target, table)
    return DatasetDistance(
        squared=max(plan.value - shift, 0.0),
        lower=max(plan.lower - shift, 0.0),
        upper=max(plan.upper - shift, 0.0),
        plan=plan.coupling,
        potentials=plan.potentials,
        label_table=None if table is None else table.block(0, 1),
        source_labels=source.classes,
        target_labels=target.classes,
        sizes=(len(source), len(target)),
        residual=plan.residual,
        converged=plan.converged,
        seconds=time.perf_counter() - start,
    )
