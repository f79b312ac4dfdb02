"""The transfer bound: what a predictor may lose on the target, from what it loses on the source and from a plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import admit_array

from .dataset import PtODataset, solve
from .problem import PtOProblem, admit_parameters, check_same_problem, sign

__all__ = ["Predictor", "TransferBound", "transfer_bound"]

Predictor = Callable[[Any], Any]  # features (n, ...) -> parameters (n, dim_y)
Array = NDArray[np.float64]

_MASS_TOLERANCE = 1e-6
_CHUNK = 2**14  # pairs whose objectives are read at a time


@dataclass(frozen=True)
class TransferBound:
    r"""The terms of the transfer bound, means under a plan, in the unit of the objective.

    Attributes:
        target_regret: mean regret on the target, what is bounded.
        source_regret: mean regret on the source.
        prediction: $|f(p', y') - f(p, y')|$, p and p' what is decided for the two ends: what the predictor makes of the
            change of features.
        relabelled_prediction: $|f(p, y') - f(p, y)|$.
        relabelled_decision: $|f(z, y) - f(z, y')|$.
        disparity: $f(z, y') - f(z', y')$.
    """

    target_regret: float
    source_regret: float
    prediction: float
    relabelled_prediction: float
    relabelled_decision: float
    disparity: float

    @property
    def bound(self) -> float:
        """The sum of all terms but the first."""
        return math.fsum(getattr(self, field.name) for field in fields(self)[1:])

    @property
    def slack(self) -> float:
        """By how much the bound is above the regret on the target; not negative, up to rounding."""
        return self.bound - self.target_regret


def transfer_bound(source: PtODataset, target: PtODataset, plan: Any, predict: Predictor) -> TransferBound:
    r"""What a predictor h may lose on the target, by any plan between the datasets.

    With $p = z^*(h(x))$, f a cost (a value is negated) and any coupling $\pi$ of the two datasets,

    $$R_T(h) \le R_S(h) + E_\pi \left[ |f(p', y') - f(p, y')| + |f(p, y') - f(p, y)| + |f(z, y) - f(z, y')|
    + f(z, y') - f(z', y') \right],$$

    by telescoping $f(p', y') - f(z', y')$ over $f(p, y')$, $f(p, y)$, $f(z, y)$ and $f(z, y')$. Regrets are those over
    the decisions of the datasets. If f is $L_y$-Lipschitz in y and the first term is at most $L_x d(x, x')$, the whole
    is at most $E_\pi[L_x d(x, x') + 2 L_y d(y, y') + g]$ above $R_S(h)$: the cost of the plan at weights
    `Lipschitz(L_x, L_y)`.

    Args:
        source: a dataset.
        target: another one of the same problem.
        plan: mass moved from i to j, (n, m), such as `plan` of a `DecisionDistance`; its sums are the weights.
        predict: the predictor: parameters (n, dim_y) of features (n, ...).

    Raises:
        IncompatibleError: if the problems differ, or the plan is none between these datasets.
        InvalidInputError: for predictions of another shape, or NaN.

    Example:
        >>> from continuum.decisions import TopK, decision_distance
        >>> problem = TopK(items=2)
        >>> source = PtODataset([[0.0], [1.0]], [[3.0, 1.0], [1.0, 4.0]], problem)
        >>> target = PtODataset([[0.0], [1.0]], [[1.0, 3.0], [5.0, 1.0]], problem)
        >>> plan = decision_distance(source, target, mode="priced").plan
        >>> found = transfer_bound(source, target, plan, lambda x: source.y)  # right on the source, wrong on the target
        >>> found.source_regret, found.target_regret, found.bound
        (0.0, 3.0, 8.0)
    """
    check_same_problem(source.problem, target.problem)
    rows, columns, masses = _pairs(plan, source, target)
    start, end = _side(source, predict), _side(target, predict)
    terms = np.zeros(4)
    for first in range(0, len(masses), _CHUNK):
        part = slice(first, first + _CHUNK)
        terms += masses[part] @ _telescoped(start, end, rows[part], columns[part])
    return TransferBound(end.regret, start.regret, *terms.tolist())


@dataclass(frozen=True, eq=False)
class _Side:
    """A dataset, what is decided there by predictions, and what both kinds of decisions cost."""

    data: PtODataset
    predicted: Array
    predicted_cost: Array
    own_cost: Array

    @property
    def regret(self) -> float:
        return float(self.data.weights @ (self.predicted_cost - self.own_cost))


def _side(data: PtODataset, predict: Predictor) -> _Side:
    problem = data.problem
    parameters = admit_parameters(problem, predict(data.x), "predict(x)")
    if len(parameters) != len(data):
        raise InvalidInputError(f"`predict` gave {len(parameters)} predictions for {len(data)} instances.")
    predicted = solve(problem, parameters, "predict(x)")
    return _Side(data, predicted, _cost(problem, predicted, data.y), _cost(problem, data.z, data.y))


def _cost(problem: PtOProblem, z: Array, y: Array) -> Array:
    return np.asarray(sign(problem) * problem.paired(z, y))


def _telescoped(start: _Side, end: _Side, i: Any, j: Any) -> Array:
    """The four terms of each pair, (k, 4)."""
    problem, y = start.data.problem, end.data.y[j]
    moved, swapped = (_cost(problem, z[i], y) for z in (start.predicted, start.data.z))
    terms = [
        np.abs(end.predicted_cost[j] - moved),
        np.abs(moved - start.predicted_cost[i]),
        np.abs(start.own_cost[i] - swapped),
        swapped - end.own_cost[j],
    ]
    return np.stack(terms, 1)


def _pairs(plan: Any, source: PtODataset, target: PtODataset) -> tuple[Any, Any, Array]:
    """The pairs of a plan that have mass, and the mass."""
    moved = plan.tocoo() if hasattr(plan, "tocoo") else coo_array(np.asarray(admit_array(plan, "plan", ndim=2).cpu()))
    if moved.shape != (len(source), len(target)):
        raise IncompatibleError(
            f"`plan` must be ({len(source)}, {len(target)}), one row for each source instance, got {moved.shape}."
        )
    for name, sums, data in (("rows", moved.sum(1), source), ("columns", moved.sum(0), target)):
        off = float(np.abs(np.asarray(sums).ravel() - data.weights).sum())
        if not off <= _MASS_TOLERANCE or (moved.data < 0).any():
            raise IncompatibleError(
                f"`plan` is no plan of these datasets: its {name} miss their weights by {off:.3g}, or mass is negative."
            )
    return *moved.coords, moved.data
