import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continuum.core import InvalidInputError
from continuum.harness import (
    advantage,
    barrier,
    endpoint_fidelity,
    frankle_barrier,
    largest_jump,
    monotonicity,
    spearman,
    tracking_rmse,
    win_share,
)

T = np.linspace(0, 1, 11)
NUMBERS = (monotonicity, barrier, largest_jump, advantage)

# Whole numbers, so that the laws hold exactly and rounding is not what is tested.
values = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=20)


@pytest.mark.parametrize(
    ("u", "expected"),
    [
        (3 * T - 1, (1, 0, 1, 0)),
        (-T * (1 - T), (0, 0.25, 1.8, -0.165)),
        ((T > 0.45) * 1.0, (1, 0.4, 10, 0.05)),
        (np.full(11, 0.7), (math.nan, 0, math.nan, 0)),
    ],
    ids=["linear", "sagging", "step", "constant"],
)
def test_known_answers(u, expected):
    assert [f(T, u) for f in NUMBERS] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_coordinates_are_rescaled():
    u = -T * (1 - T)
    assert [f(5 * T - 2, u) for f in NUMBERS] == pytest.approx([f(T, u) for f in NUMBERS], abs=1e-12)


def test_frankle_barrier_differs_from_barrier_on_a_slope():
    assert (barrier(T, T), frankle_barrier(T, T)) == pytest.approx((0, 0.5))


@settings(deadline=None)
@given(values)
def test_sorted_values_are_monotone(u):
    u = sorted(set(u)) if len(set(u)) > 1 else [0.0, 1.0]
    s = np.arange(len(u))
    assert monotonicity(s, u) == 1
    assert spearman(s, u) == pytest.approx(1)
    assert spearman(s, u[::-1]) == pytest.approx(-1)


@settings(deadline=None)
@given(values)
def test_bounds(u):
    s = np.arange(len(u))
    assert barrier(s, u) >= 0
    assert math.isnan(monotonicity(s, u)) == (len(set(u)) == 1)
    assert math.isnan(monotonicity(s, u)) or 0 <= monotonicity(s, u) <= 1
    assert math.isnan(largest_jump(s, u)) or largest_jump(s, u) >= 1 - 1e-9
    assert math.isnan(spearman(s, u)) or abs(spearman(s, u)) <= 1 + 1e-12


@settings(deadline=None)
@given(values)
def test_reversing_the_sign(u):
    s, minus = np.arange(len(u)), [-x for x in u]
    assert monotonicity(s, minus) == pytest.approx(monotonicity(s, u), nan_ok=True)
    assert spearman(s, minus) == pytest.approx(-spearman(s, u), nan_ok=True)
    assert advantage(s, minus) == pytest.approx(-advantage(s, u), abs=1e-9)


@settings(deadline=None)
@given(values)
def test_reversing_the_path_changes_neither_barrier_nor_variation(u):
    s = np.arange(len(u))
    for number in (barrier, frankle_barrier, advantage, monotonicity, largest_jump):
        assert number(s, u[::-1]) == pytest.approx(number(s, u), abs=1e-9, nan_ok=True)


def test_spearman_shares_ranks_between_ties_like_scipy():
    stats = pytest.importorskip("scipy.stats")
    u = np.array([1.0, 3.0, 3.0, 2.0, 5.0, 3.0])
    assert spearman(range(6), u) == pytest.approx(stats.spearmanr(range(6), u).statistic)


@pytest.mark.parametrize("number", [*NUMBERS, frankle_barrier, spearman])
def test_nan_in_nan_out(number):
    assert math.isnan(number([0, 1, 2], [0.0, math.nan, 1.0]))


@pytest.mark.parametrize(("s", "u"), [([0, 1], [1.0]), ([0, 0], [1.0, 2.0]), ([1, 0], [1.0, 2.0]), ([0], [1.0])])
def test_what_is_no_curve_is_refused(s, u):
    with pytest.raises(InvalidInputError):
        monotonicity(s, u)


def test_comparisons():
    assert endpoint_fidelity([1.0, 2.0], [1.0, 2.5]) == 0.5
    assert tracking_rmse([0.0, 0.0], [3.0, 4.0]) == pytest.approx(math.sqrt(12.5))
    assert math.isnan(endpoint_fidelity([], []))
    assert math.isnan(tracking_rmse([], []))


def test_win_share_is_paired_by_seed_and_a_tie_is_no_win():
    u = [[1.0, 5.0], [2.0, math.nan], [0.0, 0.0], [math.nan, math.nan]]
    v = [[0.0, 5.0], [3.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    assert win_share(u, v) == pytest.approx(1 / 3)
    assert math.isnan(win_share([math.nan], [1.0]))
