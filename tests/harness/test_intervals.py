"""Intervals against Student's, against the bootstrap, and against the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from continuum import Interval, Metric, PerItem, evaluate, from_function
from continuum.core import InvalidInputError
from continuum.harness import path_intervals
from continuum.harness.intervals import mean_interval, percentile_interval, resampled_curves


def crossed(rng, seeds, items, noise=0.0):
    """Measurements with a mean of 0; a single seed or item is no sample and has no deviation."""
    of_seeds, of_items = rng.normal(size=(seeds, 1)) * (seeds > 1), rng.normal(size=(1, items)) * (items > 1)
    return of_seeds + of_items + noise * rng.normal(size=(seeds, items))


@pytest.mark.parametrize("shape", [(6, 1), (1, 6)])
def test_with_one_seed_or_one_item_the_interval_is_students(rng, shape):
    x = rng.normal(size=shape)
    expected = stats.t.interval(0.95, 5, loc=x.mean(), scale=stats.sem(x.ravel()))
    assert mean_interval(x) == pytest.approx((x.mean(), *expected))


def test_one_measurement_says_nothing_of_the_spread():
    mean, low, high = mean_interval(np.ones((1, 1)))
    assert mean == 1
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_variance_of_a_mean_is_that_of_the_paired_bootstrap(rng):
    x = crossed(rng, 40, 60)
    mean, low, _ = mean_interval(x)
    parts = [x.mean(axis=1 - axis).var(ddof=1) / n for axis, n in enumerate(x.shape)]
    freedom = sum(parts) ** 2 / sum(part**2 / (n - 1) for part, n in zip(parts, x.shape, strict=True))
    error = (mean - low) / stats.t.ppf(0.975, freedom)
    # 4000 draws: the deviation of a deviation is 1.1 %; the bootstrap leaves out a factor of about 1 - 1/40.
    assert resampled_curves(x[None], 4000).std() == pytest.approx(error, rel=0.06)


@pytest.mark.parametrize(("seeds", "items", "noise"), [(3, 1, 0.0), (5, 50, 0.0), (1, 20, 0.0), (5, 20, 3.0)])
def test_the_interval_holds_the_truth_in_95_of_100_cases(rng, seeds, items, noise):
    """The bootstrap of 3 seeds would hold it in 75: no resample leaves the range of three numbers."""
    found = [mean_interval(crossed(rng, seeds, items, noise)) for _ in range(1000)]
    share = np.mean([low <= 0 <= high for _, low, high in found])
    assert share > 0.93  # 0.95 less three deviations of a share of 1000


def test_a_bootstrap_of_a_mean_is_as_wide_as_students_interval(rng):
    x = rng.normal(size=(1, 12, 1))
    low, high = percentile_interval(resampled_curves(x, 20_000), 12)
    expected = mean_interval(x[0])
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=0.12 * (high - low)[0])


def test_all_points_see_the_same_draws(rng):
    x = rng.normal(size=(1, 7, 5))
    drawn = resampled_curves(np.concatenate([x, x, 2 * x + 1]), 50)
    np.testing.assert_allclose(drawn[:, 1], drawn[:, 0])
    np.testing.assert_allclose(drawn[:, 2], 2 * drawn[:, 0] + 1)


def test_draws_do_not_depend_on_how_many_points_there_are(rng, monkeypatch):
    x = rng.normal(size=(4, 7, 5))
    whole = resampled_curves(x, 50)
    monkeypatch.setattr("continuum.harness.intervals._CHUNK", 60)  # in pieces of three draws
    np.testing.assert_allclose(resampled_curves(x, 50), whole)
    np.testing.assert_allclose(resampled_curves(x[:1], 50), whole[:, :1])


def test_an_undefined_statistic_has_no_interval():
    drawn = np.linspace(0, 1, 100)[:, None] * [1.0, 1.0]
    drawn[:50, 1] = np.nan
    low, high = percentile_interval(drawn, 30)
    assert low[0] < 0.05
    assert high[0] > 0.95
    assert np.isnan([low[1], high[1]]).all()
    assert np.isnan(percentile_interval(drawn, 1)).all()


LINE = from_function(Interval(), lambda t: t)


def test_intervals_of_path_numbers_hold_the_truth_and_are_paired():
    noisy = Metric("noisy", lambda t, rng: t + rng.normal(), goal="max", stochastic=True)
    found = path_intervals(evaluate(LINE, noisy, points=5, seeds=8), draws=100).set_index("number")
    # The noise is the same at every point: nothing is left of it in what does not depend on the level.
    for number, value in {"monotonicity": 1, "barrier": 0, "largest_jump": 1, "advantage": 0}.items():
        assert found.loc[number, ["value", "low", "high"]].tolist() == pytest.approx([value] * 3, abs=1e-9)
    assert (found["n"] == 8).all()
    assert (found["items"] == 0).all()


def test_items_alone_give_intervals():
    hits = Metric("hits", lambda t: PerItem(np.linspace(0, 1, 50) < t), goal="max")
    found = path_intervals(evaluate(LINE, hits, points=5), draws=200).set_index("number")
    assert found.loc["advantage", "low"] < 0 < found.loc["advantage", "high"]
    assert (found["items"] == 50).all()


def test_one_measurement_gives_no_interval_and_no_goal_no_barrier():
    found = path_intervals(evaluate(LINE, Metric("plain", float), points=5)).set_index("number")
    assert found[["low", "high"]].isna().all(axis=None)
    assert found.loc["monotonicity", "value"] == 1
    assert math.isnan(found.loc["barrier", "value"])


def test_the_number_of_draws_is_checked():
    with pytest.raises(InvalidInputError, match="draws"):
        path_intervals(evaluate(LINE, Metric("plain", float), points=5), draws=0)
