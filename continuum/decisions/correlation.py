"""Whether a distance tells how well a task transfers: correlations with their uncertainty, over a grid of weights."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from continuum.core import IncompatibleError, InvalidInputError, check_count, check_share, rng_for
from continuum.measures import admit_array

__all__ = ["Correlation", "correlate", "simplex_grid"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Correlation:
    """How a distance and a regret go together over n tasks.

    Attributes:
        pearson: coefficient of the linear relation; NaN if one of the two is constant.
        spearman: that of their ranks.
        pearson_interval: bootstrap interval of it.
        spearman_interval: the same of the other.
        n: number of tasks.
    """

    pearson: float
    spearman: float
    pearson_interval: tuple[float, float]
    spearman_interval: tuple[float, float]
    n: int


def simplex_grid(levels: int = 4) -> Array:
    """Weight triples of different directions, (k, 3), each of sum 1: those of whole numbers from 0 to `levels`.

    91 for the default, which is the grid of Rodriguez-Diaz et al. (2025).

    Example:
        >>> simplex_grid(1).round(2).tolist()[:4]
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]
    """
    check_count("levels", levels)
    counts = [triple for triple in itertools.product(range(levels + 1), repeat=3) if math.gcd(*triple) == 1]
    grid = np.array(counts, np.float64)
    return np.asarray(grid / grid.sum(1, keepdims=True))


def correlate(distances: Any, regrets: Any, *, samples: int = 2000, level: float = 0.95, seed: int = 0) -> Correlation:
    """Pearson's and Spearman's correlation of two lists of numbers, with bootstrap intervals.

    Intervals are quantiles over tasks drawn again with replacement (Efron and Tibshirani 1993, section 13.3); draws of
    one task only have no correlation and are left out.

    Args:
        distances: a distance of each task, (n,).
        regrets: what was lost there, (n,).
        samples: number of draws.
        level: share of draws that the interval holds.
        seed: seed of the draws.

    Raises:
        InvalidInputError: for fewer than 3 tasks, NaN, or an option out of range.
        IncompatibleError: if the lists differ in length.

    Example:
        >>> found = correlate([1, 2, 3, 4], [1, 8, 27, 64])
        >>> round(found.pearson, 3), found.spearman
        (0.951, 1.0)
    """
    check_count("samples", samples)
    check_share("level", level)
    x, y = (np.asarray(admit_array(v, k, ndim=1).cpu()) for v, k in ((distances, "distances"), (regrets, "regrets")))
    if len(x) != len(y):
        raise IncompatibleError(f"there are {len(x)} distances and {len(y)} regrets; pair them one to one.")
    if len(x) < 3:
        raise InvalidInputError(f"a correlation needs at least 3 tasks, got {len(x)}.")
    draws = rng_for(seed, "bootstrap").integers(len(x), size=(samples, len(x)))
    drawn = x[draws], y[draws]
    return Correlation(
        pearson=float(_pearson(x, y)),
        spearman=float(_spearman(x, y)),
        pearson_interval=_interval(_pearson(*drawn), level),
        spearman_interval=_interval(_spearman(*drawn), level),
        n=len(x),
    )


def _pearson(x: Array, y: Array) -> Array:
    """Along the last axis; NaN where one of the two is constant."""
    constant = (np.ptp(x, -1) == 0) | (np.ptp(y, -1) == 0)
    x, y = (v - v.mean(-1, keepdims=True) for v in (x, y))
    product, size = (x * y).sum(-1), np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return np.where(constant, np.nan, product / np.where(constant, 1.0, size))


def _spearman(x: Array, y: Array) -> Array:
    return _pearson(rankdata(x, axis=-1), rankdata(y, axis=-1))


def _interval(draws: Array, level: float) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
