"""Round robin: queries choose in turn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from .keys import Keys, places_of, values_of
from .nearest import Above, keys_above
from .ordering import Ordering
from .ranking import admitted_count
from .sample import sample_of
from .similarity import source_of

__all__ = ["RoundRobin"]

_SPARE = 2.0  # standard deviations of a sample


@dataclass(frozen=True)
class RoundRobin:
    """Queries choose in turn, each the most similar candidate that is left; of equally similar ones the first.

    The greedy way to the least transport cost from the query to what is chosen, and the best there is while the
    queries want different candidates. Nayak et al. (2026) :cite:`nayak2026`.

    A score is the similarity of an item to the query that chose it. Each query has a list of the candidates most
    similar to it, as long as a sample of the pool says that it will need. Time is that of one pass over the pool, and
    of another each time that a list runs out; memory is that of the lists.

    Example:
        >>> from continuum.selection import SimilaritySource
        >>> similarities = np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
        >>> source = SimilaritySource(similarities.T, np.eye(2), normalize=False)
        >>> RoundRobin().order(source, k_max=3).indices.tolist()
        [0, 1, 2]
    """

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`."""
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        turns, products = source.distinct.tolist(), source.products
        sample, spare = sample_of(products), _SPARE
        used, chosen = bytearray(source.n), np.empty(0, np.int64)
        while (done := len(chosen)) < k:
            taken = np.frombuffer(used, np.bool_)
            left = sample.without(taken)
            lists = keys_above(products, left.threshold(left.depth(k - done), spare), taken if done else None)
            chosen = np.concatenate([chosen, _walk(lists, turns, done, k, used)])
            spare = _SPARE if len(chosen) > done else 4 * spare  # a list was empty
        return Ordering(places_of(chosen), values_of(chosen).astype(np.float64), source.n)


def _walk(lists: Above, turns: list[int], done: int, k: int, used: bytearray) -> Keys:
    """Keys of what is chosen in turn until there are `k`, or a query has come to the end of its list."""
    for keys in lists:
        keys.sort()
    ends = np.cumsum(lists.lengths)
    walks = [iter(range(end - 1, end - 1 - length, -1)) for end, length in zip(ends, lists.lengths, strict=True)]
    places, slots = places_of(lists.keys).tolist(), []
    first = done % len(turns)
    for turn in islice(cycle(turns), first, first + k - done):
        for slot in walks[turn]:
            if not used[places[slot]]:
                break
        else:
            break
        used[places[slot]] = True
        slots.append(slot)
    return lists.keys[slots]
