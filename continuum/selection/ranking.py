"""Orderings by a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from continuum.core import check_count

from .keys import best_first
from .ordering import Ordering

__all__ = ["admitted_count", "ranked"]


def admitted_count(k_max: int | None, n: int) -> int:
    """How many to choose from `n`; all if `k_max` is None.

    Raises:
        InvalidInputError: if it is no number from 1 to n.
    """
    if k_max is None:
        return n
    check_count("k_max", k_max, most=n)
    return int(k_max)


def ranked(scores: NDArray[np.floating], k: int, *, nested: bool = True) -> Ordering:
    """The `k` items of the largest scores, of equal ones the first."""
    indices = best_first(scores, k)
    return Ordering(indices, scores[indices].astype(np.float64), len(scores), nested)
