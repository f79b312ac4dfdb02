"""The monotone matching against enumeration and against isotonic regression."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from continuum.harness.matching import monotone_matching

COSTS = arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.integers(0, 3).map(float))


@pytest.mark.parametrize("increasing", [True, False])
@given(COSTS)
def test_it_is_the_cheapest_of_all_monotone_maps(increasing, cost):
    found = monotone_matching(cost, increasing=increasing)
    points, candidates = cost.shape
    maps = [
        m for m in itertools.product(range(candidates), repeat=points) if list(m) == sorted(m, reverse=not increasing)
    ]
    prices = [sum(cost[i, k] for i, k in enumerate(m)) for m in maps]
    optimal = np.array([m for m, one in zip(maps, prices, strict=True) if one == min(prices)])
    assert found.cost == min(prices)
    np.testing.assert_array_equal(found.first, optimal.min(axis=0))
    np.testing.assert_array_equal(found.last, optimal.max(axis=0))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.booleans())
def test_under_squares_it_is_isotonic_regression(y, increasing):
    isotonic = pytest.importorskip("sklearn.isotonic")
    y, candidates = np.array(y), np.linspace(0, 1, 2001)
    expected = isotonic.isotonic_regression(y, increasing=increasing)
    found = monotone_matching((y[:, None] - candidates) ** 2, increasing=increasing)
    np.testing.assert_allclose(candidates[found.first], expected, atol=1e-3)  # two steps of the grid
