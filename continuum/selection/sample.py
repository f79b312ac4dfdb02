"""A random sample of a pool, which tells where thresholds have to be before the pool is gone through."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from continuum.core import rng_for

from .keys import LEAST_KEY, Keys, first_key, pack, places_of
from .products import Products

__all__ = ["Sample", "sample_of"]

_LEAST = 1024  # candidates in a sample
_ROOTS = 4  # times the square root of the pool are in a sample of a large one
_AHEAD = 1.5  # distinct candidates in all lists together, for each that is wanted
_GROWTH = 1.5
_MOST_KEYS = 1 << 22  # in all lists together


@dataclass(frozen=True, eq=False)
class Sample:
    """Some candidates, drawn without regard to what they are; all of them if they are few.

    Attributes:
        keys: their products with the directions, (u, s).
        n: candidates in the pool.
    """

    keys: Keys
    n: int

    @property
    def size(self) -> int:
        """Candidates in the sample."""
        return int(self.keys.shape[1])

    def without(self, used: NDArray[np.bool_]) -> Sample:
        """The sample of a pool from which some have been taken."""
        return Sample(self.keys[:, ~used[places_of(self.keys[0])]], self.n - int(used.sum()))

    def threshold(self, count: float, deviations: float) -> Keys:
        """Keys, (u,), above which there are `count` candidates of the pool or, as a rule, some more.

        As many more as the number of them in a sample varies by some standard deviations. Where a value is that of
        several candidates of the sample, only as many as that are above.
        """
        expected = count * self.size / max(self.n, 1)
        spare = 0.0 if self.size == self.n else deviations * (math.sqrt(expected) + 1)
        if expected + spare > self.size:
            return np.full(len(self.keys), LEAST_KEY)
        keys = self._ranked(math.ceil(expected + spare))
        ties = (self.keys >> 32 == keys[:, None] >> 32).sum(axis=1)
        return np.where(ties > 1, keys, first_key(keys))

    def depth(self, wanted: int) -> float:
        """How many of the first candidates of each direction are `wanted` distinct ones in all, and some more.

        No more than memory is well spent on.
        """
        target = min(_AHEAD * wanted / self.n, 1.0) * self.size
        most = min(self.size, _MOST_KEYS / len(self.keys) * self.size / self.n)
        rank = max(1.0, target / len(self.keys))
        while rank < most and self._found_by(math.ceil(rank)) < target:
            rank *= _GROWTH
        return rank * self.n / max(self.size, 1)

    def _found_by(self, rank: int) -> int:
        """How many candidates of the sample are among the first `rank` of some direction."""
        return int((self.keys >= self._ranked(rank)[:, None]).any(axis=0).sum())

    def _ranked(self, rank: int) -> Keys:
        """The key at a rank from the best, which has rank 1, of each direction, (u,)."""
        place = self.size - rank
        return np.partition(self.keys, place, axis=1)[:, place]


def sample_of(products: Products) -> Sample:
    """A sample of a pool, the same for the same number of candidates."""
    size = min(products.n, max(_LEAST, _ROOTS * math.isqrt(products.n)))
    numbers = np.sort(rng_for(0, "sample of a pool").choice(products.n, size, replace=False))
    return Sample(pack(np.ascontiguousarray(products.of(numbers).T), numbers), products.n)
