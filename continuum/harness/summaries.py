r"""Path-level numbers: what a curve of metric values says about a path.

Every function is pure. `s` are increasing coordinates, which are rescaled to [0, 1] first; `u` are the values of a
metric there, turned so that larger is better, averaged over seeds. What is undefined is NaN, never 0; a NaN in `u`
makes the number NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from continuum.core import InvalidInputError

__all__ = [
    "PATH_NUMBERS",
    "advantage",
    "barrier",
    "coverage_gap",
    "curve_of",
    "decision_accuracy",
    "endpoint_fidelity",
    "frankle_barrier",
    "largest_jump",
    "monotonicity",
    "spearman",
    "tracking_rmse",
    "win_share",
]

Array = NDArray[np.float64]


def monotonicity(s: ArrayLike, u: ArrayLike) -> float:
    r"""Net change over total variation, $|u_n - u_0| / \sum_i |u_{i+1} - u_i|$: 1 if and only if `u` never turns back.

    Example:
        >>> monotonicity([0, 1, 2], [0.0, 2.0, 1.0])
        0.3333333333333333
    """
    _, u = curve_of(s, u)
    return _ratio(abs(u[-1] - u[0]), _variation(u))


def spearman(s: ArrayLike, u: ArrayLike) -> float:
    r"""Spearman's rank correlation of `s` and `u`: 1 if `u` always increases; NaN if it is constant.

    Pearson's correlation of the ranks, where ties share their average rank.
    """
    _, u = curve_of(s, u)
    if np.isnan(u).any():
        return np.nan
    a, b = np.arange(len(u)) - (len(u) - 1) / 2, _ranks(u) - (len(u) + 1) / 2
    return _ratio(float(a @ b), float(np.sqrt((a @ a) * (b @ b))))


def barrier(s: ArrayLike, u: ArrayLike) -> float:
    r"""Depth below the chord, $\max_i \left[(1 - s_i) u_0 + s_i u_n - u_i\right]$.

    At least 0; equal to 0 if and only if the path never falls below the chord.
    """
    s, u = curve_of(s, u)
    return float(np.max(_chord(s, u) - u))


def frankle_barrier(s: ArrayLike, u: ArrayLike) -> float:
    r"""Depth below the mean of the ends, $\max_i \left[(u_0 + u_n)/2 - u_i\right]$.

    Frankle et al. (2020), "Linear mode connectivity and the lottery ticket hypothesis", section 2, where the ends have
    about the same error. With unequal ends it is positive even on a straight line; see `barrier`.
    """
    _, u = curve_of(s, u)
    return float(np.max((u[0] + u[-1]) / 2 - u))


def largest_jump(s: ArrayLike, u: ArrayLike) -> float:
    r"""Steepest step over total variation, $\max_i |\Delta u_i / \Delta s_i| / \sum_i |\Delta u_i|$.

    1 on a straight line; $n$ if all of the change happens in one of $n$ equal steps.
    """
    s, u = curve_of(s, u)
    return _ratio(float(np.max(np.abs(np.diff(u) / np.diff(s)))), _variation(u))


def advantage(s: ArrayLike, u: ArrayLike) -> float:
    r"""Mean height over the chord, $\int_0^1 [u(s) - (1 - s) u_0 - s u_n] \, ds$ by the trapezoidal rule.

    Positive if the path beats mixing the two ends at random.
    """
    s, u = curve_of(s, u)
    return float(np.trapezoid(u - _chord(s, u), s))


def endpoint_fidelity(at_ends: ArrayLike, ends: ArrayLike) -> float:
    r"""Largest gap between the ends of a path and the choices they stand for, $\max_p |m(\mathrm{at}(p)) - m(e_p)|$.

    Args:
        at_ends: metric of the path at the endpoints.
        ends: metric of the endpoints themselves, in the same order.
    """
    gaps = np.abs(np.asarray(at_ends, float) - np.asarray(ends, float))
    return float(np.max(gaps)) if gaps.size else np.nan


def tracking_rmse(u: ArrayLike, target: ArrayLike) -> float:
    r"""Root mean square distance to a tabulated baseline, $\sqrt{\frac1n \sum_i (u_i - v_i)^2}$, at the shared points.

    This is how well cheap interpolated models track those that were trained one by one.
    """
    gaps = np.asarray(u, float) - np.asarray(target, float)
    return float(np.sqrt(np.mean(gaps**2))) if gaps.size else np.nan


def win_share(u: ArrayLike, v: ArrayLike) -> float:
    r"""Share of points at which the path beats a baseline: $\frac1n \#\{i : \overline{u_i - v_i} > 0\}$.

    Args:
        u: metric of the path, (points,) or (points, seeds); NaN where there is none.
        v: metric of the baseline at the same points and seeds. Differences are taken seed by seed, then averaged. A
            tie is not a win; a point without a pair does not count.
    """
    gaps = np.asarray(u, float) - np.asarray(v, float)
    gaps = gaps.reshape(len(gaps), -1)
    gaps = gaps[~np.isnan(gaps).all(axis=1)]
    return float(np.mean(np.nanmean(gaps, axis=1) > 0)) if len(gaps) else np.nan


def coverage_gap(u: ArrayLike) -> float:
    r"""Largest gap between neighbouring values over their range: how far what one wants may be from what there is.

    For a cost, the largest gap between budgets that a family can meet exactly: $1/n$ for $n$ even steps, 1 for two
    choices. NaN if all values are equal, or one is NaN.

    Example:
        >>> coverage_gap([0.0, 4.0, 1.0])
        0.75
    """
    u = np.sort(np.asarray(u, float))
    return _ratio(float(np.max(np.diff(u))), float(u[-1] - u[0])) if len(u) > 1 else np.nan


def decision_accuracy(small: ArrayLike, large: ArrayLike) -> float:
    r"""Share of pairs of candidates that a small experiment orders as the large one does.

    Magnusson et al. (2025), "DataDecide". Pairs that are equal at large scale do not count; a pair that is equal at
    small scale is decided by a coin and counts half.

    Args:
        small: metric of each candidate in the small experiment, (candidates,).
        large: metric of the same candidates in the large one.

    Returns:
        1 if every choice between two candidates can be made in the small experiment, 1/2 for coins; NaN without a pair.

    Raises:
        InvalidInputError: if the two have other lengths.

    Example:
        >>> decision_accuracy([0.1, 0.2, 0.3], [1.0, 3.0, 2.0])
        0.6666666666666666
    """
    x, y = np.asarray(small, float), np.asarray(large, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise InvalidInputError(f"`small` and `large` need one number for each candidate, got {x.shape} and {y.shape}.")
    first, second = np.triu_indices(len(x), 1)
    by_small, by_large = x[second] - x[first], y[second] - y[first]
    if np.isnan(by_small).any() or np.isnan(by_large).any():
        return np.nan
    counts = by_large != 0
    agree = (1 + np.sign(by_small[counts]) * np.sign(by_large[counts])) / 2
    return float(agree.mean()) if counts.any() else np.nan


PATH_NUMBERS = (monotonicity, spearman, barrier, frankle_barrier, largest_jump, advantage)


def curve_of(s: ArrayLike, u: ArrayLike) -> tuple[Array, Array]:
    """`s` rescaled to [0, 1], and `u`, both checked.

    Raises:
        InvalidInputError: if they are no curve of at least two points.
    """
    s, u = np.asarray(s, float), np.asarray(u, float)
    if s.ndim != 1 or s.shape != u.shape or len(s) < 2:
        raise InvalidInputError(f"a curve needs `s` and `u` of one length, at least 2, got {s.shape} and {u.shape}.")
    if not (np.diff(s) > 0).all():
        raise InvalidInputError(f"the coordinates of a curve must increase, got {s}.")
    return (s - s[0]) / (s[-1] - s[0]), u


def _chord(s: Array, u: Array) -> Array:
    return np.asarray((1 - s) * u[0] + s * u[-1])


def _variation(u: Array) -> float:
    return float(np.sum(np.abs(np.diff(u))))


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 else np.nan


def _ranks(u: Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, where, counts = np.unique(u, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[where], float)
