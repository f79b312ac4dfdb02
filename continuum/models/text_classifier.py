"""A classifier of an attribute, learnt from texts with and without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, rng_for

from .tokens import admit_texts

__all__ = ["AttributeClassifier"]

_FOLDS = 5  # of the calibration
_LEAST = 2  # texts that a run of characters must be in


@dataclass(frozen=True, eq=False)
class AttributeClassifier:
    """Probability that a text has an attribute, by the characters that it is made of.

    TF-IDF of runs of 2 to 5 characters within words, logistic regression, and Platt's calibration of its probabilities.
    It is to the classifiers of Kangaslahti & Alvarez-Melis (2025), a fine-tuned RoBERTa for each attribute, what
    can be had in a second and without a download. Make it by `fit`.

    Attributes:
        name: how tables call the probability.
        auc: area under the ROC curve on the held-out texts: the chance that one with the attribute gets more than one
            without; 0.5 is guessing.
        n_train: number of texts that it was fitted to.
        n_held_out: number of texts that `auc` was measured on.
        model: the fitted pipeline of scikit-learn.
    """

    name: str
    auc: float
    n_train: int
    n_held_out: int
    model: Any

    @classmethod
    def fit(
        cls,
        plus: Sequence[str],
        minus: Sequence[str],
        *,
        held_out: float = 0.2,
        seed: int = 0,
        name: str = "attribute",
    ) -> AttributeClassifier:
        """Learn to tell `plus` from `minus` texts; deterministic for a seed.

        Each text counts once, however often it is given, so that none is in training and held out at once.

        Args:
            plus: texts with the attribute. Scoring models that were trained on them rewards what they memorise: take
                others of the same kind.
            minus: texts without it.
            held_out: share of each class that is only tested on.
            seed: seed of the split.
            name: name of the attribute.

        Raises:
            InvalidInputError: if a class has fewer than 10 unlike texts, or the share leaves too few on either side.
        """
        if not 0 < held_out < 1:
            raise InvalidInputError(f"`held_out` must be a share in (0, 1), got {held_out!r}.")
        (fit_plus, test_plus), (fit_minus, test_minus) = (
            _split(side, texts, held_out, seed) for side, texts in (("plus", plus), ("minus", minus))
        )
        from sklearn.metrics import roc_auc_score

        model = _pipeline().fit([*fit_plus, *fit_minus], _labels(fit_plus, fit_minus))
        test = [*test_plus, *test_minus]
        auc = roc_auc_score(_labels(test_plus, test_minus), model.predict_proba(test)[:, 1])
        return cls(name, float(auc), len(fit_plus) + len(fit_minus), len(test), model)

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest score."""
        return (0.0, 1.0)

    def scores(self, texts: Sequence[str], /) -> NDArray[np.float64]:
        """Probability that each text has the attribute, (n,); NaN of a blank text."""
        admitted = admit_texts(texts)
        written = np.array([bool(text.strip()) for text in admitted])
        return np.where(written, self.model.predict_proba(admitted)[:, 1], math.nan)


def _split(side: str, texts: Sequence[str], held_out: float, seed: int) -> tuple[list[str], list[str]]:
    """Unlike texts of a class, in a random order: those to fit and those to test."""
    unlike = list(dict.fromkeys(admit_texts(texts, side)))
    order = rng_for(seed, "attribute classifier", side).permutation(len(unlike))
    tested = round(held_out * len(unlike))
    if len(unlike) < 2 * _FOLDS or tested < 1 or len(unlike) - tested < _FOLDS:
        raise InvalidInputError(
            f"`{side}` must have at least {2 * _FOLDS} unlike texts, of which {_FOLDS} are fitted and one is held out, "
            f"got {len(unlike)} with held_out={held_out!r}."
        )
    shuffled = [unlike[place] for place in order]
    return shuffled[tested:], shuffled[:tested]


def _labels(plus: Sequence[str], minus: Sequence[str]) -> NDArray[np.int64]:
    return np.repeat([1, 0], [len(plus), len(minus)])


def _pipeline() -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline

    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=_LEAST)
    classifier = make_pipeline(features, LogisticRegression(class_weight="balanced", max_iter=1000))
    # Texts come in a random order within their class, so the folds need no other.
    return CalibratedClassifierCV(classifier, method="sigmoid", cv=StratifiedKFold(_FOLDS))
