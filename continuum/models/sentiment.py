"""The sentiment of English texts by a lexicon, without a download."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core.extras import require_extra

from .tokens import admit_texts

__all__ = ["Vader"]


@dataclass(frozen=True)
class Vader:
    """VADER's compound sentiment of a text: -1 is most negative, 1 most positive.

    A lexicon of 7,500 words rated by people, with rules for negation, degree, capitals and punctuation. Hutto & Gilbert
    (2014), "VADER: A parsimonious rule-based model for sentiment analysis of social media text"
    :cite:`hutto2014`. It saturates: on a linear path it bends where the log-likelihood ratio does not.

    Args:
        unit: whether to map the score to [0, 1], as the probability of a classifier, by (compound + 1) / 2.

    Raises:
        MissingExtraError: if the package vaderSentiment is not installed.
    """

    unit: bool = False

    def __post_init__(self) -> None:
        _ = self._analyzer  # a missing package should be known before a sweep begins

    @property
    def name(self) -> str:
        """VADER sentiment."""
        return "VADER sentiment"

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest score."""
        return (0.0 if self.unit else -1.0, 1.0)

    def scores(self, texts: Sequence[str], /) -> NDArray[np.float64]:
        """Compound score of each text, (n,); NaN of a blank text, 0 of one without a word of the lexicon."""
        compound = [self._compound(text) for text in admit_texts(texts)]
        return (np.array(compound) + 1) / 2 if self.unit else np.array(compound)

    def _compound(self, text: str) -> float:
        return float(self._analyzer.polarity_scores(text)["compound"]) if text.strip() else math.nan

    @functools.cached_property
    def _analyzer(self) -> Any:
        require_extra("vaderSentiment", extra="lm", what="the sentiment scorer")
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        return SentimentIntensityAnalyzer()
