"""Texts by their words: TF-IDF, and the directions in which it varies most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_count, rng_for

__all__ = ["TfidfSVD", "admit_texts"]


@dataclass(frozen=True, eq=False)
class TfidfSVD:
    """TF-IDF of words, reduced by a truncated singular value decomposition: latent semantic analysis.

    Deerwester et al. (1990), "Indexing by latent semantic analysis" :cite:`deerwester1990`; scikit-learn's
    `TfidfVectorizer` with sublinear counts, and `TruncatedSVD`. Words that the pool does not have count for nothing,
    and a text that has no others is the zero vector, which is like nothing.

    Args:
        dimension: most coordinates; there are never more than words or texts of the pool.
        seed: of the randomized decomposition.
        fitted: what `fit` learnt: the vectorizer and the decomposition.

    Example:
        >>> texts = ["the cat sat", "the dog sat", "stocks fell today", "stocks rose today"]
        >>> x = TfidfSVD(2).fit(texts).encode(texts)
        >>> x.shape, bool(x[0] @ x[1] > 0.1 > abs(x[0] @ x[2]))
        ((4, 2), True)
    """

    dimension: int = 256
    seed: int = 0
    fitted: tuple[Any, Any] | None = None

    def __post_init__(self) -> None:
        check_count("dimension", self.dimension)
        rng_for(self.seed)

    @property
    def name(self) -> str:
        """TF-IDF + SVD."""
        return "TF-IDF + SVD"

    def fit(self, pool: Sequence[str], query: Any = None) -> Self:
        """Learn words, their rarity and the directions from the texts of a pool.

        Raises:
            InvalidInputError: if it holds no texts, or no words.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(sublinear_tf=True, dtype=np.float32)
        try:
            counts = words.fit_transform(admit_texts(pool))
        except ValueError as error:
            raise InvalidInputError(f"the texts of the pool cannot be told apart by words: {error}.") from error
        directions = TruncatedSVD(min(self.dimension, *counts.shape), random_state=self.seed).fit(counts)
        return replace(self, fitted=(words, directions))

    def encode(self, items: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, d) of n texts.

        Raises:
            InvalidInputError: if nothing was fitted, or these are no texts.
        """
        if self.fitted is None:
            raise InvalidInputError(
                "TfidfSVD has learnt no words yet: call `fit(pool)` and encode with what it returns."
            )
        words, directions = self.fitted
        return np.asarray(directions.transform(words.transform(admit_texts(items))), np.float32)


def admit_texts(texts: Any, name: str = "texts") -> list[str]:
    """The texts as a list.

    Raises:
        InvalidInputError: if there are none, or something else is among them.
    """
    found = [texts] if isinstance(texts, str) else list(texts)
    odd = next((place for place, text in enumerate(found) if not isinstance(text, str)), None)
    if isinstance(texts, str) or not found or odd is not None:
        seen = "a string" if isinstance(texts, str) else "none" if not found else f"{found[odd or 0]!r:.60} at {odd}"
        raise InvalidInputError(f"`{name}` must be a sequence of strings, at least one, got {seen}.")
    return found
