r"""Critical lines of Markowitz (1956), of many instances at once.

$\arg\min_z \frac12 z^\top \Sigma z - \langle z, c + s d \rangle$ over the simplex is piecewise linear in s: along one
critical line the assets that are held stay the same. With u = (z, mu) and w = (c + s d + g, 1),

$$w = M u, \qquad M = \begin{pmatrix} \Sigma & 1 \\ 1^\top & 0 \end{pmatrix}, \qquad z, g \ge 0, \quad z_i g_i = 0,$$

and the next line follows by one principal pivot of M, which exchanges a $z_i$ for its $g_i$: of the order of m^2
operations, where solving anew takes m^3.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from continuum.core import NotConvergedError

__all__ = ["held_assets", "portfolios"]

Array = NDArray[np.float64]
Held = NDArray[np.bool_]

_ROUNDING = 1e-13  # of slopes, relative to the sum of the sizes of their parts
_LINES = 100  # lines for each asset, many times what is seen: a bound should rounding go in circles


def held_assets(
    covariance: Array, held: Held, constant: Array, slope: Array, *, until: float = 1.0, risk: float = math.inf
) -> Held:
    """The assets of optimal portfolios at s = `until`, or where their risk reaches a bound, (n, m), from s = 0 on.

    Args:
        covariance: positive definite, (m, m).
        held: assets that all instances hold at s = 0, (m,).
        constant: c of each instance, (n, m).
        slope: d of each instance, (n, m).
        until: the s where to end, infinite to end where nothing changes any more.
        risk: bound on the variance; with it, `constant` is 0.

    Raises:
        NotConvergedError: if rounding makes the search go in circles.
    """
    n, m = constant.shape
    table = np.repeat(_tableau(covariance, held)[None], n, 0)
    held, everyone, reached = np.repeat(held[None], n, 0), np.arange(n), np.zeros(n)
    found = np.zeros((n, m), bool)
    peak = np.zeros(n)  # of the inverse: where one asset is left, of whose entries 0 remains, this is what they were
    for _ in range(_LINES * m):
        peak = np.maximum(peak, np.where(held, table.diagonal(0, 1, 2)[:, :m], 0.0).max(1))
        line, rise, rounding = _lines(table, held, constant, slope)
        rounding += _ROUNDING * (peak * np.abs(held * slope).sum(1))[:, None]
        crossings = np.full(held.shape, np.inf)
        np.divide(-line[:, :m], rise[:, :m], out=crossings, where=rise[:, :m] < -rounding[:, :m])
        np.maximum(crossings, reached[:, None], out=crossings)
        first, reached = crossings.argmin(1), crossings.min(1)  # of several that cross together the lowest index
        end = np.minimum(until, _where_risk_is(risk, line, (rise[:, :m] * held * slope).sum(1)))
        is_over = (end <= reached) | np.isinf(reached)
        if is_over.any():
            found[everyone[is_over]] = held[is_over]
            state = (table, held, constant, slope, everyone, reached, first, peak)
            table, held, constant, slope, everyone, reached, first, peak = (array[~is_over] for array in state)
        if not len(everyone):
            return found
        _pivot(table, first)
        held[np.arange(len(held)), first] ^= True
    raise NotConvergedError(
        f"{len(everyone)} portfolios were not found on {_LINES * m} critical lines: the covariance is singular to "
        "rounding; add a small multiple of the identity."
    )


def portfolios(
    covariance: Array, held: Held, constant: Array, slope: Array, *, until: float = 1.0, risk: float = math.inf
) -> Array:
    """Optimal portfolios of assets that are known, (n, m), free of the rounding of many pivots.

    The arguments are those of `held_assets`, whose answer `held` (n, m) is.
    """
    n, m = held.shape
    is_solved = np.append(held, np.ones((n, 1), bool), 1)
    system = np.where(is_solved[:, :, None] & is_solved[:, None, :], _system(covariance), np.eye(m + 1))
    sides = _sides(held, constant, slope)
    line, rise = np.moveaxis(np.linalg.solve(system, sides), -1, 0)
    end = np.minimum(until, _where_risk_is(risk, line, (rise * sides[..., 1]).sum(1)))
    s = np.where(np.isfinite(end), end, 0.0)[:, None]  # a line without an end does not move
    return np.asarray(line[:, :m] + s * rise[:, :m])


def _where_risk_is(risk: float, line: Array, growth: Array) -> Array:
    r"""The s at which each line reaches a risk, where c = 0.

    The variance is then $-\mu_0 + s^2 \langle b, d \rangle$ with $\mu_0$ the last entry of the line at s = 0 and b the
    slope of z, since $\Sigma z + \mu = s d$ where an asset is held, and b sums to 0.
    """
    squared = np.full(len(line), np.inf)
    np.divide(np.maximum(risk + line[:, -1], 0.0), growth, out=squared, where=growth > 0)
    return np.asarray(np.sqrt(squared))


def _lines(table: Array, held: Held, constant: Array, slope: Array) -> tuple[Array, Array, Array]:
    """u where held and g where not, as lines in s: their value at 0, their slope, and how much of it is rounding."""
    sides = _sides(held, constant, slope)
    lines = table @ sides
    rounding = _ROUNDING * (np.abs(table) @ np.abs(sides[..., 1:]))[..., 0]
    outside = ~held
    lines[:, :-1, 0] -= constant * outside
    lines[:, :-1, 1] -= slope * outside
    rounding[:, :-1] += _ROUNDING * np.abs(slope) * outside
    return lines[..., 0], lines[..., 1], rounding


def _sides(held: Held, constant: Array, slope: Array) -> Array:
    """w where an asset is held and for the budget, as a line in s: its value at 0 and its slope, (n, m + 1, 2)."""
    sides = np.zeros((len(held), held.shape[1] + 1, 2))
    sides[:, :-1] = np.stack([constant, slope], -1) * held[..., None]
    sides[:, -1, 0] = 1.0
    return sides


def _system(covariance: Array) -> Array:
    """M, (m + 1, m + 1)."""
    bordered = np.pad(covariance, (0, 1), constant_values=1.0)
    bordered[-1, -1] = 0.0
    return np.asarray(bordered)


def _tableau(covariance: Array, held: Held) -> Array:
    """M after pivots on the assets that are held, and on the budget."""
    table = _system(covariance)[None]
    for place in (*np.flatnonzero(held), len(covariance)):
        _pivot(table, np.array([place]))
    return np.asarray(table[0])


def _pivot(table: Array, places: NDArray[np.intp]) -> None:
    """Exchange one u for its w in each instance, in place."""
    everyone = np.arange(len(table))
    row, column = table[everyone, places], table[everyone, :, places]
    pivot = row[everyone, places][:, None]
    row = row / pivot
    table -= column[:, :, None] * row[:, None, :]
    table[everyone, places] = -row
    table[everyone, :, places] = column / pivot
    table[everyone, places, places] = 1 / pivot[:, 0]
