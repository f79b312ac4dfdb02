"""Herding: each item brings the mean of what is chosen as near as it can to the mean of the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from continuum.measures import Kernel

from .embeddings import Doubles
from .ordering import Ordering
from .ranking import admitted_count
from .similarity import SimilaritySource, source_of

__all__ = ["Herding"]


@dataclass(frozen=True)
class Herding:
    r"""Candidates that, one after the other, make the discrepancy of the chosen from the query smallest.

    With t items chosen the next is the maximum of $\frac{1}{m} \sum_i k(x_j, q_i) - \frac{1}{t + 1} (\sum_{s \in S}
    k(x_j, x_s) + \frac12 k(x_j, x_j))$, of equal ones the first: the greedy minimum of the squared maximum mean
    discrepancy :cite:`chen2010,kim2016`, each candidate at most once. Points are of length 1 where
    similarity is the cosine. A score is that maximum.

    Each item takes a look at the whole pool, so that k of n items in d dimensions take time k n d.

    Args:
        kernel: k, see `continuum.measures`; None for the inner product, with which the means of the embeddings
            themselves are brought together.

    Example:
        >>> Herding().order([[1.0, 0.0], [0.8, 0.6], [0.8, -0.6]], [[0.8, 0.6], [0.8, -0.6]]).indices.tolist()
        [0, 1, 2]
    """

    kernel: Kernel | None = None

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`."""
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        gram = _Gram.of(source, self.kernel)
        near, repelled = gram.sums(source.products.directions, source.shares), gram.diagonal() / 2
        indices, scores = np.empty(k, np.int64), np.empty(k)
        for step in range(k):
            gains = near - repelled / (step + 1)
            gains[indices[:step]] = -np.inf
            indices[step] = gains.argmax()
            scores[step] = gains[indices[step]]
            repelled += gram.sums(source.directions(indices[step : step + 1]), np.ones(1))
        return Ordering(indices, scores, source.n)


@dataclass(frozen=True, eq=False)
class _Gram:
    """A kernel between the candidates, of length 1 where similarity is the cosine, and other points.

    Attributes:
        source: the candidates.
        kernel: None for the inner product.
        squared: squared norms of the candidates, (n,).
    """

    source: SimilaritySource
    kernel: Kernel | None
    squared: Doubles

    @classmethod
    def of(cls, source: SimilaritySource, kernel: Kernel | None) -> _Gram:
        size = 1024
        squared = [
            np.vecdot(rows := source.directions(np.arange(start, min(start + size, source.n))), rows)
            for start in range(0, source.n, size)
        ]
        return cls(source, kernel, np.concatenate(squared).astype(np.float64))

    def diagonal(self) -> Doubles:
        """The kernel of each candidate with itself, (n,)."""
        return self.squared.copy() if self.kernel is None else _value(self.kernel, np.zeros(self.source.n))

    def sums(self, points: NDArray[np.float32], weights: Doubles) -> Doubles:
        """Weighted sums of the kernel of each candidate with some points, (n,)."""
        found, squared = np.empty(self.source.n), np.vecdot(points, points).astype(np.float64)
        for start, block in self.source.towards(points).blocks():
            some = slice(start, start + len(block))
            values = block.astype(np.float64)
            if self.kernel is not None:
                values = _value(self.kernel, np.maximum(self.squared[some, None] + squared - 2 * values, 0))
            found[some] = values @ weights
        return found


def _value(kernel: Kernel, squared: Doubles) -> Doubles:
    """A kernel at squared distances."""
    return np.asarray(kernel.value(torch.from_numpy(squared)).numpy())
