"""The optimal transport dataset distance."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import (
    GroundCost,
    Plan,
    Sinkhorn,
    Sliced,
    Solver,
    SquaredEuclidean,
    TableCost,
    WeightedSum,
    check_plan_memory,
    choose_solver,
    matrix,
    self_cost,
    solve,
)

from .label_geometry import Bures, LabelMetric, LabelTable, label_table
from .labelled import LabelledDataset, admit_datasets

__all__ = ["Convention", "DatasetDistance", "otdd"]


Convention = Literal["squared", "distance", "microsoft"]


@dataclass(frozen=True, eq=False)
class DatasetDistance:
    """A dataset distance with its certificate.

    Attributes:
        value: the distance in the unit that `convention` names.
        convention: "squared", "distance" or "microsoft", see `otdd`.
        squared: squared distance: the cost of `plan`, not halved; for `Sliced` the sliced estimate.
        lower: certified lower bound on the optimal squared distance.
        upper: certified upper bound on it.
        plan: mass moved between points, (n, m); sparse but for `Sinkhorn`.
        potentials: dual potentials of the source (n,) and the target (m,).
        label_table: squared distances between source and target labels, (k, l); None if labels have weight 0.
        source_labels: labels of its rows.
        target_labels: labels of its columns.
        n: number of points of source and target; empirical distances shrink as these grow, so compare at equal sizes.
        seed: seed of a random solver, None for the others.
        standard_error: of `squared` for a random solver, 0 for the others.
        residual: what was left when the solver stopped, see `continuum.measures.Plan`.
        converged: whether the solver met its tolerance.
        seconds: wall time of the whole computation.
    """

    value: float
    convention: Convention
    squared: float
    lower: float
    upper: float
    plan: csr_array | Tensor
    potentials: tuple[Tensor, Tensor]
    label_table: NDArray[Any] | None
    source_labels: tuple[Hashable, ...]
    target_labels: tuple[Hashable, ...]
    n: tuple[int, int]
    seed: int | None
    standard_error: float
    residual: float
    converged: bool
    seconds: float

    @property
    def distance(self) -> float:
        """Square root of `squared`: the metric."""
        return math.sqrt(self.squared)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        bounds = f"squared in [{self.lower:.6g}, {self.upper:.6g}]"
        return f"DatasetDistance({self.convention}={self.value:.6g}, {bounds}, n={self.n}, converged={self.converged})"


def otdd(
    source: LabelledDataset,
    target: LabelledDataset,
    *,
    labels: LabelMetric | None = None,
    solver: Solver | Literal["auto"] | None = "auto",
    feature_weight: float = 1.0,
    label_weight: float = 1.0,
    convention: Convention = "squared",
) -> DatasetDistance:
    r"""Optimal transport distance between two labelled datasets.

    $$\mathrm{OTDD}^2 = \min_{\pi \in \Pi(a, b)} \sum_{ij} \pi_{ij} \big( \lambda_x \|x_i - x'_j\|^2
    + \lambda_y W_2^2(\alpha_{y_i}, \alpha_{y'_j}) \big),$$

    where $\alpha_y$ is the law of the features of class y. Alvarez-Melis & Fusi (2020), eq. 4. The two label sets need
    not have anything in common. A soft label stands at the mean of its labels in the coordinates of `LabelTable`.

    Args:
        source: a labelled dataset.
        target: a labelled dataset with as many features.
        labels: distance between classes: `Bures()`, the default, `ExactLabels()`, `SlicedLabels()` or `MeansOnly()`.
        solver: from `continuum.measures`. "auto", the default, or None is `Exact()` up to 10^8 pairs of points and
            `Streamed()` beyond, which certifies the optimum to 1%; `Stratified()` is faster and knows an upper bound
            with its standard error; `Sliced()` is for many datasets; `Sinkhorn(epsilon)` is smooth.
        feature_weight: $\lambda_x$.
        label_weight: $\lambda_y$; 0 is plain optimal transport of the features.
        convention: unit of `value`: "squared", the default; its root, "distance"; or "microsoft", what the authors'
            code calls the distance: half of the squared one, debiased (a Sinkhorn divergence) if the solver is
            `Sinkhorn`.

    Returns:
        A `DatasetDistance`. If its `converged` is false a `ConvergenceWarning` was given; its bounds hold all the same.

    Raises:
        IncompatibleError: if the numbers of features differ.
        InvalidInputError: if a weight is negative or not finite, or an option unknown.
        ResourceError: if the plan cannot fit into memory.

    Example:
        >>> data = LabelledDataset(np.array([[0.0], [1.0], [4.0], [5.0]]), [0, 0, 1, 1])
        >>> moved = LabelledDataset(data.x + 3, ["a", "a", "b", "b"])
        >>> otdd(data, moved).squared  # 3^2 for the features and 3^2 for the labels
        18.0
    """
    start = time.perf_counter()
    admit_datasets(source=source, target=target)
    if convention not in get_args(Convention):
        raise InvalidInputError(f"`convention` must be one of {get_args(Convention)}, got {convention!r}.")
    solver = choose_solver(solver, len(source), len(target))
    check_plan_memory(len(source), len(target), solver)  # before the table of labels, which takes its time
    debiased = convention == "microsoft" and isinstance(solver, Sinkhorn)
    table = None
    if label_weight > 0:
        within = source.is_soft or target.is_soft or debiased or isinstance(solver, Sliced)
        table = label_table((source, target), labels or Bures(), cross_only=not within)
    problem = _Problem(source, target, table, feature_weight, label_weight, isinstance(solver, Sliced))
    plan = solve(problem.cost(0, 1), source.weights, target.weights, solver=solver, strata=(source.codes, target.codes))
    shift = problem.shift
    squared, lower, upper = (max(bound - shift, 0.0) for bound in (plan.value, plan.lower, plan.upper))
    value = {"squared": squared, "distance": math.sqrt(squared), "microsoft": squared / 2}[convention]
    if debiased and isinstance(solver, Sinkhorn):
        value = problem.divergence(plan, solver) / 2
    return DatasetDistance(
        value=value,
        convention=convention,
        squared=squared,
        lower=lower,
        upper=upper,
        plan=plan.coupling,
        potentials=plan.potentials,
        label_table=None if table is None else table.block(0, 1),
        source_labels=source.classes,
        target_labels=target.classes,
        n=(len(source), len(target)),
        seed=getattr(solver, "seed", None),
        standard_error=plan.standard_error,
        residual=plan.residual,
        converged=plan.converged,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True, eq=False)
class _Problem:
    """Two datasets, the distances of their labels, and the weights of the two parts of the cost."""

    source: LabelledDataset
    target: LabelledDataset
    table: LabelTable | None
    feature_weight: float
    label_weight: float
    embedded: bool  # labels as coordinates, even if they are hard

    def cost(self, i: int, j: int) -> GroundCost:
        """Between the i-th and the j-th of the two."""
        sides = self.source, self.target
        weights = self.feature_weight, self.label_weight
        return ground_cost(sides[i], sides[j], self.table, (i, j), *weights, self.embedded)

    @property
    def shift(self) -> float:
        """What label coordinates add to the value of any plan."""
        return label_shift(self.source, self.target, self.table, self.label_weight, self.embedded)

    def divergence(self, plan: Plan, solver: Sinkhorn) -> float:
        """The entropic value of `plan` without its bias."""
        masses = [torch.as_tensor(data.weights, device=self.source.device) for data in (self.source, self.target)]
        unit = float(masses[0] @ matrix(self.cost(0, 1)).abs() @ masses[1]) if solver.scale == "mean" else 1.0
        absolute = Sinkhorn(
            solver.epsilon * unit or solver.epsilon, "absolute", solver.tolerance, solver.max_iterations
        )
        within = sum(self_cost(self.cost(k, k), masses[k], absolute).value for k in (0, 1))
        return plan.entropic - self.shift - within / 2


def label_shift(
    source: LabelledDataset, target: LabelledDataset, table: LabelTable | None, label_weight: float, embedded: bool
) -> float:
    """What label coordinates add to the value of any plan: (|p|^2 + |q|^2) / 2 of it between labels p and q."""
    if table is None or not (embedded or source.is_soft or target.is_soft):
        return 0.0  # looked up in the table, without coordinates
    spread = sum(float(data.weights @ np.square(data.probabilities).sum(1)) for data in (source, target))
    return label_weight * table.shift * spread / 2


def ground_cost(
    source: LabelledDataset,
    target: LabelledDataset,
    table: LabelTable | None,
    places: tuple[int, int],
    feature_weight: float,
    label_weight: float,
    embedded: bool = False,
) -> GroundCost:
    """Features plus labels; `places` are the positions of the two datasets in `table`.

    With `embedded` labels are coordinates even if they are hard, and a cost has `LabelTable.shift` in it.
    """
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
        parts.append((label_weight, _label_cost(source, target, table, places, embedded)))
    return WeightedSum(tuple(parts))


def _label_cost(
    source: LabelledDataset, target: LabelledDataset, table: LabelTable, places: tuple[int, int], embedded: bool
) -> GroundCost:
    i, j = places
    if embedded or source.is_soft or target.is_soft:
        p, q = source.probabilities @ table.coordinates(i), target.probabilities @ table.coordinates(j)
        return SquaredEuclidean(*(torch.as_tensor(e, device=source.device) for e in (p, q)))
    block = torch.as_tensor(table.block(i, j), device=source.device)
    rows, columns = (torch.as_tensor(data.codes, device=source.device) for data in (source, target))
    return TableCost(block, rows, columns)
