"""The trained scorer: it learns what there is to learn, honestly tested, the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from continuum.core import InvalidInputError, fingerprint
from continuum.models.text_classifier import AttributeClassifier

NEUTRAL = "the film book story plot scene day night house river city people time work we saw it in and with".split
GOOD, BAD = ["wonderful", "lovely", "great"], ["dreadful", "boring", "awful"]


def corpus(rng, hints, n, share=1.0):
    """Texts of neutral words, a `share` of which has one of the hints."""
    texts = []
    for _ in range(n):
        words = list(rng.choice(NEUTRAL(), 8))
        if rng.random() < share:
            words[rng.integers(8)] = str(rng.choice(hints))
        texts.append(" ".join(words))
    return texts


def test_a_hint_in_every_text_is_learnt(rng):
    classifier = AttributeClassifier.fit(corpus(rng, GOOD, 150), corpus(rng, BAD, 150), name="sentiment")
    assert classifier.auc > 0.99
    assert (classifier.n_train, classifier.n_held_out) == (240, 60)
    fresh = classifier.scores([*corpus(rng, GOOD, 50), *corpus(rng, BAD, 50)])
    assert roc_auc_score(np.repeat([1, 0], 50), fresh) > 0.99
    assert ((fresh >= 0) & (fresh <= 1)).all()


def test_nothing_is_learnt_where_nothing_is_to_be_learnt(rng):
    """The AUC of 100 + 100 held-out texts that are alike is 0.5 with a standard error of 0.04."""
    classifier = AttributeClassifier.fit(corpus(rng, GOOD, 200), corpus(rng, GOOD, 200), held_out=0.5)
    assert abs(classifier.auc - 0.5) < 0.13


def test_probabilities_are_calibrated(rng):
    """Half of the plus texts has a hint that no minus text has: where there is none, 1 in 3 is a plus text."""
    classifier = AttributeClassifier.fit(corpus(rng, GOOD, 600, share=0.5), corpus(rng, GOOD, 600, share=0.0))
    with_hint = classifier.scores(corpus(rng, GOOD, 200)).mean()
    without = classifier.scores(corpus(rng, GOOD, 200, share=0.0)).mean()
    assert with_hint > 0.85
    assert without == pytest.approx(1 / 3, abs=0.06)


def test_texts_given_twice_are_not_both_trained_on_and_tested(rng):
    plus, minus = corpus(rng, GOOD, 40), corpus(rng, GOOD, 40)
    once, thrice = AttributeClassifier.fit(plus, minus), AttributeClassifier.fit(plus * 3, minus * 3)
    assert (thrice.auc, thrice.n_train, thrice.n_held_out) == (once.auc, once.n_train, once.n_held_out)


def test_one_seed_gives_one_classifier(rng):
    plus, minus = corpus(rng, GOOD, 60, share=0.5), corpus(rng, BAD, 60, share=0.5)
    one, same, other = (AttributeClassifier.fit(plus, minus, seed=seed) for seed in (0, 0, 1))
    probe = corpus(rng, GOOD, 5)
    assert (one.scores(probe) == same.scores(probe)).all()
    assert (one.scores(probe) != other.scores(probe)).any()
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)


def test_exchanging_the_classes_gives_the_other_probability(rng):
    plus, minus = corpus(rng, GOOD, 60), corpus(rng, BAD, 60)
    there, back = AttributeClassifier.fit(plus, minus), AttributeClassifier.fit(minus, plus)
    probe = [*corpus(rng, GOOD, 20), *corpus(rng, BAD, 20)]
    # Not the same split, but the same attribute: the orders agree.
    assert np.corrcoef(there.scores(probe), back.scores(probe))[0, 1] < -0.9


def test_blank_texts_have_no_score(rng):
    classifier = AttributeClassifier.fit(corpus(rng, GOOD, 40), corpus(rng, BAD, 40))
    scores = classifier.scores(["", "a wonderful day", " "])
    assert np.isnan(scores).tolist() == [True, False, True]


@pytest.mark.parametrize("held_out", [0.0, 1.0, -0.2, 0.01, 0.9])
def test_a_share_that_leaves_no_text_on_one_side_is_refused(rng, held_out):
    with pytest.raises(InvalidInputError, match="held_out"):
        AttributeClassifier.fit(corpus(rng, GOOD, 20), corpus(rng, BAD, 20), held_out=held_out)


def test_too_few_unlike_texts_are_refused(rng):
    with pytest.raises(InvalidInputError, match="`minus` must have at least 10 unlike texts"):
        AttributeClassifier.fit(corpus(rng, GOOD, 20), ["the same"] * 20)
