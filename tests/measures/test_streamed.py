"""Streamed transport at the sizes and constants that users meet: equal sets, ties, heavy tails, strange units."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import ConvergenceWarning, InvalidInputError
from continuum.measures import Exact, SquaredEuclidean, Stratified, Streamed, TableCost, WeightedSum, solve
from continuum.measures.rows import FactoredRows

N = 700  # more than is solved without a list


def clouds(rng, n=N, d=20):
    return rng.normal(size=(n, d)).astype(np.float32), (rng.normal(size=(n, d)) + 0.5).astype(np.float32)


def test_a_set_is_at_no_distance_from_itself_and_from_its_permutation(rng):
    x, _ = clouds(rng)
    for other in (x, x[rng.permutation(N)]):
        plan = solve(SquaredEuclidean(x, other), solver=Streamed())
        assert plan.converged
        assert plan.lower >= 0
        assert plan.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("factor", [0.99, 1 + 1e-4])
def test_sets_that_single_precision_cannot_tell_apart_are_told_in_double(rng, factor):
    x, _ = clouds(rng, d=200)
    cost = SquaredEuclidean(x, x.astype(float) * factor)
    plan, best = solve(cost, solver=Streamed()), solve(cost)
    assert plan.converged
    assert plan.lower * (1 - 1e-9) <= best.value <= plan.upper * (1 + 1e-9)
    assert plan.upper - plan.lower <= 0.01 * plan.upper


@pytest.mark.parametrize("unit", [1e20, 1e-30])
def test_the_unit_of_the_features_does_not_matter(rng, unit):
    x, y = (side.astype(float) for side in clouds(rng))
    plan = solve(SquaredEuclidean(unit * x, unit * y), solver=Streamed())
    best = solve(SquaredEuclidean(x, y)).value
    assert plan.converged
    assert plan.lower / unit**2 <= best * (1 + 1e-9)
    assert best <= plan.upper / unit**2 * (1 + 1e-9)


def test_features_whose_squares_overflow_are_refused(rng):
    x, y = (side.astype(float) for side in clouds(rng, 30))
    with pytest.raises(InvalidInputError, match="overflow"):
        solve(SquaredEuclidean(1e160 * x, 1e160 * y), solver=Streamed())


def test_ties_and_heavy_tails_are_certified(rng):
    grid = [rng.integers(0, 10, (1200, 2)).astype(float) for _ in range(2)]
    tails = [rng.standard_cauchy((1200, 3)) for _ in range(2)]
    for sides in (grid, tails):
        plan, best = solve(SquaredEuclidean(*sides), solver=Streamed()), solve(SquaredEuclidean(*sides)).value
        assert plan.converged
        assert plan.lower * (1 - 1e-9) <= best <= plan.upper * (1 + 1e-9)


def test_no_more_than_a_panel_of_the_matrix_is_ever_held(rng, monkeypatch):
    x, y = clouds(rng)
    monkeypatch.setattr(FactoredRows, "height", property(lambda self: 50))
    held = []
    reduced = FactoredRows.reduced

    def spied(self, rows, g):
        panel = reduced(self, rows, g)
        held.append(len(panel))
        return panel

    monkeypatch.setattr(FactoredRows, "reduced", spied)
    cost = SquaredEuclidean(x, y)
    for kind in (SquaredEuclidean, WeightedSum):
        monkeypatch.setattr(kind, "block", lambda self, rows, columns: pytest.fail("a block was asked for"))
    monkeypatch.setattr("continuum.measures.transport._device", lambda cost: torch.device("cpu"))
    assert solve(cost, solver=Streamed()).converged
    assert 50 <= max(held) <= 250  # a panel, a sample of rows, or all of the coarsest problem
    assert sum(held) >= N


@pytest.mark.parametrize("solver", [Streamed(), Stratified(size=20, seed=3)])
def test_repeats_are_bitwise_equal(rng, solver):
    x, y = clouds(rng, 60)
    first, second = (solve(SquaredEuclidean(x, y), solver=solver) for _ in range(2))
    assert first.value == second.value
    assert (first.coupling != second.coupling).nnz == 0


def test_a_cost_that_may_be_negative_has_an_honest_lower_bound(rng):
    rows, columns = (torch.tensor(rng.integers(0, 3, 60)) for _ in range(2))
    table = TableCost(-5 * torch.rand(3, 3, dtype=torch.float64), rows, columns)
    x, y = clouds(rng, 60, 3)
    cost = WeightedSum(((0.1, SquaredEuclidean(x, y)), (1.0, table)))
    part, best = solve(cost, solver=Stratified(size=20)), solve(cost).value
    assert part.lower <= best <= part.upper
    assert part.lower == pytest.approx(float(table.table.min()))


def test_a_solver_that_was_stopped_does_not_claim_less_than_the_cheapest_pair(rng):
    c = rng.random((600, 600)) + 1
    with pytest.warns(ConvergenceWarning):
        plan = solve(c, solver=Exact(max_iterations=2))
    assert not plan.converged
    assert plan.lower >= 1
