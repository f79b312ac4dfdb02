"""Paired standard errors: the formula, and what they are for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from continuum.core import IncompatibleError
from continuum.models.paired import PairedDifference, paired_difference


def test_the_standard_error_is_that_of_the_mean_difference(rng):
    a, b = rng.normal(size=(2, 20))
    d = a - b
    found = paired_difference(a, b)
    assert found.mean == pytest.approx(sum(d) / 20)
    assert found.standard_error == pytest.approx(math.sqrt(sum((d - sum(d) / 20) ** 2) / (20 * 19)))
    assert found.n == 20


def test_what_makes_an_item_hard_for_both_cancels(rng):
    difficulty = 10 * rng.normal(size=50)
    found = paired_difference(difficulty + 1, difficulty)
    assert found == PairedDifference(pytest.approx(1), pytest.approx(0, abs=1e-12), 50)


def test_the_standard_error_covers_the_truth_as_often_as_it_says(rng):
    """Two standard errors of 30 pairs cover the mean in 94.5% of 2,000 draws (t with 29 degrees), give or take 1.5%."""
    hits = 0
    for _ in range(2000):
        found = paired_difference(rng.normal(0.3, 1, 30), np.zeros(30))
        hits += abs(found.mean - 0.3) < 2 * found.standard_error
    assert hits / 2000 == pytest.approx(0.945, abs=0.015)


def test_exchanging_the_models_turns_the_sign(rng):
    a, b = rng.normal(size=(2, 8))
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert (there.mean, there.standard_error) == (-back.mean, back.standard_error)


def test_pairs_without_a_score_do_not_count_and_n_says_so():
    found = paired_difference([1.0, math.nan, 3.0, 5.0], [0.0, 1.0, math.nan, 2.0])
    assert found == PairedDifference(2.0, pytest.approx(1.0), 2)


def test_too_few_pairs_have_no_standard_error():
    assert math.isnan(paired_difference([1.0], [0.0]).standard_error)
    nothing = paired_difference([math.nan], [0.0])
    assert math.isnan(nothing.mean)
    assert nothing.n == 0


def test_differences_of_unlike_texts_add_their_variances():
    gain = PairedDifference(0.5, 0.3, 10) - PairedDifference(0.1, 0.4, 20)
    assert gain == PairedDifference(pytest.approx(0.4), pytest.approx(0.5), 30)


@pytest.mark.parametrize(("a", "b"), [([1.0, 2.0], [1.0]), ([[1.0]], [[2.0]]), (1.0, 2.0)])
def test_what_is_not_paired_is_refused(a, b):
    with pytest.raises(IncompatibleError, match="one length"):
        paired_difference(a, b)
