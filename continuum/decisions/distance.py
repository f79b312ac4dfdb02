"""The decision-aware distance between two predict-then-optimise datasets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import InvalidInputError, check_weight
from continuum.measures import SolverLike, solve

from .components import Components, Triple, admit_triple
from .cost import DecisionAwareCost
from .dataset import PtODataset
from .pricing import plan_cost, row_costs

__all__ = ["DecisionDistance", "ModeLike", "Priced", "decision_distance"]


@dataclass(frozen=True)
class Priced:
    """The plan is chosen by features and labels alone; decisions only price it.

    Args:
        features: weight of the features in the choice of the plan.
        labels: weight of the labels in it.

    Raises:
        InvalidInputError: if both are 0, or one is negative or not finite.
    """

    features: float = 1.0
    labels: float = 0.0

    def __post_init__(self) -> None:
        check_weight("features", self.features)
        check_weight("labels", self.labels)
        if not self.features + self.labels > 0:
            raise InvalidInputError("`features` and `labels` must not both be 0: they choose the plan.")


ModeLike = Literal["joint", "priced"] | Priced


@dataclass(frozen=True, eq=False)
class DecisionDistance:
    """A decision-aware distance, and what it is made of.

    Attributes:
        value: cost of `plan` at `weights`.
        weights: those of features, labels and decisions.
        mode: "joint" or "priced".
        plan: mass moved between instances, (n, m); sparse but for `Sinkhorn`.
        lower: certified lower bound on the least cost of the problem that chose the plan: that of `value` if joint,
            that of features and labels as `Priced` weighs them if priced.
        upper: certified upper bound on it, the cost of the plan.
        standard_error: of that cost for a random solver, 0 for the others.
        converged: whether the solver met its tolerance.
        parts: the ground costs.
    """

    value: float
    weights: Triple
    mode: Literal["joint", "priced"]
    plan: csr_array | Tensor
    lower: float
    upper: float
    standard_error: float
    converged: bool
    parts: Components

    @cached_property
    def components(self) -> Triple:
        """What the plan costs in features, labels and decisions, each in the unit of `scales`."""
        x, y, z = (plan_cost(part, self.plan) for part in (self.parts.x, self.parts.y, self.parts.z))
        return x, y, z

    @property
    def scales(self) -> Triple:
        """What features, labels and decisions were divided by."""
        return self.parts.scales

    def at(self, weights: Any) -> float:
        """What the same plan costs at other weights, without another solve.

        It is the priced distance at these weights; for a joint plan an upper bound on the joint distance there.

        Raises:
            InvalidInputError: if they are not three finite numbers of at least 0, one of them positive.
        """
        pairs = zip(admit_triple(weights), self.components, strict=True)
        return sum(weight * part for weight, part in pairs)

    @property
    def row_disparity(self) -> NDArray[np.float64]:
        """Mean disparity of each source instance under the plan, (n,), in the unit of the objective; NaN without mass.

        The rows of a pool with the largest ones are those that would mislead on the target.
        """
        paid = np.asarray(row_costs(self.parts.z, self.plan)) * self.scales[2]
        with np.errstate(invalid="ignore"):
            return np.asarray(paid / self.parts.parts[2].source.weights)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        shape = self.plan.shape[0], self.plan.shape[1]
        weights = ", ".join(f"{weight:.3g}" for weight in self.weights)
        value = f"{self.mode}={self.value:.6g}, weights=({weights})"
        return f"DecisionDistance({value}, n={shape}, converged={self.converged})"


def decision_distance(
    source: PtODataset,
    target: PtODataset,
    cost: DecisionAwareCost | None = None,
    *,
    mode: ModeLike = "joint",
    solver: SolverLike = "auto",
) -> DecisionDistance:
    r"""Optimal transport distance between two datasets of one predict-then-optimise problem.

    "joint" is $\min_\pi \langle \pi, c \rangle$ with the whole cost, the distance of Rodriguez-Diaz et al. (2025).
    Where decisions weigh much, such a plan pairs instances of equal decisions, whatever their features are, and the
    distance says little of transfer. "priced" takes the plan that is best for features (and labels, see `Priced`), and
    returns what it costs: decisions are counted without a say in the plan. Its value is never below the joint one, it
    is linear in the weights, and one solve serves all of them, see `DecisionDistance.at`. Where several plans are best
    for the features, its price is that of the one that the solver found.

    Args:
        source: a dataset.
        target: another one of the same problem.
        cost: weights and metrics; None for `DecisionAwareCost(problem)`, equal weights of parts in the units of the
            target.
        mode: "joint", "priced" or `Priced(features, labels)`.
        solver: from `continuum.measures`; see `continuum.measures.solve`.

    Returns:
        A `DecisionDistance`. If its `converged` is false a `ConvergenceWarning` was given, and its bounds still hold.

    Raises:
        IncompatibleError: if the problems differ, or features of positive weight do in dimension.
        InvalidInputError: if an option is unknown.
        ResourceError: if the plan cannot fit into memory.

    Example:
        >>> from continuum.decisions import PtODataset, TopK
        >>> x, problem = [[0.0], [1.0]], TopK(items=2)
        >>> source = PtODataset(x, [[3.0, 1.0], [1.0, 4.0]], problem)
        >>> target = PtODataset(x, [[1.0, 3.0], [5.0, 1.0]], problem)  # the other item is the better one
        >>> cost = DecisionAwareCost(problem, scale=None)
        >>> distance = decision_distance(source, target, cost, mode="priced")
        >>> distance.components[2], distance.at((0, 0, 1))  # 2 and 4 are lost
        (3.0, 3.0)
        >>> decision_distance(source, target, cost).components[2]  # the joint plan pairs equal decisions
        0.0
    """
    cost = DecisionAwareCost(source.problem) if cost is None else cost
    if not isinstance(cost, DecisionAwareCost):
        raise InvalidInputError(f"`cost` must be a DecisionAwareCost, got {type(cost).__name__}.")
    parts, priced = cost.components(source, target), _admitted(mode)
    chosen_by = cost.triple if priced is None else (priced.features, priced.labels, 0.0)
    plan = solve(parts.weighted(chosen_by), source.weights, target.weights, solver=solver)
    return DecisionDistance(
        value=plan.value if priced is None else _price(parts, cost.triple, plan.coupling),
        weights=cost.triple,
        mode="joint" if priced is None else "priced",
        plan=plan.coupling,
        lower=plan.lower,
        upper=plan.upper,
        standard_error=plan.standard_error,
        converged=plan.converged,
        parts=parts,
    )


def _admitted(mode: Any) -> Priced | None:
    """How the plan is priced; None if it is chosen by the whole cost."""
    if isinstance(mode, Priced):
        return mode
    if not isinstance(mode, str) or mode not in ("joint", "priced"):
        raise InvalidInputError(f"`mode` must be 'joint', 'priced' or Priced(features, labels), got {mode!r}.")
    return Priced() if mode == "priced" else None


def _price(parts: Components, weights: Triple, coupling: csr_array | Tensor) -> float:
    return plan_cost(parts.weighted(weights), coupling)
