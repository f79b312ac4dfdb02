"""Mean similarity: the candidates that are most similar to all queries together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .ordering import Ordering
from .ranking import admitted_count, ranked
from .similarity import source_of

__all__ = ["MeanSimilarity"]


@dataclass(frozen=True)
class MeanSimilarity:
    r"""Candidates by their mean similarity $\frac1m \sum_i s_{ij}$ to the queries; of equal ones the first.

    The linear-kernel discrepancy from the query without what keeps chosen items apart: it chooses near the mean of
    the queries, where there may be no query.

    Example:
        >>> from continuum.selection import SimilaritySource
        >>> similarities = np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
        >>> source = SimilaritySource(similarities.T, np.eye(2), normalize=False)
        >>> MeanSimilarity().order(source, k_max=3).indices.tolist()
        [1, 0, 3]
    """

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`."""
        source = source_of(pool, query)
        return ranked(source.column_mean(), admitted_count(k_max, source.n))
