"""Newsvendors: closed forms against search, critical fractiles, and demands that are no demands."""

from __future__ import annotations

import numpy as np
import pytest

from continuum.core import InvalidInputError
from continuum.decisions import Newsvendor, StochasticNewsvendor, StockCosts

LEVELS = (1, 2, 5, 10, 20)
COSTS = {
    "Donti": {"backorder": (30, 14), "holding": (10, 2), "order": (10, 2)},
    "linear": {"backorder": 9, "holding": 3},
    "linear with a price": {"backorder": 9, "holding": 3, "order": 2},
    "squares only": {"backorder": (0, 1), "holding": (0, 1)},
    "too dear to order": {"backorder": 1, "holding": 0, "order": 5},
    "dear at last": {"backorder": (1, 1), "holding": 0, "order": 5},
}
costs = pytest.mark.parametrize("costs", COSTS.values(), ids=COSTS)
_GRID = np.linspace(0, 25, 5001)[:, None]  # of step 1 / 200, which holds all levels


@costs
def test_orders_for_known_demands_are_those_that_a_search_finds(costs, rng):
    problem, y = Newsvendor(**costs), rng.uniform(0, 20, size=(60, 1)).round(1)
    z = problem.solve(y)
    searched = problem.objective(_GRID, y)
    assert (problem.paired(z, y) <= searched.min(0) + 1e-12 * (1 + searched.min(0))).all()
    np.testing.assert_allclose(z[:, 0], _GRID[searched.argmin(0), 0], atol=0.01)


@costs
def test_orders_for_distributions_are_those_that_a_search_finds(costs, rng):
    problem = StochasticNewsvendor((0, *LEVELS), **costs)
    y = rng.dirichlet(np.full(6, 0.5), 60)
    z = problem.solve(y)
    searched = problem.objective(_GRID, y)
    assert (problem.paired(z, y) <= searched.min(0) + 1e-12 * (1 + searched.min(0))).all()
    np.testing.assert_allclose(z[:, 0], _GRID[searched.argmin(0), 0], atol=0.01)


@costs
def test_a_certain_level_is_a_known_demand(costs):
    certain = StochasticNewsvendor(LEVELS, **costs).solve(np.eye(5))
    np.testing.assert_allclose(certain, Newsvendor(**costs).solve(np.array(LEVELS)[:, None]), rtol=1e-12)


@costs
def test_costs_under_a_distribution_are_the_mean_of_those_of_its_levels(costs, rng):
    y, z = rng.dirichlet(np.ones(5), 7), rng.uniform(0, 20, size=(4, 1))
    at_levels = Newsvendor(**costs).objective(z, np.array(LEVELS)[:, None])
    np.testing.assert_allclose(StochasticNewsvendor(LEVELS, **costs).objective(z, y), at_levels @ y.T)


def test_without_a_price_the_demand_is_ordered_and_costs_nothing(rng):
    problem, y = Newsvendor(backorder=4, holding=1), rng.uniform(0, 9, size=(20, 1))
    np.testing.assert_array_equal(problem.solve(y), y)
    np.testing.assert_array_equal(problem.paired(y, y), np.zeros(20))


@pytest.mark.parametrize(("c0", "b0", "h0"), [(0.0, 9.0, 3.0), (2.0, 9.0, 3.0), (5.0, 6.0, 1.0), (0.0, 1.0, 9.0)])
def test_with_linear_costs_the_order_is_the_critical_fractile(c0, b0, h0, rng):
    problem = StochasticNewsvendor(LEVELS, backorder=b0, holding=h0, order=c0)
    y = rng.dirichlet(np.ones(5), 200)
    fractile = (b0 - c0) / (b0 + h0)
    least = np.array(LEVELS)[(y.cumsum(1) >= fractile).argmax(1)]
    np.testing.assert_array_equal(problem.solve(y)[:, 0], least)


def test_of_equally_good_orders_the_least_is_taken():
    # 0.1 + 0.2 is the fractile 0.3 up to rounding, so that all orders from 2 to 5 are optimal.
    problem = StochasticNewsvendor(LEVELS, backorder=3, holding=7)
    np.testing.assert_array_equal(problem.solve([[0.1, 0.2, 0.7, 0.0, 0.0]]), [[2.0]])
    np.testing.assert_array_equal(Newsvendor(backorder=3, holding=1, order=3).solve([[4.0]]), [[0.0]])


def test_a_negative_forecast_orders_nothing():
    np.testing.assert_array_equal(Newsvendor(9, 1, items=2).solve([[-3.0, 2.0]]), [[0.0, 2.0]])


def test_goods_are_ordered_each_for_itself(rng):
    costs = COSTS["Donti"]
    y = rng.uniform(0, 20, size=(9, 3))
    three, one = Newsvendor(**costs, items=3), Newsvendor(**costs)
    z = three.solve(y)
    np.testing.assert_allclose(z, np.concatenate([one.solve(y[:, [item]]) for item in range(3)], axis=1))
    parts = sum(one.objective(z[:, [item]], y[:, [item]]) for item in range(3))
    np.testing.assert_allclose(three.objective(z, y), parts)


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5], [0.0, 0.0]])
def test_what_is_no_distribution_is_refused(row):
    problem = StochasticNewsvendor((1, 2), 9, 1)
    with pytest.raises(InvalidInputError, match=r"probabilities of 2 levels that sum to 1, got .* in row 1; clip"):
        problem.solve([[0.5, 0.5], row])
    with pytest.raises(InvalidInputError, match="probabilities of 2 levels"):
        problem.objective([[1.0]], [row])


def test_stock_costs_are_convex_in_the_order(rng):
    costs = StockCosts(order=(10, 2), backorder=(30, 14), holding=(10, 2))
    a, b, demand = rng.uniform(0, 20, size=(3, 500))
    assert (costs.of((a + b) / 2, demand) <= (costs.of(a, demand) + costs.of(b, demand)) / 2 + 1e-9).all()


def test_negative_orders_are_not_feasible():
    np.testing.assert_array_equal(Newsvendor(1, 1, items=2).is_feasible([[0, 1], [1, -1]]), [True, False])
    np.testing.assert_array_equal(StochasticNewsvendor((1, 2), 1, 1).is_feasible([[0], [-1]]), [True, False])
