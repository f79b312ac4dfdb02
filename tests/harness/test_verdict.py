"""The word for the shape of a curve, on curves where everybody would say it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum import Interval, Metric, Simplex, evaluate, from_function
from continuum.harness import coverage_gap, decision_accuracy, verdict
from continuum.harness.verdict import noise_of

S = np.linspace(0, 1, 17)
SHAPES = {
    "smooth": [S, S**3, 1 - np.exp(-3 * S), -S, S + 0.02 * np.sin(40 * S)],
    "peak": [S * (1 - S), S * (1 - S) + 0.1 * S],
    "barrier": [-S * (1 - S), np.where((S > 0.3) & (S < 0.7), -1.0, S)],
    "jump": [S > 0.5, np.where(S > 0.9, 3.0, S)],
    "rough": [S + 0.5 * (1 - np.cos(6 * np.pi * S))],
    "flat": [np.full(17, 0.3), np.zeros(17), 0.1 + 0.2 * np.ones(17) + 1e-17 * S],
    "unclear": [np.where(S == 0.5, np.nan, S), np.where(S == 0.5, np.inf, S)],
}


@pytest.mark.parametrize(("word", "u"), [(word, u) for word, curves in SHAPES.items() for u in curves])
def test_shapes_are_named(word, u):
    if word == "barrier" and u[8] == -1:
        word = "jump"  # a box: its walls are steps
    assert verdict(S, u).word == word


def test_without_a_goal_one_turn_is_a_bend():
    for u in (S * (1 - S), -S * (1 - S)):
        assert verdict(S, u, has_goal=False).word == "bend"


@given(st.floats(-100, 100), st.floats(0.01, 100), st.sampled_from([u for curves in SHAPES.values() for u in curves]))
def test_the_unit_does_not_matter(shift, scale, u):
    u = np.asarray(u, float)
    if np.ptp(u[np.isfinite(u)]) > 1e-3:
        assert verdict(3 * S - 1, scale * u + shift).word == verdict(S, u).word


def test_noise_can_hide_a_shape_or_excuse_a_reversal():
    wiggle = S + 0.08 * np.sin(40 * S)
    assert verdict(S, wiggle).word == "rough"
    excused = verdict(S, wiggle, noise=0.15)
    assert excused.word == "smooth"
    assert excused.reason.endswith("noise ±14 %")
    hidden = verdict(S, wiggle, noise=0.5)
    assert hidden.word == "unclear"
    assert verdict(S, wiggle, noise=np.nan).reason.endswith("noise of unknown size")


def test_few_points_show_no_shape():
    assert verdict([0, 1, 2], [0.0, 1.0, 2.0]) == ("unclear", "3 points do not show a shape")


def test_noise_that_all_points_share_is_none(rng):
    level = rng.normal(size=(1, 5, 1))
    assert noise_of(S[:, None, None] + level) == pytest.approx(0, abs=1e-12)
    assert noise_of(rng.normal(size=(17, 5, 1))) > 0.5
    assert noise_of(S[:, None, None]) == 0
    assert np.isnan(noise_of(np.empty((17, 0, 1))))


LINE = from_function(Interval(), lambda t: t)


def test_the_summary_tells_what_it_is_and_why():
    def own(t, rng):
        return t + 0.5 * np.random.default_rng([int(1000 * t), rng.integers(2**31)]).normal()

    metrics = [
        Metric("up", float, goal="max"),
        Metric("down", lambda t: t**2, goal="min"),
        Metric("noisy", own, goal="max", stochastic=True),
    ]
    summary = evaluate(LINE, metrics, points=9, seeds=4).summary().set_index("metric")
    assert summary["verdict"].to_dict() == {"up": "smooth", "down": "smooth", "noisy": "unclear"}
    assert summary.loc["up", "reason"] == "largest reversal 0 %, largest step 12 % of the range"
    assert summary.loc["up", "coverage_gap"] == pytest.approx(1 / 8)
    assert (summary[["build_s", "metric_s"]] >= 0).all(axis=None)


def test_a_mixture_of_three_has_no_verdict():
    mix = from_function(Simplex(("a", "b", "c")), lambda a, b, c: a)
    row = evaluate(mix, Metric("m", float, goal="max"), points=4).summary().iloc[0]
    assert row["verdict"] is None
    assert np.isnan(row["coverage_gap"])


def test_coverage_is_the_widest_gap():
    assert coverage_gap(np.linspace(3, 7, 9)) == pytest.approx(1 / 8)
    assert coverage_gap([0, 1]) == 1
    assert np.isnan([coverage_gap([1, 1]), coverage_gap([1]), coverage_gap([1, np.nan])]).all()


def test_decisions_between_candidates():
    assert decision_accuracy([1, 2, 3], [10, 20, 30]) == 1
    assert decision_accuracy([1, 2, 3], [30, 20, 10]) == 0
    assert decision_accuracy([1, 1, 1], [1, 2, 3]) == 0.5  # coins
    assert decision_accuracy([1, 2, 3], [1, 1, 2]) == 1  # no decision where both are equally good
    assert np.isnan([decision_accuracy([1, 2], [3, 3]), decision_accuracy([1], [1])]).all()
    assert np.isnan(decision_accuracy([1, np.nan], [1, 2]))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=8))
def test_decision_accuracy_is_the_share_of_pairs_in_one_order(candidates):
    pairs = [(a, b) for a, b in itertools.combinations(candidates, 2) if a[1] != b[1]]
    votes = [0.5 if a[0] == b[0] else float((a[0] < b[0]) == (a[1] < b[1])) for a, b in pairs]
    found = decision_accuracy(*zip(*candidates, strict=True))
    assert found == pytest.approx(np.mean(votes)) if votes else np.isnan(found)
