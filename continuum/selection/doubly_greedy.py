"""Doubly greedy: the candidates that are most similar to any query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError

from .ordering import Ordering
from .ranking import admitted_count, ranked
from .similarity import SimilaritySource, source_of

__all__ = ["DoublyGreedy"]


@dataclass(frozen=True, eq=False)
class DoublyGreedy:
    r"""Candidates by their largest similarity $\max_i s_{ij}$ to a query; of equal ones the first.

    The "max" rule of RDS+ :cite:`ivison2025`, doubly greedy in Nayak et al. (2026) :cite:`nayak2026`. Queries of
    which many near candidates exist may be served by all that is chosen, and others by nothing.

    Args:
        groups: of which subtask each query is, (m,). The similarity is then the largest mean over a subtask, as in
            LESS :cite:`xia2024`.

    Example:
        >>> similarities = np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
        >>> source = SimilaritySource(similarities.T, np.eye(2), normalize=False)
        >>> DoublyGreedy().order(source, k_max=3).indices.tolist()
        [0, 1, 3]
    """

    groups: Sequence[Any] | NDArray[Any] | None = None

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`."""
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        return ranked(self._scores(source), k)

    def _scores(self, source: SimilaritySource) -> NDArray[np.float32]:
        if self.groups is None:
            return source.column_max()
        if len(self.groups) != source.m:
            raise IncompatibleError(f"`groups` has {len(self.groups)} labels for {source.m} queries.")
        group = np.unique(np.asarray(self.groups), return_inverse=True)[1]
        members = np.zeros((group.max() + 1, source.products.u))
        np.add.at(members, (group, source.distinct), 1)
        means = members @ source.products.directions / members.sum(axis=1, keepdims=True)
        return source.towards(means).largest()  # a mean of similarities is the similarity to the mean
