"""Selectors that do not look at the query: what any other has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, rng_for

from .ordering import Ordering
from .pools import size
from .ranking import admitted_count
from .similarity import SimilaritySource

__all__ = ["Random", "Stratified"]


@dataclass(frozen=True)
class Random:
    """Candidates, of whatever kind, in random order.

    A score is the share of the pool that comes later, or is chosen itself.

    Example:
        >>> sorted(Random().order(np.eye(4), seed=3).indices.tolist())
        [0, 1, 2, 3]
    """

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`; the query is not looked at."""
        n = _count(pool)
        k = admitted_count(k_max, n)
        first = rng_for(seed, "random order").permutation(n)[:k]
        return Ordering(first, 1 - np.arange(k) / n, n)


@dataclass(frozen=True, eq=False)
class Stratified:
    """Candidates, of whatever kind, in random order within strata, all of which are used up at the same rate.

    Among the first k candidates each stratum has k times its share of the pool, to within one, for every k: the
    quota method :cite:`balinski1975`. Scores are as in `Random`.

    Args:
        strata: of which stratum each candidate is, (n,).

    Example:
        >>> strata = np.array(["few", "few", "many", "many", "many", "many"])
        >>> strata[Stratified(strata).order(np.eye(6)).indices].tolist()
        ['many', 'few', 'many', 'many', 'few', 'many']
    """

    strata: Sequence[Any] | NDArray[Any]

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`; the query is not looked at.

        Raises:
            IncompatibleError: if there is not one stratum for each candidate.
        """
        n = _count(pool)
        k = admitted_count(k_max, n)
        if len(self.strata) != n:
            raise IncompatibleError(f"`strata` has {len(self.strata)} labels for {n} candidates.")
        names, stratum, sizes = np.unique(np.asarray(self.strata), return_inverse=True, return_counts=True)
        shuffled = rng_for(seed, "order within strata").permutation(n)
        members = np.split(shuffled[np.argsort(stratum[shuffled], kind="stable")], np.cumsum(sizes)[:-1])
        taken = np.zeros(len(names), np.int64)
        first = np.empty(k, np.int64)
        for place in range(k):
            # of the strata that are below their share, the one which would fall furthest behind without it
            behind = np.where(taken * n < (place + 1) * sizes, (taken + 1) / sizes, np.inf).argmin()
            first[place] = members[behind][taken[behind]]
            taken[behind] += 1
        return Ordering(first, 1 - np.arange(k) / n, n)


def _count(pool: Any) -> int:
    """Number of candidates, of whatever kind."""
    return pool.n if isinstance(pool, SimilaritySource) else size(pool)
