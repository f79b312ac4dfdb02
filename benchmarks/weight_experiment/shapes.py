"""Is a curve straight, does it turn back, and how far outside [0, 1] does a model stay whole?"""

from __future__ import annotations

import numpy as np
from measured import Array, interval

from continuum.harness.summaries import largest_jump, monotonicity

SHAPE = ("R2", "chord deviation", "V", "K")
TOLERANCE = 1.1  # of perplexity, over the worse of the two ends
_ROUNDING = 1e-12


def shape(alphas: Array, values: Array) -> Array:
    """R² of a line; largest distance from the chord; share that turns back; steepest step, in units of the chord.

    A straight line has 1, 0, 0, 1. What is undefined, as on a flat curve, is NaN.
    """
    change = values[-1] - values[0]
    share = (alphas - alphas[0]) / (alphas[-1] - alphas[0])
    spread = np.abs(values - values[0] - share * change).max()
    whole = monotonicity(alphas, values)
    back = (1 - whole) / 2
    back = 0.0 if abs(back) < _ROUNDING else back  # a sum of steps rounds differently from their total
    squared = np.corrcoef(alphas, values)[0, 1] ** 2 if np.ptp(values) else np.nan
    return np.array([squared, spread / abs(change), back, largest_jump(alphas, values) / whole])


def shape_row(alphas: Array, blocks: Array, low: float, high: float) -> dict[str, list[float]]:
    """The numbers of `shape` between two alphas, each with its interval over blocks (points, blocks)."""
    kept = (alphas >= low) & (alphas <= high)
    x, y = alphas[kept], blocks[kept]
    found = shape(x, np.nanmean(y, 1))
    bounds = interval(lambda chosen: shape(x, np.nanmean(y[:, chosen], 1)), y.shape[1])
    return {name: [float(v), float(a), float(b)] for name, v, a, b in zip(SHAPE, found, *bounds, strict=True)}


def stable_interval(alphas: Array, log_perplexity: Array) -> tuple[float, float]:
    """The interval around [0, 1] on which perplexity is within `TOLERANCE` of the worse end.

    Between grid points the logarithm of perplexity is taken as linear. If it holds up to the end of the grid, that end
    is returned: the interval is at least so long.
    """
    ends = [float(log_perplexity[alphas == end][0]) for end in (0.0, 1.0)]
    limit = max(ends) + np.log(TOLERANCE)
    start = int(np.flatnonzero(alphas == 0.0)[0]), int(np.flatnonzero(alphas == 1.0)[0])
    return _edge(alphas, log_perplexity, limit, start[0], -1), _edge(alphas, log_perplexity, limit, start[1], 1)


def _edge(alphas: Array, values: Array, limit: float, place: int, step: int) -> float:
    while 0 <= place + step < len(alphas):
        a, b = values[place], values[place + step]
        if b > limit:
            return float(alphas[place] + (limit - a) / (b - a) * (alphas[place + step] - alphas[place]))
        place += step
    return float(alphas[place])
