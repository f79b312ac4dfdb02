"""Differences of two models on the same items, with paired standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError

__all__ = ["PairedDifference", "paired_difference"]


@dataclass(frozen=True)
class PairedDifference:
    """Mean of the differences of pairs, and how well it is known.

    Attributes:
        mean: mean difference.
        standard_error: of the mean; NaN of fewer than two pairs.
        n: number of pairs.
    """

    mean: float
    standard_error: float
    n: int

    def __sub__(self, other: PairedDifference) -> PairedDifference:
        """Difference of two that share no pairs, such as the gains on texts with and without an attribute."""
        error = math.hypot(self.standard_error, other.standard_error)
        return PairedDifference(self.mean - other.mean, error, self.n + other.n)


def paired_difference(
    a: Sequence[float] | NDArray[np.float64], b: Sequence[float] | NDArray[np.float64]
) -> PairedDifference:
    r"""Mean of $d_i = a_i - b_i$ and its standard error $\sqrt{\sum_i (d_i - \bar d)^2 / (n (n-1))}$.

    What makes an item easy or hard for both cancels. On held-out sentences the log-likelihood ratio of one model has a
    standard error of 0.12 nats per token, the difference of two models a quarter of a LoRA path apart one of 0.007.

    Args:
        a: numbers of the first model, one per item, such as `sentence_scores`.
        b: numbers of the second on the same items in the same order.

    Returns:
        A `PairedDifference`. A pair with a NaN, such as the score of an empty text, does not count: `n` says how many
        do.

    Raises:
        IncompatibleError: if there are not as many `a` as `b`.

    Example:
        >>> paired_difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0])
        PairedDifference(mean=2.0, standard_error=0.577..., n=3)
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise IncompatibleError(
            f"`a` and `b` must be vectors of one length, got shapes {first.shape} and {second.shape}."
        )
    difference = first - second
    difference = difference[~np.isnan(difference)]
    n = len(difference)
    mean = float(difference.mean()) if n else math.nan
    error = float(difference.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return PairedDifference(mean, error, n)
