"""Differences that are paired, and what they say."""

import math

import numpy as np
import pytest

from continuum import Interval, Metric, PerItem, Simplex, evaluate, from_function, tabulate
from continuum.core import InvalidInputError

LINE = from_function(Interval(), lambda t: t)
SHARED = Metric("shared", lambda t, rng: t + rng.normal(), goal="max", stochastic=True)


def own(t, rng):
    return t + np.random.default_rng([int(1000 * t), rng.integers(2**31)]).normal()


OWN = Metric("own", own, goal="min", stochastic=True)


def test_noise_that_two_labels_share_is_no_noise_of_their_difference():
    results = evaluate(
        LINE, SHARED, points=3, seeds=4, baselines={"low": tabulate({0: -0.1, 0.5: 0.5, 1: 2.0})}, name="p"
    )
    table = results.compare("p", "low", "shared")
    np.testing.assert_allclose(table[["difference", "low", "high"]], np.array([[0.1, 0.0, -1.0]] * 3).T, atol=1e-12)
    assert table["verdict"].tolist()[::2] == ["better", "worse"]
    assert table["n"].tolist() == [4, 4, 4]


def test_the_interval_is_students_of_the_differences():
    stats = pytest.importorskip("scipy.stats")
    results = evaluate(
        LINE, OWN, points=2, seeds=6, baselines={"b": from_function(Interval(), lambda t: t + 3)}, name="p"
    )
    wide = results.frame.pivot(index=["t", "seed"], columns="label", values="value")
    for row in results.compare("p", "b", "own").itertuples():
        gaps = (wide["p"] - wide["b"]).xs(row.t)
        low, high = stats.t.interval(0.95, 5, loc=gaps.mean(), scale=stats.sem(gaps))
        assert (row.difference, row.low, row.high) == pytest.approx((gaps.mean(), low, high))
        assert row.verdict == ("better" if high < 0 else "worse" if low > 0 else "unclear")


def test_items_pair_what_one_seed_cannot():
    items = np.linspace(-1, 1, 40)
    hits = Metric("hits", lambda t: PerItem(items + t), goal="max")
    table = evaluate(LINE, hits, points=2, references={"half": 0.5}, name="p").compare("p", "half", "hits")
    assert table["difference"].tolist() == pytest.approx([-0.5, 0.5])
    assert table["low"].tolist() == pytest.approx([-0.5, 0.5])  # the spread of the items is the same in both
    assert table["items"].tolist() == [40, 40]
    assert table["verdict"].tolist() == ["worse", "better"]


def test_other_numbers_of_items_are_averaged_first():
    sized = Metric("sized", lambda t: PerItem(np.full(3 if t == 0.5 else 2, t)), goal="max")
    table = evaluate(LINE, sized, points=2, references={"half": 0.5}, name="p").compare("p", "half", "sized")
    assert table["items"].tolist() == [0, 0]
    assert table["low"].isna().all()
    assert table["verdict"].tolist() == [None, None]


def test_only_points_that_both_have_are_compared():
    results = evaluate(LINE, SHARED, points=5, baselines={"b": tabulate({0: 0.0, 1: 1.0})}, name="p")
    assert results.compare("p", "b", "shared")["t"].tolist() == [0.0, 1.0]


def test_a_seed_that_failed_on_one_side_counts_on_neither():
    def flaky(t, rng):
        draw = rng.normal()
        if t == 1 and draw > 0:
            raise ValueError("no")
        return t + draw

    metric = Metric("flaky", flaky, goal="max", stochastic=True)
    zero = from_function(Interval(), lambda t: 0.0)
    results = evaluate(LINE, metric, points=2, seeds=9, baselines={"zero": zero}, on_error="record", name="p")
    table = results.compare("p", "zero", "flaky")
    assert table["difference"].tolist() == pytest.approx([0.0, 1.0])
    assert table["n"].tolist() == [9, 9 - len(results.failed)]
    assert 0 < len(results.failed) < 9


def test_on_a_simplex_points_are_named_by_all_weights():
    mix = from_function(Simplex(("a", "b")), lambda a, b: a)
    table = evaluate(mix, Metric("m", float), points=3, references={"zero": 0.0}, name="p").compare("p", "zero", "m")
    assert table[["a", "b", "difference"]].to_numpy().tolist() == [[0, 1, 0], [0.5, 0.5, 0.5], [1, 0, 1]]
    assert table["verdict"].tolist() == [None] * 3


def test_nan_stays_nan_and_an_unknown_label_is_named():
    nan = Metric("nan", lambda t: math.nan, goal="max")
    results = evaluate(LINE, nan, points=2, references={"r": 0.0}, name="p")
    assert results.compare("p", "r", "nan")["difference"].isna().all()
    with pytest.raises(InvalidInputError, match="there is no label 'x'"):
        results.compare("p", "x", "nan")
