"""Importance resampling of texts: those whose words are more frequent in the task than in the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import check_count, check_share, check_weight, rng_for

from .ordering import Ordering
from .ranking import admitted_count, ranked
from .tfidf import admit_texts

__all__ = ["DSIR"]

_SMALL = 1e-8  # added to frequencies, as in the published code
_TOKENS = r"\w+|[^\w\s]+"  # runs of letters and digits, and of marks


@dataclass(frozen=True)
class DSIR:
    r"""Sample texts without replacement in proportion to $\hat p_{query}(x) / \hat p_{pool}(x)$.

    Words and pairs of words are hashed into buckets, of which each side has frequencies p and q; the log-weight of a
    text is $\sum_b c_b \log(p_b / q_b)$ with its counts c. Gumbel noise is added, and texts are ordered by the sum: the
    first k are a sample of size k for every k (Xie et al. 2023) :cite:`xie2023`. This selector takes texts, not
    embeddings.

    Unlike there, p is mixed with q: a query of some dozens of texts lacks most words of its own task, and each would
    else divide the weight of a text by thousands, so that the shortest texts win.

    Args:
        buckets: of the hash.
        smoothing: share of q in the mixture; 0 is as published.
        noise: scale of the Gumbel noise; 0 takes the texts of largest weight.

    Example:
        >>> pool = ["stocks fell again", "the cat sat", "prices rose today", "a dog barked"]
        >>> DSIR(noise=0).order(pool, ["the dog saw a cat", "the cat ran"], 2).indices
        array([1, 3])
    """

    buckets: int = 10_000
    smoothing: float = 0.1
    noise: float = 1.0

    def __post_init__(self) -> None:
        check_count("buckets", self.buckets, least=2)
        check_share("smoothing", self.smoothing)
        check_weight("noise", self.noise)

    def order(
        self, pool: Sequence[str], query: Sequence[str] | None = None, k_max: int | None = None, *, seed: int = 0
    ) -> Ordering:
        """Order the texts of a pool for those of a query.

        Args:
            pool: candidates.
            query: texts of the task.
            k_max: how many to choose; None orders the whole pool.
            seed: of the noise.

        Returns:
            An ordering whose scores are log-weights with noise; the same seed gives nested samples.

        Raises:
            InvalidInputError: if either holds no texts, or `k_max` is not between 1 and their number.
        """
        texts, wanted = admit_texts(pool, "pool"), admit_texts(query if query is not None else [], "query")
        k = admitted_count(k_max, len(texts))
        scores = self.log_weights(texts, wanted)
        if self.noise:
            scores = scores + self.noise * rng_for(seed, "dsir").gumbel(size=len(texts))
        return ranked(scores, k)

    def log_weights(self, pool: Sequence[str], query: Sequence[str]) -> NDArray[np.float64]:
        """Log-weight of each text of the pool, (n,), up to a constant."""
        counts = self._counts(pool)
        p, q = (_frequencies(side) for side in (self._counts(query), counts))
        p = (1 - self.smoothing) * p + self.smoothing * q
        return np.asarray(counts @ (np.log(p + _SMALL) - np.log(q + _SMALL)), float)

    def _counts(self, texts: Sequence[str]) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        # Its hash is the same in every process, which that of Python is not.
        hashing = HashingVectorizer(
            n_features=self.buckets, ngram_range=(1, 2), token_pattern=_TOKENS, norm=None, alternate_sign=False
        )
        return hashing.transform(texts)


def _frequencies(counts: Any) -> NDArray[np.float64]:
    totals = np.asarray(counts.sum(0), float).ravel()
    return np.asarray(totals / max(totals.sum(), 1.0))
