"""Facility location: a few candidates that stand for all that matter to the query."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

from continuum.core import check_count, check_positive

from .embeddings import Doubles, Indices
from .keys import places_of, values_of
from .nearest import nearest_keys
from .ordering import Ordering
from .ranking import admitted_count
from .similarity import SimilaritySource, source_of

__all__ = ["FacilityLocation"]

_ROWS = 512  # candidates of which neighbours are looked for in one pass


@dataclass(frozen=True)
class FacilityLocation:
    r"""Candidates that cover the part of the pool that is like the query, one after the other.

    The greedy maximum of $\sum_l \min(\max_{j \in S} s_{lj},\ \eta \max_i s_{il})$ over the candidates l, the
    facility-location mutual information of Kothawade et al. (2022) :cite:`kothawade2022`: a candidate counts as far as
    it is like a query, and is covered by what is chosen as far as that is like it. Negative similarities count as 0. Of
    equal gains the candidate most similar to a query is first, then the first in the pool; so it is when nothing is
    left to cover. The function is submodular, so greedy choices reach $1 - 1/e$ of its maximum, and gains only fall:
    they are computed anew for candidates at the top of a heap alone :cite:`minoux1978`. A score is the gain.

    Only the nearest neighbours of each candidate can cover it, with which no n times n numbers are held; to find them
    takes a matrix product of the pool with itself.

    Args:
        neighbours: how many can cover a candidate, itself among them; at most n are.
        eta: $\eta$; large, the query is not looked at, and the pool as a whole is covered.

    Example:
        >>> pool = [[1.0, 0.0], [0.96, 0.28], [0.6, 0.8], [0.0, 1.0]]
        >>> FacilityLocation().order(pool, [[1.0, 0.0], [0.0, 1.0]], 2).indices.tolist()
        [2, 0]
    """

    neighbours: int = 64
    eta: float = 1.0

    def __post_init__(self) -> None:
        check_count("neighbours", self.neighbours)
        check_positive("eta", self.eta)

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`."""
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        relevance = np.maximum(source.column_max().astype(np.float64), 0)
        edges = _Edges.of(source, min(self.neighbours, source.n))
        return edges.greedy(relevance, self.eta * relevance, k)


@dataclass(frozen=True, eq=False)
class _Edges:
    """Which candidates can cover which.

    Attributes:
        covered: who is covered, those that one candidate covers together, (edges,).
        similarity: of the two, not negative, (edges,).
        bounds: where the edges of each candidate begin, and all end, (n + 1,).
    """

    covered: Indices
    similarity: Doubles
    bounds: Indices

    @classmethod
    def of(cls, source: SimilaritySource, count: int) -> _Edges:
        """The edges from each candidate's nearest neighbours to it."""
        keys = []
        for start in range(0, source.n, _ROWS):
            rows = source.directions(np.arange(start, min(start + _ROWS, source.n)))
            keys.append(nearest_keys(source.towards(rows), count))
        found = np.concatenate(keys).ravel()
        covering = places_of(found)
        order = np.argsort(covering, kind="stable")
        similarity = np.maximum(values_of(found).astype(np.float64), 0)
        bounds = np.concatenate([[0], np.cumsum(np.bincount(covering, minlength=source.n))])
        return cls(order // count, similarity[order], bounds)

    def greedy(self, relevance: Doubles, most: Doubles, k: int) -> Ordering:
        """The first `k` candidates.

        Args:
            relevance: which of equal gains is first, (n,).
            most: how far each can be covered, (n,).
            k: how many.
        """
        coverage = np.zeros(n := len(relevance))
        heap = [(-self._gain(j, coverage, most), -relevance[j], j) for j in range(n)]
        heapq.heapify(heap)
        indices, scores = np.empty(k, np.int64), np.empty(k)
        for place in range(k):
            while (here := (-self._gain(heap[0][2], coverage, most), *heap[0][1:])) > min(heap[1:3], default=here):
                heapq.heapreplace(heap, here)
            heapq.heappop(heap)
            scores[place], indices[place] = -here[0], here[2]
            some = slice(*self.bounds[here[2] : here[2] + 2])
            covered = self.covered[some]
            coverage[covered] = np.maximum(coverage[covered], np.minimum(self.similarity[some], most[covered]))
        return Ordering(indices, scores, n)

    def _gain(self, j: int, coverage: Doubles, most: Doubles) -> float:
        """How much more is covered with one more candidate."""
        some = slice(*self.bounds[j : j + 2])
        covered = self.covered[some]
        return float(np.maximum(np.minimum(self.similarity[some], most[covered]) - coverage[covered], 0).sum())
