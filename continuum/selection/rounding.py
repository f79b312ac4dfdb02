r"""Weights as whole numbers of examples: systematic rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_count, rng_for

__all__ = ["inclusion", "systematic_counts", "systematic_sample"]


def systematic_counts(weights: Any, k: int, *, seed: int = 0) -> NDArray[np.int64]:
    r"""How often each example is taken so that there are k in all: $|c_j - k w_j| < 1$, and $E\, c_j = k w_j$.

    Systematic sampling (Madow 1949): the whole parts of $k w_j$ are taken, and their fractions, laid end to end, are
    crossed by a ruler with marks at distance 1 that starts at random.

    Args:
        weights: of examples, (n,), not negative; normalised to sum to 1.
        k: how many are taken.
        seed: of the start of the ruler.

    Raises:
        InvalidInputError: if weights are no such vector.

    Example:
        >>> systematic_counts([0.5, 0.25, 0.25], 4)
        array([2, 1, 1])
    """
    check_count("k", k)
    return _rounded(k * _admit(weights), k, seed)


def systematic_sample(weights: Any, k: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Positions (k,) of k examples, none of them twice, each with its probability of `inclusion`.

    Args:
        weights: of examples, (n,).
        k: how many.
        seed: of the choice.

    Raises:
        InvalidInputError: if weights are no such vector, or fewer than k of them are positive.
    """
    return np.flatnonzero(_rounded(inclusion(weights, k), k, seed))


def inclusion(weights: Any, k: int) -> NDArray[np.float64]:
    r"""Probabilities $\min(1, c\, w_j)$ of sum k: proportional to weights, of which the largest are cut at 1.

    Args:
        weights: of examples, (n,).
        k: how many are to be taken.

    Raises:
        InvalidInputError: if weights are no such vector, or fewer than k of them are positive.

    Example:
        >>> inclusion([0.8, 0.1, 0.1], 2)
        array([1. , 0.5, 0.5])
    """
    w = _admit(weights)
    check_count("k", k)
    if k > (positive := int((w > 0).sum())):
        raise InvalidInputError(f"`k` is {k}, but only {positive} of {len(w)} examples have weight; ask for fewer.")
    falling = np.sort(w)[::-1]
    left = np.cumsum(falling[::-1])[::-1]  # weight of all but the q largest
    scale = (k - np.arange(k)) / left[:k]  # c if the q largest are cut; q < k, since each takes a whole one
    return np.asarray(np.minimum(1, scale[int((scale * falling[:k] <= 1).argmax())] * w))


def _rounded(expected: NDArray[np.float64], k: int, seed: int) -> NDArray[np.int64]:
    """Whole numbers of sum k, each less than 1 away from what is expected."""
    counts = np.floor(expected).astype(np.int64)
    open_ = np.flatnonzero(expected > counts)
    missing = k - int(counts.sum())
    if len(open_) and missing:
        ends = np.cumsum(expected[open_] - counts[open_])
        ends[-1] = missing  # which it is but for rounding
        marks = np.floor(ends + rng_for(seed, "systematic").random()).astype(np.int64)
        counts[open_] += np.diff(marks, prepend=0)
    return counts


def _admit(weights: Any) -> NDArray[np.float64]:
    found = np.asarray(weights, float)
    if found.ndim != 1 or not (np.isfinite(found).all() and (found >= 0).all() and found.sum() > 0):
        raise InvalidInputError(
            f"`weights` must be a vector of finite numbers, not negative, with a positive sum; got shape {found.shape}."
        )
    return np.asarray(found / found.sum())
