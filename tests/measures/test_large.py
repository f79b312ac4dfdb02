"""Transport of large sets: streamed with certified bounds, or in random parts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import ConvergenceWarning, IncompatibleError, InvalidInputError, ResourceError
from continuum.measures import (
    Exact,
    SquaredEuclidean,
    Stratified,
    Streamed,
    TableCost,
    WeightedSum,
    check_plan_memory,
    choose_solver,
    matrix,
    preflight,
    shortlist,
    solve,
)

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def short_lists_of_small_problems(monkeypatch):
    for name, value in {"_SMALL": 100, "_FEW": 10, "_PER_POINT": 5}.items():
        monkeypatch.setattr(shortlist, name, value)


def problem(rng, n=70, m=50):
    """Features and labels: the cost, the masses (some 0), and the classes."""
    x, y = rng.normal(size=(n, 3)).astype(np.float32), rng.normal(size=(m, 3)) + 1
    rows, columns = (torch.tensor(rng.integers(0, 3, k)) for k in (n, m))
    table = TableCost(torch.tensor(rng.random((3, 3))), rows, columns)
    a, b = rng.random(n), rng.random(m)
    a[:5] = b[3] = 0
    return WeightedSum(((0.5, SquaredEuclidean(x, y)), (2.0, table))), a / a.sum(), b / b.sum(), (rows, columns)


def assert_plan_of(plan, cost, a, b):
    c, (f, g) = matrix(cost).numpy(), plan.potentials
    np.testing.assert_allclose(plan.coupling.sum(1), a, atol=1e-12)
    np.testing.assert_allclose(plan.coupling.sum(0), b, atol=1e-12)
    assert plan.value == plan.upper == pytest.approx((plan.coupling.toarray() * c).sum(), rel=1e-12)
    assert bool((f[:, None] + g <= torch.tensor(c) + 1e-13).all())
    assert float(f @ torch.tensor(a) + g @ torch.tensor(b)) == pytest.approx(plan.lower, abs=1e-12)


@given(seed=SEEDS)
def test_streamed_bounds_enclose_the_optimum_as_closely_as_asked(seed):
    cost, a, b, _ = problem(np.random.default_rng(seed))
    best, plan = solve(cost, a, b, solver=Exact()), solve(cost, a, b, solver=Streamed(gap=1e-3, max_rounds=50))
    assert_plan_of(plan, cost, a, b)
    assert plan.converged
    assert plan.gap <= 1e-3 * plan.value
    assert plan.lower - 1e-12 <= best.value <= plan.upper + 1e-12


def test_streamed_never_holds_the_matrix(rng, monkeypatch):
    cost, a, b, _ = problem(rng)
    sizes = []
    block = WeightedSum.block
    monkeypatch.setattr(
        WeightedSum, "block", lambda self, *places: sizes.append(block(self, *places).numel()) or block(self, *places)
    )
    solve(cost, a, b, solver=Streamed(max_rounds=50))
    assert max(sizes, default=0) <= 1


def test_streamed_says_when_it_stops_early(rng):
    cost, a, b, _ = problem(rng)
    with pytest.warns(ConvergenceWarning, match=r"\[.*raise `max_rounds`"):
        plan = solve(cost, a, b, solver=Streamed(gap=1e-9, max_rounds=1))
    assert not plan.converged
    assert_plan_of(plan, cost, a, b)


@given(seed=SEEDS, size=st.sampled_from([7, 20, 69]))
def test_stratified_is_a_plan_of_the_whole_that_bounds_from_above(seed, size):
    cost, a, b, strata = problem(np.random.default_rng(seed))
    plan = solve(cost, a, b, solver=Stratified(size, seed=seed), strata=strata)
    assert_plan_of(plan, cost, a, b)
    best = solve(cost, a, b).value
    assert 0 < plan.lower <= best + 1e-12  # no pair of labels costs less
    assert plan.upper >= best - 1e-12
    assert plan.standard_error > 0
    again = solve(cost, a, b, solver=Stratified(size, seed=seed), strata=strata)
    assert (again.coupling != plan.coupling).nnz == 0


def test_one_part_is_the_whole(rng):
    cost, a, b, _ = problem(rng)
    plan = solve(cost, a, b, solver=Stratified(size=70))
    assert plan.value == pytest.approx(plan.lower, rel=1e-12)
    assert plan.value == pytest.approx(solve(cost, a, b).value, rel=1e-12)
    assert plan.standard_error == 0


def test_parts_mirror_the_classes(rng):
    """Where classes may only go to themselves, parts that mirror them cost nothing."""
    labels = torch.tensor(rng.permutation(np.repeat([0, 1, 2], [60, 30, 10])))
    places = torch.eye(3, dtype=torch.float64)[labels]  # a TableCost would be solved between the classes
    cost = SquaredEuclidean(places, places)
    mirrored = solve(cost, solver=Stratified(10), strata=(labels, labels))
    assert mirrored.value == pytest.approx(0, abs=1e-12)
    assert solve(cost, solver=Stratified(10)).value > 0.01


def test_auto_holds_the_matrix_while_it_is_small():
    assert choose_solver("auto", 10_000, 10_000) == choose_solver(None, 5, 5) == Exact()
    assert choose_solver("auto", 10_000, 10_001) == Streamed()


def test_auto_streams_fewer_pairs_where_their_matrix_does_not_fit(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=4 * 10**9))
    assert choose_solver("auto", 9_000, 9_000) == Exact()
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=3 * 10**9))
    assert choose_solver("auto", 9_000, 9_000) == Streamed()
    assert choose_solver("auto", 9_000, 9_000, factored=False) == Exact()
    check_plan_memory(9_000, 9_000)
    with pytest.raises(ResourceError, match="with Exact needs"):
        check_plan_memory(9_000, 9_000, Exact())


def test_auto_holds_a_matrix_that_has_no_factors_however_large(rng, monkeypatch):
    monkeypatch.setattr(preflight, "_EXACT_PAIRS", 10)
    cost, a, b, _ = problem(rng)
    assert solve(matrix(cost), a, b).value == pytest.approx(solve(cost, a, b, solver=Exact()).value)
    assert solve(cost, a, b).gap <= 0.01 * solve(cost, a, b).value


@pytest.mark.parametrize("solver", [Streamed(), Stratified(1)])
def test_a_cost_without_factors_is_refused(rng, solver):
    with pytest.raises(InvalidInputError, match=r"needs a cost with factors.*ndarray.*Exact"):
        solve(rng.random((4, 4)), solver=solver)


def test_strata_must_fit(rng):
    cost, a, b, _ = problem(rng)
    with pytest.raises(IncompatibleError, match="`strata`"):
        solve(cost, a, b, solver=Stratified(10), strata=([0, 1], [0, 1]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Streamed(gap=0.0), lambda: Streamed(gap=float("nan")), lambda: Streamed(max_rounds=0),
        lambda: Stratified(0),
    ],
)  # fmt: skip
def test_options_are_checked(make):
    with pytest.raises(InvalidInputError, match="must be"):
        make()


def test_a_matrix_that_cannot_fit_is_refused_with_the_options():
    points = np.broadcast_to(np.float32(0), (10**6, 1))
    with pytest.raises(ResourceError, match=r"Streamed\(\), Stratified\(\)"):
        solve(SquaredEuclidean(points, points), solver=Exact())
