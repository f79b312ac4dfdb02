"""Disparities: their definitions pair by pair, which of them are metrics, and what they cost to compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pto_tasks import Inventory, Menu, Opaque, menu, task
from torch.utils.flop_counter import FlopCounterMode

from continuum.core import IncompatibleError, InvalidInputError
from continuum.decisions import (
    GridShortestPath,
    Knapsack,
    MeanVariance,
    Newsvendor,
    Portfolio,
    Profile,
    PtODataset,
    TopK,
    disparity_cost,
)
from continuum.measures import Euclidean, FactoredCost, GroundCost, matrix
from continuum.measures.cost import least_cost

KINDS = ("target", "source", "sym", "profile")
ALL = slice(None)


def pairwise(source, target, kind):
    """The definition, one pair at a time."""
    problem = source.problem
    sign = 1 if problem.sense == "min" else -1

    def f(z, y):
        if isinstance(problem, Inventory):
            return max(problem.over * float(z[0] - y[0]), problem.short * float(y[0] - z[0]))
        if not getattr(problem, "is_linear", False):
            return sign * float(problem.paired(z[None], y[None])[0])
        return sign * sum(p * q for p, q in zip(z.tolist(), y.tolist(), strict=True))

    reference = np.concatenate([source.y, target.y])  # all of them, up to 128 of each side
    found = np.empty((len(source), len(target)))
    for i, (y, z) in enumerate(zip(source.y, source.z, strict=True)):
        for j, (v, w) in enumerate(zip(target.y, target.z, strict=True)):
            there, here = f(z, v) - f(w, v), f(w, y) - f(z, y)
            there = there if target.is_optimal else abs(there)
            here = here if source.is_optimal else abs(here)
            found[i, j] = {
                "target": there,
                "source": here,
                "sym": (there + here) / 2,
                "profile": np.mean([abs(f(z, r) - f(w, r)) for r in reference]),
            }[kind]
    return found


def problems(rng):
    covariance = np.eye(3) + 0.2
    return [
        menu(rng, "min"),
        menu(rng, "max"),
        Inventory(),
        Opaque(menu(rng, "max")),
        TopK(5, 2),
        GridShortestPath(3),
        Knapsack([2, 3, 4], 6),
        Newsvendor((3.0, 1.0), 1.0, 0.5),
        Portfolio(covariance, risk=0.9),
        MeanVariance(covariance, aversion=3.0),
    ]


def logged(rng, data):
    """The same instances with decisions that were made for others."""
    return PtODataset(data.x, data.y, data.problem, data.z[rng.permutation(len(data))])


@pytest.mark.parametrize("kind", KINDS)
def test_disparities_are_their_definitions_pair_by_pair(rng, kind):
    for problem in problems(rng):
        source, target = task(rng, problem, 7), task(rng, problem, 9)
        for s in (source, logged(rng, source)):
            for t in (target, logged(rng, target)):
                found = matrix(disparity_cost(s, t, kind))
                assert found.dtype == torch.float64
                np.testing.assert_allclose(found, pairwise(s, t, kind), atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_a_linear_problem_and_one_that_does_not_say_so_agree(rng, kind):
    problem = menu(rng, "max")
    source, target = task(rng, problem, 7), task(rng, problem, 9)
    hidden = Opaque(problem)
    twins = [PtODataset(data.x, data.y, hidden) for data in (source, target)]
    np.testing.assert_allclose(
        matrix(disparity_cost(source, target, kind)), matrix(disparity_cost(*twins, kind)), atol=1e-13
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_is_a_piece_of_the_matrix_in_fresh_memory(rng, kind):
    for problem in problems(rng):
        source, target = task(rng, problem, 7), task(rng, problem, 9)
        cost = disparity_cost(source, target, kind)
        assert isinstance(cost, GroundCost)
        assert cost.shape == (7, 9)
        assert least_cost(cost) == 0
        whole = matrix(cost)
        np.testing.assert_allclose(cost.block(slice(1, 4), torch.tensor([0, 8])), whole[1:4][:, [0, 8]], atol=1e-13)
        expected = whole.clone()
        whole.fill_(torch.nan)
        assert torch.equal(matrix(cost), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_decisions_are_at_no_distance_and_none_is_negative(rng, kind):
    for problem in problems(rng):
        data = task(rng, problem, 8)
        found = matrix(disparity_cost(data, data, kind))
        assert found.diagonal().tolist() == [0.0] * 8
        assert float(found.min()) >= 0


def test_rounding_of_large_values_is_not_taken_for_a_difference(rng):
    problem = TopK(64, 20)
    y = rng.normal(size=(5, 64)) * 1e6 + 1e9 / 3
    data = PtODataset(y[:, :1], y, problem)
    permuted = PtODataset(y[:, :1], y[:, ::-1] * np.pi, problem)
    for kind in ("target", "source", "sym"):
        assert matrix(disparity_cost(data, data, kind)).diagonal().tolist() == [0.0] * 5
        assert float(matrix(disparity_cost(data, permuted, kind)).min()) > 0


@pytest.mark.parametrize("kind", ["sym", "profile"])
def test_two_of_them_are_symmetric(rng, kind):
    for problem in problems(rng):
        source, target = task(rng, problem, 7), task(rng, problem, 9)
        for s, t in ((source, target), (logged(rng, source), target), (logged(rng, source), logged(rng, target))):
            there, back = matrix(disparity_cost(s, t, kind)), matrix(disparity_cost(t, s, kind))
            np.testing.assert_allclose(there, back.T, atol=1e-13)


@pytest.mark.parametrize(("kind", "other"), [("target", "source"), ("source", "target")])
def test_the_others_are_each_the_other_seen_from_the_other_side(rng, kind, other):
    source, target = task(rng, menu(rng), 7), task(rng, menu(rng), 9)
    target = PtODataset(target.x, target.y, source.problem)
    assert not torch.allclose(
        matrix(disparity_cost(source, target, kind)), matrix(disparity_cost(source, target, other))
    )
    there, back = matrix(disparity_cost(source, target, kind)), matrix(disparity_cost(target, source, other))
    np.testing.assert_allclose(there, back.T, atol=1e-13)


def test_another_decision_that_is_optimal_too_costs_nothing():
    problem = TopK(3, 1)
    target = PtODataset([[0.0]], [[2.0, 2.0, 1.0]], problem)  # takes the first of two equals
    source = PtODataset([[0.0]], [[1.0, 2.0, 0.0]], problem)  # takes the second
    assert source.z.tolist() != target.z.tolist()
    assert float(matrix(disparity_cost(source, target))) == 0


def test_scaling_the_labels_of_the_source_or_raising_those_of_a_top_k_changes_no_decision_and_no_disparity(rng):
    problem = TopK(6, 2)
    source, target = task(rng, problem, 10), task(rng, problem, 12)
    before = matrix(disparity_cost(source, target))
    for y in (7.0 * source.y, source.y / 3, source.y + 100.0):
        moved = PtODataset(source.x, y, problem)
        assert torch.equal(matrix(disparity_cost(moved, target)), before)
        assert not torch.allclose(matrix(Euclidean(y, target.y)), matrix(Euclidean(source.y, target.y)))


@given(seed=st.integers(0, 10**6))
def test_the_profile_obeys_the_triangle_inequality(seed):
    rng = np.random.default_rng(seed)
    problem = menu(rng, rng.choice(["min", "max"]))
    a, b, c = (task(rng, problem, 4) for _ in range(3))
    kind = Profile(rng.normal(size=(5, problem.dim_y)))
    ab, bc, ac = (matrix(disparity_cost(*pair, kind)) for pair in ((a, b), (b, c), (a, c)))
    assert bool((ac[:, None] <= ab[:, :, None] + bc[None] + 1e-12).all())


def test_regret_does_not_obey_the_triangle_inequality():
    # Each of the three takes the item that it likes best; the second is indifferent between the first two.
    problem = TopK(3, 1)
    a, b, c = (PtODataset([[0.0]], [y], problem) for y in ([0.0, 0.0, 1.0], [0.9, 1.0, 1.0], [0.0, 5.0, 0.0]))
    for kind in ("target", "sym"):
        ab, bc, ac = (float(matrix(disparity_cost(*pair, kind))) for pair in ((a, b), (b, c), (a, c)))
        assert ac > ab + bc


def test_a_profile_on_one_instance_is_the_difference_of_two_costs():
    problem = TopK(2, 1)
    source, target = PtODataset([[0.0]], [[1.0, 0.0]], problem), PtODataset([[0.0]], [[0.0, 1.0]], problem)
    assert float(matrix(disparity_cost(source, target, Profile([[5.0, 2.0]])))) == 3


def test_a_decision_matrix_takes_the_solves_of_both_sides_and_every_value_once(rng):
    problem = Opaque(menu(rng))
    source, target = task(rng, problem, 30), task(rng, problem, 40)
    matrix(disparity_cost(source, target))
    assert problem.counts == {"solved": 70, "valued": 30 * 40, "paired": 40}
    matrix(disparity_cost(source, target, "sym"))
    assert problem.counts["solved"] == 70


@pytest.mark.parametrize(("kind", "products"), [("target", 1), ("source", 1), ("sym", 2)])
def test_the_decision_matrix_of_a_linear_problem_is_one_product_of_matrices_or_two(rng, kind, products):
    problem = TopK(20, 2)
    source, target = task(rng, problem, 50), task(rng, problem, 60)
    _ = source.z, target.z
    with FlopCounterMode(display=False) as counted:
        matrix(disparity_cost(source, target, kind))
    # One number more for each decision and instance: what the own decision costs.
    assert counted.get_total_flops() == products * 2 * 50 * 60 * (20 + 1)


@pytest.mark.parametrize("kind", ["target", "source", "sym"])
def test_factors_of_a_linear_problem_reproduce_the_matrix_and_are_the_callers(rng, kind):
    source, target = task(rng, menu(rng, "max"), 7), task(rng, menu(rng), 9)
    target = PtODataset(target.x, target.y, source.problem)
    cost = disparity_cost(source, target, kind)
    assert isinstance(cost, FactoredCost)
    u, v = cost.factors(ALL, slice(2, 5), torch.float64)
    np.testing.assert_allclose(u @ v.T, matrix(cost)[:, 2:5], atol=1e-12)
    u.fill_(torch.nan)
    np.testing.assert_allclose(cost.factors(ALL, ALL, torch.float32)[0].isnan().sum(), 0)


def test_absolute_values_have_no_factors(rng):
    source, target = task(rng, menu(rng), 7), task(rng, menu(rng), 9)
    target = PtODataset(target.x, target.y, source.problem)
    for cost in (disparity_cost(source, logged(rng, target)), disparity_cost(source, target, "profile")):
        assert not isinstance(cost, FactoredCost)


def test_two_problems_are_not_compared(rng):
    source, target = task(rng, TopK(5, 2), 3), task(rng, TopK(5, 3), 3)
    with pytest.raises(IncompatibleError, match="must share one problem"):
        disparity_cost(source, target)


@pytest.mark.parametrize("kind", ["target", "source", "sym"])
def test_a_decision_from_another_feasible_set_that_beats_the_optimum_is_an_error(rng, kind):
    small = Menu(np.eye(3)[:2])
    source, target = task(rng, small, 6), task(rng, small, 6)
    free = replace(small, decisions=np.zeros((1, 3)))  # its decision costs nothing, which `small` does not allow
    strange = free.solve(source.y)
    there = PtODataset(source.x, source.y, small, strange)
    pair = (there, target) if kind == "target" else (target, there)
    with pytest.raises(IncompatibleError, match=r"beats one that is called optimal by .*feasible sets differ"):
        matrix(disparity_cost(*pair, kind))


def test_a_solver_that_is_not_exact_is_an_error_and_one_that_misses_by_rounding_is_not(rng):
    class Sloppy(Menu):
        def solve(self, y):
            return super().solve(y) * (1 + self.miss)

    decisions = rng.random((5, 3)) + 1
    for miss, says in ((1e-13, None), (1e-3, "`solve` is not exact")):
        problem = Sloppy(decisions)
        object.__setattr__(problem, "miss", miss)
        source = PtODataset(np.zeros((4, 1)), rng.random((4, 3)), problem, decisions[:4])
        target = task(rng, problem, 6)
        if says is None:
            assert float(matrix(disparity_cost(source, target)).min()) >= 0
        else:
            exact = PtODataset(target.x, target.y, problem, Menu(decisions).solve(target.y))
            with pytest.raises(IncompatibleError, match=says):
                matrix(disparity_cost(exact, target))


@pytest.mark.parametrize("kind", ["targets", None, 3, np.zeros((2, 2))])
def test_unknown_disparities_are_refused_by_name(rng, kind):
    data = task(rng, menu(rng), 3)
    with pytest.raises(InvalidInputError, match="`disparity` must be one of"):
        disparity_cost(data, data, kind)


def test_a_reference_of_other_parameters_and_an_objective_of_another_shape_are_refused(rng):
    data = task(rng, menu(rng), 3)
    with pytest.raises(InvalidInputError, match="`reference` must have shape"):
        disparity_cost(data, data, Profile(np.zeros((4, 9))))
    with pytest.raises(InvalidInputError, match="NaN"):
        Profile([[np.nan]])

    class Flat(Inventory):
        def objective(self, z, y):
            return np.zeros((1, 1))

    with pytest.raises(InvalidInputError, match=r"`objective` of Flat must give \(3, 3\) values, got \(1, 1\)"):
        matrix(disparity_cost(*[PtODataset(np.zeros((3, 1)), np.ones((3, 1)), Flat())] * 2))
