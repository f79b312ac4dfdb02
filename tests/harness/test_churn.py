"""Decisions that flip between neighbours."""

import numpy as np
import pytest

from continuum import Interval, Metric, PerItem, Simplex, evaluate, from_function
from continuum.core import IncompatibleError, InvalidInputError
from continuum.harness import churn

LINE = from_function(Interval(), lambda t: t)


def test_equal_accuracy_can_hide_that_all_decisions_flip():
    def swap(t):
        first = np.arange(10) < 5
        right = first if t < 0.5 else ~first
        return PerItem(right, decisions=np.where(right, 1, 0))

    results = evaluate(LINE, Metric("accuracy", swap, goal="max"), points=4, name="p")
    assert results.curve("p", "accuracy")["mean"].tolist() == [0.5] * 4
    table = churn(results, "p", "accuracy")
    assert table["churn"].tolist() == [0, 1, 0]
    assert table["next"].tolist() == [*table["t"].tolist()[1:], 1.0]
    assert (table["n"] == 1).all()
    assert (table["items"] == 10).all()


def test_decisions_count_and_values_do_not_where_there_are_both():
    wrong = Metric("wrong", lambda t: PerItem(np.zeros(4), decisions=np.array([1, 2, 3, int(4 + 2 * t)])))
    assert churn(evaluate(LINE, wrong, points=3, name="p"), "p", "wrong")["churn"].tolist() == [0.25, 0.25]


def test_churn_is_averaged_over_seeds_that_both_have():
    def noisy(t, rng):
        return PerItem(rng.random(1000) < t)

    table = churn(evaluate(LINE, Metric("n", noisy, stochastic=True), points=[0.2, 0.5], seeds=3, name="p"), "p", "n")
    (row,) = table.itertuples()
    assert row.low < 0.3 < row.high  # the same draws at both points: those between 0.2 and 0.5 flip
    assert row.churn == pytest.approx(0.3, abs=0.03)
    assert row.n == 3


def test_what_has_no_decisions_has_no_churn():
    values = Metric("values", lambda t: PerItem(np.array([0.0, t / 2])))
    with pytest.raises(InvalidInputError, match="gives no decisions"):
        churn(evaluate(LINE, values, points=3, name="p"), "p", "values")
    with pytest.raises(InvalidInputError, match="must return `PerItem`"):
        churn(evaluate(LINE, Metric("plain", float), points=3, name="p"), "p", "plain")
    mix = from_function(Simplex(("a", "b")), lambda a, b: a)
    with pytest.raises(InvalidInputError, match="one coordinate"):
        churn(evaluate(mix, Metric("m", lambda a: PerItem(np.ones(2))), points=3, name="p"), "p", "m")
    ragged = Metric("ragged", lambda t: PerItem(np.ones(2 if t < 0.5 else 3)))
    with pytest.raises(IncompatibleError, match="same items"):
        churn(evaluate(LINE, ragged, points=3, name="p"), "p", "ragged")
