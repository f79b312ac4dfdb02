r"""How sure a mean is: 95 % intervals over seeds and items, and paired resamples of whole curves.

Measurements are arrays whose last axes are seeds and items, one of which may have length 1. They are crossed: each seed
saw every item. For a mean there is a formula; for what is not linear in the measurements there is the
bootstrap, which draws seeds and items independently, the same ones for all points and labels (Owen (2007), "The
pigeonhole bootstrap"; Sellam et al. (2022), "The MultiBERTs").
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from continuum.core import rng_for

__all__ = ["Mean", "mean_interval", "percentile_interval", "resampled_curves"]

Array = NDArray[np.float64]

_TAIL = 0.025
_CHUNK = 2**24  # numbers held at once while resampling


class Mean(NamedTuple):
    """A mean and its 95 % interval, which is NaN where one measurement tells nothing of the spread."""

    mean: float
    low: float
    high: float


def mean_interval(x: Array) -> Mean:
    r"""Mean of crossed measurements with its 95 % Student-t interval.

    The variance of the mean is taken as $s_S^2 / S + s_M^2 / M$, where $s_S^2$ is the variance of the means of the $S$
    seeds and $s_M^2$ that of the means of the $M$ items; it is that of the paired bootstrap up to factors
    $1 - 1/S$ and $1 - 1/M$. The degrees of freedom are Satterthwaite's. With one item this is the usual interval over
    seeds, with one seed that over items. The bootstrap itself is too narrow for few seeds: that of $S$ seeds never
    covers more than $1 - 2^{1 - S}$.

    Args:
        x: measurements, (seeds, items).
    """
    mean = float(x.mean()) if x.size else math.nan
    parts = [(x.mean(axis=1 - axis).var(ddof=1) / n, n - 1) for axis, n in enumerate(x.shape) if x.size and n > 1]
    if not parts:
        return Mean(mean, math.nan, math.nan)
    variance = sum(v for v, _ in parts)
    freedom = variance**2 / sum(v**2 / n for v, n in parts) if variance > 0 else 1.0
    half = float(stdtrit(freedom, 1 - _TAIL) * math.sqrt(variance)) if variance >= 0 else math.nan
    return Mean(mean, mean - half, mean + half)


def resampled_curves(x: Array, draws: int) -> Array:
    """Means of all points under resampled seeds and items, (draws, points); the same draws for every array.

    Args:
        x: measurements, (points, seeds, items).
        draws: how often to draw.
    """
    points, seeds, items = x.shape
    of_seeds, of_items = rng_for(0, "bootstrap", "seeds"), rng_for(0, "bootstrap", "items")
    chunk = max(_CHUNK // (points * max(seeds, items)), 1)
    found = []
    for start in range(0, draws, chunk):
        n = min(chunk, draws - start)
        by_item = np.tensordot(_shares(of_seeds, seeds, n), x, axes=(1, 1))  # (n, points, items)
        found.append(np.einsum("npi,ni->np", by_item, _shares(of_items, items, n)))
    return np.concatenate(found)


def percentile_interval(drawn: Array, n: int) -> tuple[Any, Any]:
    r"""Percentiles of a statistic over resamples (first axis), widened for small samples.

    The tails are $\Phi(-\sqrt{n / (n - 1)}\, t_{n - 1})$ instead of 2.5 %, which gives a mean the width of Student's
    interval (Hesterberg (2015), "What teachers should know about the bootstrap", section 5.3). NaN where `n` is 1, or
    where more than a tail of the resamples is undefined.

    Args:
        drawn: the statistic of each resample, (draws, ...).
        n: how many seeds or items were drawn each time.
    """
    if n < 2:
        nowhere = np.full(drawn.shape[1:], np.nan)
        return nowhere, nowhere
    tail = float(ndtr(-math.sqrt(n / (n - 1)) * stdtrit(n - 1, 1 - _TAIL)))
    known = np.mean(np.isnan(drawn), axis=0) <= _TAIL
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(np.where(known, drawn, 0.0), [tail, 1 - tail], axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _shares(rng: np.random.Generator, size: int, draws: int) -> Array:
    """How much of each resample each member is, (draws, size)."""
    return rng.multinomial(size, np.full(size, 1 / size), size=draws) / size
