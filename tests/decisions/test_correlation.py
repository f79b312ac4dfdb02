"""Correlations of distances with regrets, grids of weights and matrices of transfer."""

from __future__ import annotations

import numpy as np
import pytest
from pto_tasks import cubic_task, menu, task
from scipy.stats import pearsonr, spearmanr

from continuum.core import IncompatibleError, InvalidInputError
from continuum.decisions import correlate, regret, simplex_grid, transfer_matrix


def test_the_grid_of_the_paper_has_91_triples_of_different_directions():
    grid = simplex_grid()
    assert grid.shape == (91, 3)
    assert len({tuple(np.round(row, 12)) for row in grid}) == 91
    np.testing.assert_allclose(grid.sum(1), 1, rtol=1e-15)
    assert grid.min() == 0
    counts = {tuple(np.round(np.array(k) / sum(k), 12)) for k in np.ndindex(5, 5, 5) if sum(k)}
    assert counts == {tuple(np.round(row, 12)) for row in grid}


def test_coefficients_are_those_of_scipy(rng):
    x = rng.normal(size=40).round(1)  # with ties
    y = x**3 + rng.normal(size=40)
    found = correlate(x, y)
    assert found.pearson == pytest.approx(pearsonr(x, y).statistic, rel=1e-12)
    assert found.spearman == pytest.approx(spearmanr(x, y).statistic, rel=1e-12)
    assert found.n == 40


def test_intervals_hold_the_coefficient_shrink_with_tasks_and_are_reproducible(rng):
    x = rng.normal(size=400)
    y = x + rng.normal(size=400)
    few, many = correlate(x[:30], y[:30]), correlate(x, y)
    for found in (few, many):
        assert found.pearson_interval[0] < found.pearson < found.pearson_interval[1]
        assert found.spearman_interval[0] < found.spearman < found.spearman_interval[1]
    assert np.ptp(many.pearson_interval) < np.ptp(few.pearson_interval) / 2
    assert correlate(x, y) == many
    assert correlate(x, y, seed=1) != many
    assert np.ptp(correlate(x, y, level=0.5).pearson_interval) < np.ptp(many.pearson_interval)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    # Normal pairs of correlation 0.5: of 200 intervals at 90%, 180 are expected, within 4 standard errors of 4.2.
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        x = rng.normal(size=40)
        y = 0.5 * x + np.sqrt(0.75) * rng.normal(size=40)
        low, high = correlate(x, y, samples=300, level=0.9).pearson_interval
        covered += low <= 0.5 <= high
    assert 163 <= covered <= 197


def test_a_perfect_relation_has_no_spread_and_a_constant_no_correlation():
    line = correlate([1.0, 2.0, 3.0, 4.0, 5.0], [3.0, 5.0, 7.0, 9.0, 11.0])
    assert line.pearson == pytest.approx(1)
    assert line.pearson_interval == pytest.approx((1, 1))
    constant = correlate([0.1] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert np.isnan([constant.pearson, constant.spearman, *constant.pearson_interval]).all()


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([1, 2], [1, 2], "at least 3 tasks, got 2"),
        ([1, 2, np.nan], [1, 2, 3], "`distances` has 1 NaN"),
        ([1, 2, 3], [[1, 2, 3]], "`regrets` must have 1 dimensions"),
    ],
)
def test_what_cannot_be_correlated_is_refused(x, y, says):
    with pytest.raises(InvalidInputError, match=says):
        correlate(x, y)


def test_lists_of_different_lengths_and_options_out_of_range_are_refused():
    with pytest.raises(IncompatibleError, match="3 distances and 4 regrets"):
        correlate([1, 2, 3], [1, 2, 3, 4])
    with pytest.raises(InvalidInputError, match="`level`"):
        correlate([1, 2, 3], [1, 2, 3], level=95)
    with pytest.raises(InvalidInputError, match="`samples`"):
        correlate([1, 2, 3], [1, 2, 3], samples=0)
    with pytest.raises(InvalidInputError, match="`levels`"):
        simplex_grid(0)


def test_a_learner_is_fitted_once_for_each_source_and_tried_on_every_target():
    fitted = []

    def fit(data):
        fitted.append(data)
        slope = float((data.x * data.y).sum() / (data.x**2).sum())
        return lambda x: slope * x

    sources = [cubic_task(coefficient, 20) for coefficient in (0.2, 1.0)]
    targets = [cubic_task(coefficient, 30, seed=1) for coefficient in (0.0, 0.65, 1.2)]
    found = transfer_matrix(sources, targets, fit)
    assert found.shape == (2, 3)
    assert fitted == sources
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            assert found[i, j] == pytest.approx(regret(target.problem, fit(source)(target.x), target.y), rel=1e-12)


def test_a_target_with_logged_decisions_is_judged_by_the_optimal_ones(rng):
    problem = menu(rng)
    data = task(rng, problem, 10)
    logged = type(data)(data.x, data.y, problem, data.z[::-1])
    fit = lambda data: lambda x: np.ones((len(x), problem.dim_y))  # noqa: E731
    assert transfer_matrix([data], [data], fit) == transfer_matrix([data], [logged], fit)


def test_instances_of_a_target_count_by_their_weights(rng):
    problem = menu(rng)
    data = task(rng, problem, 10)
    fit = lambda data: lambda x: np.ones((len(x), problem.dim_y))  # noqa: E731
    weighted = type(data)(data.x, data.y, problem, weights=np.eye(10)[3])
    np.testing.assert_allclose(
        transfer_matrix([data], [weighted], fit), transfer_matrix([data], [data.subset([3])], fit), rtol=1e-12
    )
