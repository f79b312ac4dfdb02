"""Transport between classes: it is the problem of all their points, at the price of a small one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.measures import (
    Exact,
    Sinkhorn,
    Sliced,
    SquaredEuclidean,
    Stratified,
    Streamed,
    TableCost,
    WeightedSum,
    matrix,
    solve,
)

SEEDS = st.integers(0, 2**32 - 1)
SOLVERS = ["auto", Exact(), Streamed(), Stratified(3)]


def problem(rng, n, m, k, c):
    """A cost between classes, some of them without points, and masses, some of them 0."""
    rows, columns = (torch.tensor(rng.integers(0, size, points)) for points, size in ((n, k), (m, c)))
    a, b = (rng.dirichlet(np.ones(points)) * (rng.random(points) < 0.8) for points in (n, m))
    a[0], b[-1] = 0.5, 0.5
    return TableCost(torch.tensor(rng.normal(size=(k, c))), rows, columns), a / a.sum(), b / b.sum()


@given(SEEDS, st.integers(1, 30), st.integers(1, 30), st.integers(1, 5), st.integers(1, 5))
def test_it_gives_what_all_pairs_of_points_give(seed, n, m, k, c):
    cost, a, b = problem(np.random.default_rng(seed), n, m, k, c)
    small, whole = solve(cost, a, b), solve(matrix(cost), a, b)
    assert small.converged
    assert small.value == pytest.approx(whole.value, abs=1e-12)
    assert small.lower == pytest.approx(whole.lower, abs=1e-12)
    coupling = small.coupling.toarray()
    np.testing.assert_allclose(coupling.sum(1), a, atol=1e-14)
    np.testing.assert_allclose(coupling.sum(0), b, atol=1e-14)
    assert (coupling * matrix(cost).numpy()).sum() == pytest.approx(small.value, abs=1e-12)
    f, g = small.potentials
    assert float((f[:, None] + g - matrix(cost)).max()) <= 1e-12
    assert float(torch.tensor(a) @ f + torch.tensor(b) @ g) == pytest.approx(small.lower, abs=1e-12)


@given(SEEDS)
def test_the_plan_is_sparse(seed):
    cost, a, b = problem(np.random.default_rng(seed), 40, 30, 4, 3)
    assert solve(cost, a, b).coupling.nnz <= 40 + 30 + 4 + 3


def test_equal_classes_stay_where_they_are(rng):
    places = torch.tensor(rng.integers(0, 3, 20))
    a = rng.dirichlet(np.ones(20))
    plan = solve(TableCost(1.0 - torch.eye(3, dtype=torch.float64), places, places), a, a)
    np.testing.assert_allclose(plan.coupling.toarray(), np.diag(a), atol=1e-15)
    assert plan.value == 0


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_a_sum_with_one_part_that_counts_is_a_cost_between_classes_too(rng, solver):
    cost, a, b = problem(rng, 12, 9, 3, 2)
    features = SquaredEuclidean(rng.normal(size=(12, 2)), rng.normal(size=(9, 2)))
    plan = solve(WeightedSum(((0.0, features), (2.0, WeightedSum(((1.5, cost),))))), a, b, solver=solver)
    assert plan.value == pytest.approx(3 * solve(matrix(cost), a, b).value, abs=1e-12)
    assert plan.converged
    assert plan.standard_error == 0
    mixed = solve(WeightedSum(((1.0, features), (2.0, cost))), a, b)
    assert mixed.value == pytest.approx(solve(matrix(features) + 2 * matrix(cost), a, b).value, abs=1e-12)


def test_many_points_take_no_memory_of_pairs(rng):
    cost, a, b = problem(rng, 200_000, 300_000, 10, 7)
    plan = solve(cost, a, b, solver=Exact())  # a matrix of them would take half a terabyte
    assert np.abs(plan.coupling.sum(1) - a).max() < 1e-12
    assert np.abs(plan.coupling.sum(0) - b).max() < 1e-12
    assert plan.gap == pytest.approx(0, abs=1e-12)


def test_entropic_and_sliced_transport_stay_with_the_points(rng):
    cost, a, b = problem(rng, 12, 9, 3, 2)
    assert isinstance(solve(cost, a, b, solver=Sinkhorn(0.1)).coupling, torch.Tensor)
    with pytest.raises(ValueError, match=r"Sliced\(\) needs a cost that is a squared distance"):
        solve(cost, a, b, solver=Sliced())


def test_a_class_of_next_to_no_mass_is_poured_as_well_as_numbers_allow():
    places = torch.tensor([0, 1, 1])
    a = np.array([1e-18, 0.5, 0.5])
    plan = solve(TableCost(torch.eye(2, dtype=torch.float64), places, places), a, a[::-1].copy())
    np.testing.assert_allclose(plan.coupling.sum(1), a, atol=1e-16)
