"""Top k: exact choices, ties, and what leaves a choice alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from continuum.decisions import TopK


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_the_sum_is_that_of_the_largest_values(k, rng):
    y = rng.normal(size=(50, 6))
    problem = TopK(6, k)
    np.testing.assert_allclose(problem.paired(problem.solve(y), y), np.sort(y, axis=1)[:, -k:].sum(1))


def test_it_agrees_with_highs(rng):
    y = rng.normal(size=(20, 9))
    problem = TopK(9, 4)
    ones = np.ones(9)
    for values, ours in zip(y, problem.paired(problem.solve(y), y), strict=True):
        found = milp(-values, constraints=LinearConstraint(ones, 4, 4), bounds=Bounds(0, 1), integrality=ones)
        assert ours == pytest.approx(-found.fun)


@given(st.lists(st.integers(-2, 2), min_size=2, max_size=7), st.data())
def test_of_equal_values_those_of_the_lowest_index_are_chosen(values, data):
    k = data.draw(st.integers(1, len(values)))
    chosen = sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]
    (z,) = TopK(len(values), k).solve([values])
    assert sorted(np.flatnonzero(z)) == sorted(chosen)


@pytest.mark.parametrize("k", [1, 3])
def test_a_positive_scale_or_a_constant_changes_no_choice(k, rng):
    y = rng.normal(size=(40, 8))
    problem = TopK(8, k)
    for other in (3.7 * y, y + 2.5, 1e-6 * y - 1):
        np.testing.assert_array_equal(problem.solve(other), problem.solve(y))


def test_only_k_ones_are_feasible():
    z = [[1, 1, 0], [1, 0, 0], [1, 1, 1], [2, 0, 0], [0.5, 0.5, 1]]
    np.testing.assert_array_equal(TopK(3, 2).is_feasible(z), [True, False, False, False, False])
