"""Laws of mixtures: exact proportions, nested in the proportion, evenly spread."""

from __future__ import annotations

import itertools

import pytest

from continuum.core import InvalidInputError
from continuum.models.weights.mixtures import mixture

PLUS = [f"+{i}" for i in range(50)]
MINUS = [f"-{i}" for i in range(40)]


def parts(alpha, n=32, seed=0):
    texts = mixture(PLUS, MINUS, alpha, n, seed=seed)
    return [t for t in texts if t in PLUS], [t for t in texts if t in MINUS]


@pytest.mark.parametrize("alpha", [0, 0.25, 0.5, 0.77, 1])
def test_the_share_is_exact_and_no_text_comes_twice(alpha):
    plus, minus = parts(alpha)
    assert (len(plus), len(minus)) == (round(32 * alpha), 32 - round(32 * alpha))
    assert len({*plus, *minus}) == 32


def test_mixtures_of_one_seed_are_nested():
    for low, high in itertools.pairwise([0, 0.1, 0.25, 0.5, 0.9, 1]):
        assert set(parts(low)[0]) <= set(parts(high)[0])
        assert set(parts(low)[1]) >= set(parts(high)[1])


def test_texts_of_both_kinds_are_spread_evenly():
    for alpha in (0.25, 0.5, 0.6):
        texts = mixture(PLUS, MINUS, alpha, 40, seed=0)
        for end in range(41):
            assert abs(sum(text in PLUS for text in texts[:end]) - alpha * end) <= 1


def test_the_ends_are_texts_of_one_kind():
    assert set(mixture(PLUS, MINUS, 1, 50, seed=0)) == set(PLUS)
    assert set(mixture(PLUS, MINUS, 0, 40, seed=0)) == set(MINUS)


def test_the_same_seed_draws_the_same_texts_and_another_does_not():
    assert parts(0.5) == parts(0.5)
    assert parts(0.5) != parts(0.5, seed=1)


@pytest.mark.parametrize(
    ("alpha", "n", "message"),
    [
        (-0.1, 8, r"\[0, 1\]"),
        (1.1, 8, r"\[0, 1\]"),
        (float("nan"), 8, r"\[0, 1\]"),
        (0.5, 0, "at least 1"),
        (1, 51, "`plus` has 50 texts, and 51 are needed"),
        (0, 41, "`minus` has 40 texts, and 41 are needed"),
    ],
)
def test_what_cannot_be_mixed_is_refused(alpha, n, message):
    with pytest.raises(InvalidInputError, match=message):
        mixture(PLUS, MINUS, alpha, n, seed=0)
