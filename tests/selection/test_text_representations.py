"""Texts by their words, and texts resampled by the frequencies of their words."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from continuum.core import InvalidInputError
from continuum.selection import DSIR, EncodesQueries, Precomputed, Representation, Selector, TfidfSVD

ANIMALS = ["the cat sat on a mat", "a dog barked at the cat", "the dog ran", "cats and dogs", "a cat and a mouse"]
MARKETS = ["stocks fell on monday", "shares rose as markets opened", "bond prices fell", "the market rose again"]
POOL = [*MARKETS, *ANIMALS]


def cosines(x, y):
    x, y = (side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12) for side in (x, y))
    return x @ y.T


def test_texts_with_common_words_are_near_each_other():
    of = TfidfSVD(4).fit(POOL)
    found = cosines(of.encode(["the cat ran", "prices fell"]), of.encode(POOL))
    assert found[0, 4:].mean() > found[0, :4].mean() + 0.2
    assert found[1].argmax() == 2


def test_all_directions_together_keep_the_inner_products_of_tf_idf():
    from sklearn.feature_extraction.text import TfidfVectorizer

    exact = TfidfVectorizer(sublinear_tf=True).fit_transform(POOL).toarray()
    vectors = TfidfSVD(dimension=1000).fit(POOL).encode(POOL)
    assert vectors.shape == (9, 9)  # no more directions than texts
    assert vectors.dtype == np.float32
    assert np.allclose(vectors @ vectors.T, exact @ exact.T, atol=1e-5)


def test_what_is_learnt_depends_on_the_pool_and_the_seed_alone():
    of = TfidfSVD(3, seed=2)
    assert np.array_equal(of.fit(POOL).encode(POOL), of.fit(POOL, ["other words"]).encode(POOL))
    assert np.allclose(of.fit(POOL).encode(POOL)[:2], of.fit(POOL).encode(POOL[:2]), atol=1e-6)
    assert of.fitted is None  # fitting gives another one


def test_a_text_without_a_known_word_is_like_nothing():
    assert TfidfSVD(3).fit(POOL).encode(["xyzzy", ""]).tolist() == [[0.0] * 3] * 2


def test_representations_are_recognised_by_what_they_have():
    assert isinstance(TfidfSVD(), Representation)
    assert isinstance(Precomputed(np.eye(2)), Representation)
    assert isinstance(Precomputed(np.eye(2)), EncodesQueries)
    assert not isinstance(TfidfSVD(), EncodesQueries)
    assert isinstance(DSIR(), Selector)


def test_texts_of_the_task_come_first():
    for smoothing in (0.0, 0.1, 0.5):
        found = DSIR(noise=0, smoothing=smoothing).order(POOL, ["a dog and a cat", "the mouse ran at the cat"])
        assert set(found.indices[:4]) <= set(range(4, 9))
        assert (np.diff(found.scores) <= 0).all()


def test_log_weights_are_sums_over_words_and_pairs():
    pool, query = ["a a b", "b c"], ["a b"]
    # Counts in the pool: a 2, b 2, c 1, aa 1, ab 1, bc 1, of 8; in the query: a, b, ab, of 3.
    p = {"a": 1 / 3, "b": 1 / 3, "ab": 1 / 3, "c": 0, "aa": 0, "bc": 0}
    q = {"a": 2 / 8, "b": 2 / 8, "c": 1 / 8, "aa": 1 / 8, "ab": 1 / 8, "bc": 1 / 8}
    ratio = {word: np.log((0.8 * p[word] + 0.2 * q[word]) / q[word]) for word in q}
    expected = [2 * ratio["a"] + ratio["b"] + ratio["aa"] + ratio["ab"], ratio["b"] + ratio["c"] + ratio["bc"]]
    assert np.allclose(DSIR(smoothing=0.2).log_weights(pool, query), expected, atol=1e-5)


def test_samples_are_nested_and_repeatable_and_the_noise_is_that_of_the_seed():
    of, query = DSIR(), ANIMALS[:2]
    whole = of.order(POOL, query, seed=3)
    for k in range(1, 10):
        assert np.array_equal(of.order(POOL, query, k, seed=3).indices, whole.indices[:k])
    assert whole.nested
    orders = {tuple(of.order(POOL, query, seed=seed).indices) for seed in range(10)}
    assert len(orders) > 5


def test_gumbel_noise_makes_the_first_a_draw_from_the_weights():
    weights = np.exp(DSIR(smoothing=0.5).log_weights(POOL, ANIMALS[:2]))
    first = [DSIR(smoothing=0.5).order(POOL, ANIMALS[:2], 1, seed=seed).indices[0] for seed in range(1500)]
    frequencies = np.bincount(first, minlength=9) / 1500
    assert np.allclose(frequencies, weights / weights.sum(), atol=0.05)  # four standard errors of a half


def test_hashes_are_the_same_in_every_process():
    code = f"from continuum.selection import DSIR; print(DSIR().log_weights({POOL!r}, {ANIMALS[:2]!r}).tolist())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(out) == DSIR().log_weights(POOL, ANIMALS[:2]).tolist()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: TfidfSVD(0), "`dimension` must be at least 1"),
        (lambda: TfidfSVD().encode(POOL), r"has learnt no words yet: call `fit\(pool\)`"),
        (lambda: TfidfSVD().fit(["", "!"]), "cannot be told apart by words"),
        (lambda: TfidfSVD().fit("a text"), "must be a sequence of strings, at least one, got a string"),
        (lambda: TfidfSVD().fit(["a text", 3]), "got 3 at 1"),
        (lambda: DSIR().order(POOL), "`query` must be a sequence of strings, at least one, got none"),
        (lambda: DSIR().order([], ANIMALS), "`pool` must be a sequence of strings, at least one, got none"),
        (lambda: DSIR().order(POOL, ANIMALS, 10), "`k_max` must be between 1 and 9, got 10"),
        (lambda: DSIR(buckets=1), "`buckets` must be at least 2"),
        (lambda: DSIR(smoothing=2), r"`smoothing` must be in \[0, 1\]"),
        (lambda: DSIR(noise=-1), "`noise` must be finite and not negative"),
    ],
)
def test_what_holds_no_texts_is_refused(ask, said):
    with pytest.raises(InvalidInputError, match=said):
        ask()
