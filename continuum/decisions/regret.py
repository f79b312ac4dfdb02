"""Regret: what it costs to decide by predicted parameters when others are true."""

from __future__ import annotations

from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import admit_masses

from .dataset import solve
from .problem import PtOProblem, admit_decisions, admit_parameters, admit_problem, sign

__all__ = ["decision_regret", "regret"]

Reduction = Literal["normalized", "mean", "sum"]

# What a solver may seem to do better than the optimum, relative to the size of the values: rounding of sums.
_ROUNDING = 1e-9
_VANISHING = 1e-12  # optima that sum to less than this share of the regrets divide them by rounding errors


def decision_regret(problem: PtOProblem, z: Any, y: Any, *, optimal: Any = None) -> NDArray[np.float64]:
    r"""By how much each decision is worse than the optimal one of its instance, (n,).

    $r_i = f(z_i, y_i) - f(z^*(y_i), y_i) \ge 0$ for a cost, and its negative for a value.

    Args:
        problem: what is decided.
        z: the decisions, (n, dim_z).
        y: the true parameters, (n, dim_y).
        optimal: the optimal decisions of `y`, if they are known; they are solved for otherwise.

    Raises:
        InvalidInputError: for NaN or arrays of other shapes, and if a decision beats the optimum, because it is not
            allowed or what is called optimal is not.
        IncompatibleError: if there are not as many decisions as instances.
    """
    problem = admit_problem(problem)
    z, y = admit_decisions(problem, z), admit_parameters(problem, y)
    if len(z) != len(y):
        raise IncompatibleError(f"there are {len(z)} decisions for {len(y)} instances; pair them one to one.")
    best = solve(problem, y) if optimal is None else admit_decisions(problem, optimal, "optimal")
    return _excess(problem, z, y, problem.paired(best, y))


@overload
def regret(
    problem: PtOProblem,
    predicted: Any,
    y: Any,
    *,
    reduction: Reduction = "normalized",
    optimal: Any = None,
    weights: Any = None,
) -> float: ...


@overload
def regret(
    problem: PtOProblem,
    predicted: Any,
    y: Any,
    *,
    reduction: Literal["none"],
    optimal: Any = None,
    weights: Any = None,
) -> NDArray[np.float64]: ...


def regret(
    problem: PtOProblem,
    predicted: Any,
    y: Any,
    *,
    reduction: Reduction | Literal["none"] = "normalized",
    optimal: Any = None,
    weights: Any = None,
) -> float | NDArray[np.float64]:
    r"""Regret of deciding by `predicted` where `y` is true.

    $r_i = |f(z^*(\hat y_i), y_i) - f(z^*(y_i), y_i)|$; "normalized" is $\sum_i r_i / \sum_i |f(z^*(y_i), y_i)|$, which
    has no unit. This is the SPO loss of Elmachtoub and Grigas (2022), normalised as by Tang and Khalil (2024).
    Where optima sum to 0, as those of a newsvendor without a price do, they add 1e-7 to the sum; here that is an error.

    Args:
        problem: what is decided.
        predicted: predicted parameters, (n, dim_y).
        y: true parameters, (n, dim_y).
        reduction: "normalized", "mean" or "sum"; "none" for the regret of each instance.
        optimal: the optimal decisions of `y`, such as `z` of a dataset, if they are known.
        weights: masses of the instances, (n,), which sum to 1, such as `weights` of a dataset; None for equal ones. The
            sum is n times the weighted mean.

    Returns:
        One number, or (n,) numbers for "none", which knows no weights.

    Raises:
        InvalidInputError: for NaN, arrays of other shapes, an unknown reduction, weights that are no masses or, if
            "normalized", optima that sum to 0.
        IncompatibleError: if there are not as many predictions as instances.

    Example:
        >>> from continuum.decisions import TopK
        >>> y = [[1.0, 2.0, 4.0]]
        >>> regret(TopK(items=3, k=1), [[0.0, 9.0, 0.0]], y, reduction="mean")  # takes 2 where 4 was to be had
        2.0
        >>> regret(TopK(items=3, k=1), [[0.0, 9.0, 0.0]], y)
        0.5
        >>> predicted = [[0.0, 9.0, 0.0], [0.0, 0.0, 1.0]]  # the second is right
        >>> regret(TopK(items=3, k=1), predicted, 2 * y, reduction="mean", weights=[0.75, 0.25])
        1.5
    """
    if reduction not in (*get_args(Reduction), "none"):
        raise InvalidInputError(f"`reduction` must be 'normalized', 'mean', 'sum' or 'none', got {reduction!r}.")
    problem = admit_problem(problem)
    predicted, y = admit_parameters(problem, predicted, "predicted"), admit_parameters(problem, y)
    if len(predicted) != len(y):
        raise IncompatibleError(f"there are {len(predicted)} predictions for {len(y)} instances; pair them one to one.")
    best = solve(problem, y) if optimal is None else admit_decisions(problem, optimal, "optimal")
    optima = problem.paired(best, y)
    excess = _excess(problem, solve(problem, predicted, "predicted"), y, optima)
    shares = len(y) * admit_masses(weights, len(y), "weights").numpy()
    if reduction == "none":
        return excess
    total = float(shares @ excess)
    if reduction == "normalized":
        return total / _total(shares * optima, total)
    return total / len(excess) if reduction == "mean" else total


def _excess(
    problem: PtOProblem, z: NDArray[np.float64], y: NDArray[np.float64], optima: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Regret of decisions over the optima of their instances, free of what rounding takes from 0."""
    values = problem.paired(z, y)
    excess = np.asarray(sign(problem) * (values - optima))
    scale = np.maximum(np.abs(values), np.abs(optima)) + np.abs(y).max(1)
    bad = np.flatnonzero(excess < -_ROUNDING * scale)
    if len(bad):
        first = int(bad[0])
        raise InvalidInputError(
            f"{len(bad)} decisions beat the optimum of {type(problem).__name__}, the first in row {first} by "
            f"{-excess[first]:.3g}: they are not allowed, or what is called optimal is not."
        )
    return np.maximum(excess, 0.0)


def _total(optima: NDArray[np.float64], regrets: float) -> float:
    total = float(np.abs(optima).sum())
    if total <= _VANISHING * max(regrets, np.finfo(np.float64).tiny / _VANISHING):
        raise InvalidInputError(
            f"optima of all {len(optima)} instances sum to {total:.3g}, which cannot normalise a regret of "
            f"{regrets:.3g}; pass reduction='mean'."
        )
    return total
