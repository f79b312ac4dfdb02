"""The optimal transport dataset distance."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import InvalidInputError
from continuum.measures import (
    Plan,
    Sinkhorn,
    Sliced,
    SolverLike,
    check_divergence_memory,
    choose_solver,
    in_absolute_units,
    matrix,
    self_cost,
)

from .label_geometry import label_table
from .label_metrics import Bures, LabelMetric
from .labelled import LabelledDataset, admit_datasets
from .pair_problem import PairProblem, check_pair_memory

__all__ = ["Convention", "DatasetDistance", "otdd"]


Convention = Literal["squared", "distance", "microsoft"]


@dataclass(frozen=True, eq=False)
class DatasetDistance:
    """A dataset distance with its certificate.

    Attributes:
        value: the distance in the unit that `convention` names.
        convention: "squared", "distance" or "microsoft", see `otdd`.
        squared: squared distance: the cost of `plan`, not halved; for `Sliced` the sliced estimate.
        lower: certified lower bound on the optimal squared distance; allows for `LabelTable.error`, as `upper` does.
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
    solver: SolverLike = "auto",
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
        solver: from `continuum.measures`. "auto", the default, or None is `Exact()` up to 10^8 pairs of points that
            fit into memory and `Streamed()` beyond, which tries to certify the optimum to 1%; `Stratified()` is faster
            and knows an upper bound with its standard error; `Sliced()` is for many datasets; `Sinkhorn(epsilon)` is
            smooth.
        feature_weight: $\lambda_x$; 0 with hard labels is a small problem between the classes, which any solver but
            `Sliced` and `Sinkhorn` then solves exactly, for any number of points.
        label_weight: $\lambda_y$; 0 is plain optimal transport of the features.
        convention: unit of `value`: "squared", the default; its root, "distance"; or "microsoft", what the authors'
            code calls the distance: half of the squared one, debiased (a Sinkhorn divergence) if the solver is
            `Sinkhorn`. Their default, an epsilon of 0.1 for halved costs, is `Sinkhorn(0.2)` here; theirs stops after
            one pass of annealing, unconverged, so numbers may differ by a percent or so.

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
    check_pair_memory(source, target, solver, feature_weight, label_weight)
    debias = solver if convention == "microsoft" and isinstance(solver, Sinkhorn) else None
    if debias:
        check_divergence_memory(max(len(source), len(target)))
    embedded = isinstance(solver, Sliced)
    whole = source.is_soft or target.is_soft or embedded or debias is not None
    table = label_table((source, target), labels or Bures(), cross_only=not whole) if label_weight > 0 else None
    problem = PairProblem(source, target, table, (0, 1), feature_weight, label_weight, embedded)
    plan = problem.solve(solver)
    value, converged = _in_unit(convention, plan) if debias is None else _debiased(problem, plan, debias)
    return DatasetDistance(
        value=value,
        convention=convention,
        squared=plan.value,
        lower=plan.lower,
        upper=plan.upper,
        plan=plan.coupling,
        potentials=plan.potentials,
        label_table=None if table is None else table.block(0, 1),
        source_labels=source.classes,
        target_labels=target.classes,
        n=(len(source), len(target)),
        seed=getattr(solver, "seed", None),
        standard_error=plan.standard_error,
        residual=plan.residual,
        converged=converged,
        seconds=time.perf_counter() - start,
    )


def _in_unit(convention: Convention, plan: Plan) -> tuple[float, bool]:
    """The value of a plan, and whether it converged."""
    value = {"squared": plan.value, "distance": math.sqrt(plan.value), "microsoft": plan.value / 2}[convention]
    return value, plan.converged


def _debiased(problem: PairProblem, plan: Plan, solver: Sinkhorn) -> tuple[float, bool]:
    """Half of the entropic value of `plan` without its bias, and whether all of its terms converged."""
    sides = problem.source, problem.target
    masses = [torch.as_tensor(data.weights, device=problem.source.device) for data in sides]
    absolute = in_absolute_units(solver, matrix(problem.cost), *masses)
    within = [replace(problem, source=data, target=data, places=(k, k)) for k, data in enumerate(sides)]
    own = [self_cost(one.cost, mass, absolute) for one, mass in zip(within, masses, strict=True)]
    value = plan.entropic - sum(term.value for term in own) / 2
    return value / 2, plan.converged and all(term.converged for term in own)
