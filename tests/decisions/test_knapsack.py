"""Knapsacks: agreement with HiGHS and with all subsets, ties, and weights that the table cannot hold."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from continuum.core import ResourceError
from continuum.decisions import Knapsack


def highs(problem, y):
    weights = np.array(problem.weights)
    limits = LinearConstraint(weights, -np.inf, problem.capacity)
    return -milp(-y, constraints=limits, bounds=Bounds(0, 1), integrality=np.ones(len(y))).fun


@pytest.mark.parametrize(
    ("rows", "items", "heaviest", "capacity"),
    [(1, 12, 9, [25]), (1, 16, 800, [2000]), (2, 10, 6, [15, 12]), (3, 8, 4, [8, 9, 10])],
)
def test_values_are_those_of_highs(rows, items, heaviest, capacity, rng):
    for _ in range(5):
        problem = Knapsack(rng.integers(1, heaviest, (rows, items)), capacity)
        y = rng.uniform(-1, 10, size=(3, items))
        z = problem.solve(y)
        assert problem.is_feasible(z).all()
        np.testing.assert_allclose(problem.paired(z, y), [highs(problem, values) for values in y], rtol=1e-9)


@given(st.data())
def test_of_equally_good_choices_the_one_of_the_lowest_indices_is_taken(data):
    items = data.draw(st.integers(1, 6))
    weights = data.draw(st.lists(st.integers(0, 4), min_size=items, max_size=items))
    values = data.draw(st.lists(st.integers(-1, 3), min_size=items, max_size=items))
    capacity = data.draw(st.integers(0, 10))
    # Items without a value stay out; then the greatest value, then the first items.
    useful = product(*([1, 0] if value > 0 else [0] for value in values))
    fitting = [choice for choice in useful if np.dot(choice, weights) <= capacity]
    best = max(fitting, key=lambda choice: (np.dot(choice, values), choice))
    np.testing.assert_array_equal(Knapsack(weights, capacity).solve([values]), [best])


def test_a_scale_changes_no_choice_though_many_have_one_value(rng):
    problem = Knapsack(rng.choice([3, 5, 7], 12), 25)
    y = rng.choice([0.1, 0.2, 0.3, 0.7], size=(300, 12))
    for scale in (3.0, 0.1, 7e5):
        np.testing.assert_array_equal(problem.solve(scale * y), problem.solve(y))


def test_common_factors_of_weights_change_nothing(rng):
    y = rng.uniform(0, 1, size=(20, 6))
    fine, coarse = Knapsack([300, 400, 500, 600, 700, 800], 1299), Knapsack([3, 4, 5, 6, 7, 8], 12)
    np.testing.assert_array_equal(fine.solve(y), coarse.solve(y))


def test_a_bag_without_room_takes_what_weighs_nothing():
    np.testing.assert_array_equal(Knapsack([0, 1, 0], 0).solve([[1.0, 5.0, -1.0]]), [[1, 0, 0]])


def test_a_bag_with_room_for_all_takes_all():
    np.testing.assert_array_equal(Knapsack([1, 2, 3], 10**15).solve([[1.0, 5.0, 1.0]]), [[1, 1, 1]])


def test_a_table_that_does_not_fit_is_refused():
    with pytest.raises(ResourceError, match=r"the table of the knapsack needs about .*; count weights in larger units"):
        Knapsack([10**12, 10**12 + 1], 10**12).solve([[1.0, 2.0]])


def test_only_whole_items_that_fit_are_feasible():
    fits = Knapsack([3, 4, 5], 8).is_feasible([[1, 0, 1], [0, 1, 1], [0.5, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(fits, [True, False, False, True])
