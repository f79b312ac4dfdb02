"""Portfolios: optimality certificates, agreement with other solvers, ties, and bounds that nothing keeps."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from continuum.decisions import MeanVariance, Portfolio


def factor_covariance(assets, factors, rng):
    loadings = rng.uniform(-1, 1, size=(assets, factors))
    return loadings @ loadings.T + 0.1 * np.eye(assets)


def variance(problem, z):
    return np.einsum("ni,ij,nj->n", z, problem.covariance, z)


@pytest.mark.parametrize("aversion", [1e-3, 0.3, 3.0, 30.0, 1e5])
@pytest.mark.parametrize(("assets", "factors"), [(2, 1), (6, 3), (30, 5)])
def test_no_asset_is_worth_more_of_the_budget_than_those_that_are_held(aversion, assets, factors, rng):
    problem = MeanVariance(factor_covariance(assets, factors, rng), aversion)
    y = rng.normal(size=(40, assets))
    z = problem.solve(y)
    gradient = y - aversion * z @ problem.covariance
    gap = gradient.max(1) - (gradient * z).sum(1)  # bounds what any portfolio is better, since the objective is concave
    assert problem.is_feasible(z).all()
    assert gap.max() <= 1e-12 * np.abs(gradient).max()


@pytest.mark.parametrize("aversion", [0.1, 10.0, 1e4])
def test_assets_that_nearly_repeat_each_other_are_told_apart(aversion, rng):
    problem = MeanVariance(factor_covariance(40, 3, rng) - (0.1 - 1e-7) * np.eye(40), aversion)
    y = rng.normal(size=(30, 40))
    z = problem.solve(y)
    gradient = y - aversion * z @ problem.covariance
    assert (gradient.max(1) - (gradient * z).sum(1)).max() <= 1e-10 * np.abs(gradient).max()


@pytest.mark.parametrize("assets", [2, 5])
def test_risk_at_a_price_agrees_with_all_sets_of_assets(assets, rng):
    problem = MeanVariance(factor_covariance(assets, 2, rng), 2.0)
    y = rng.normal(size=(20, assets))

    def best(returns):
        values = []
        for size in range(1, assets + 1):
            for held in map(list, combinations(range(assets), size)):
                system = np.ones((size + 1, size + 1))
                system[:size, :size] = 2.0 * problem.covariance[np.ix_(held, held)]
                system[size, size] = 0
                z = np.zeros((1, assets))
                z[0, held] = np.linalg.solve(system, np.append(returns[held], 1.0))[:size]
                if (z >= 0).all():
                    values.append(problem.paired(z, returns[None])[0])
        return max(values)

    np.testing.assert_allclose(problem.paired(problem.solve(y), y), [best(returns) for returns in y], rtol=1e-10)


def test_bounded_risk_agrees_with_sequential_quadratic_programming(rng):
    covariance = factor_covariance(8, 3, rng)
    problem = Portfolio(covariance, risk=1.3 / np.linalg.inv(covariance).sum())
    y = rng.normal(size=(10, 8))

    def peer(returns):
        budget = {"type": "eq", "fun": lambda z: z.sum() - 1}
        bound = {"type": "ineq", "fun": lambda z: problem.risk - z @ covariance @ z}
        start, bounds = np.full(8, 1 / 8), [(0, 1)] * 8
        found = minimize(
            lambda z: -returns @ z, start, bounds=bounds, constraints=[budget, bound], options={"ftol": 1e-13}
        )
        return -found.fun

    z = problem.solve(y)
    np.testing.assert_allclose(problem.paired(z, y), [peer(returns) for returns in y], rtol=1e-6)
    assert problem.is_feasible(z).all()


@pytest.mark.parametrize("share", [1.0 + 1e-12, 1.01, 1.5, 4.0, 1e6])
def test_bounded_risk_is_the_efficient_portfolio_of_that_risk_or_the_largest_return(share, rng):
    covariance = factor_covariance(12, 4, rng)
    calm = MeanVariance(covariance, 1e12).solve(np.zeros((1, 12)))
    problem = Portfolio(covariance, share * float((calm @ covariance @ calm.T)[0, 0]))
    y = rng.normal(size=(30, 12))
    z = problem.solve(y)
    binds = variance(problem, z) > problem.risk * (1 - 1e-9)
    assert problem.is_feasible(z).all()
    np.testing.assert_array_equal(z[~binds].argmax(1), y[~binds].argmax(1))
    np.testing.assert_allclose(z[~binds].max(1), 1.0)
    if share > 1.001:
        # Optimal for the price of risk at which the held assets have one marginal value.
        for row, returns in zip(z[binds], y[binds], strict=True):
            held = row > 1e-9
            marginal = np.stack([(covariance @ row)[held], np.ones(held.sum())], 1)
            (price, _), *_ = np.linalg.lstsq(marginal, returns[held])
            np.testing.assert_allclose(MeanVariance(covariance, price).solve(returns[None])[0], row, atol=1e-6)


def test_returns_that_all_rise_alike_change_no_portfolio(rng):
    covariance = factor_covariance(6, 2, rng)
    y = rng.normal(size=(20, 6))
    for problem in (Portfolio(covariance, 0.3), MeanVariance(covariance, 1.0)):
        np.testing.assert_allclose(problem.solve(y + 3.0), problem.solve(y), atol=1e-12)


def test_a_scale_of_returns_changes_no_portfolio_of_bounded_risk(rng):
    problem = Portfolio(factor_covariance(6, 2, rng), 0.3)
    y = rng.normal(size=(20, 6))
    for scale in (3.0, 1e-8, 1e8):
        np.testing.assert_allclose(problem.solve(scale * y), problem.solve(y), atol=1e-10)


def test_units_of_the_covariance_do_not_matter(rng):
    covariance = factor_covariance(6, 2, rng)
    y = rng.normal(size=(20, 6))
    for unit in (1e-10, 1e10):
        np.testing.assert_allclose(
            Portfolio(unit * covariance, unit * 0.3).solve(y), Portfolio(covariance, 0.3).solve(y), atol=1e-10
        )


@given(st.integers(1, 6), st.data())
def test_of_assets_that_return_the_same_the_calmest_mixture_is_held(assets, data):
    returns = data.draw(st.lists(st.integers(0, 2), min_size=assets, max_size=assets))
    best = np.array(returns) == max(returns)
    expected = np.where(best, 1 / best.sum(), 0.0)
    np.testing.assert_allclose(Portfolio(np.eye(assets), 2.0).solve([returns]), [expected], atol=1e-12)


def test_twins_share_what_they_are_given():
    covariance = np.kron(np.eye(3), [[1.0, 0.5], [0.5, 1.0]])
    z = MeanVariance(covariance, 1.0).solve([[1.0, 1.0, 0.5, 0.5, 0.0, 0.0]])
    np.testing.assert_allclose(z.reshape(3, 2)[:, 0], z.reshape(3, 2)[:, 1], atol=1e-12)


def test_an_asset_that_hedges_is_held_though_it_returns_least():
    covariance = [[1.0, -0.9], [-0.9, 1.0]]
    assert Portfolio(covariance, 0.5).solve([[1.0, -1.0]])[0, 1] > 0.1


def test_only_portfolios_that_spend_the_budget_and_keep_the_bound_are_feasible():
    problem = Portfolio(np.eye(2), 0.7)
    z = [[0.5, 0.5], [1.0, 0.0], [0.4, 0.4], [1.5, -0.5]]
    np.testing.assert_array_equal(problem.is_feasible(z), [True, False, False, False])
    np.testing.assert_array_equal(MeanVariance(np.eye(2), 1.0).is_feasible(z), [True, True, False, False])
