"""Transport: known answers, certificates at any stopping time, hard inputs, and the layout of plans."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import ContinuumWarning, ConvergenceWarning, InvalidInputError
from continuum.measures import Exact, Plan, Sinkhorn, SquaredEuclidean, matrix, solve
from continuum.testing import exact

SEEDS = st.integers(0, 2**32 - 1)
PROBLEMS = (exact.translation, exact.permutation, exact.convex_gradient, exact.diracs, exact.sorted_line)
SOLVERS = [Exact(), Exact(1), Sinkhorn(0.1, "mean"), Sinkhorn(1e-3, "mean", max_iterations=1), Sinkhorn(1e-2)]


def dense(plan: Plan) -> np.ndarray:
    return plan.coupling.numpy() if isinstance(plan.coupling, torch.Tensor) else plan.coupling.toarray()


def quietly(cost, a=None, b=None, solver=None) -> Plan:
    """`solve` where early stopping is the point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return solve(cost, a, b, solver=solver)


def optimum(cost) -> float:
    """By trial of all permutations, for uniform masses."""
    n = len(cost)
    return min(sum(cost[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(n))) / n


def assert_certified(plan: Plan, cost, a, b, best: float) -> None:
    """The contract of a `Plan`, whatever the solver and wherever it stopped."""
    coupling, (f, g) = dense(plan), (np.asarray(k) for k in plan.potentials)
    unit = np.abs(cost).max()
    assert (coupling >= 0).all()
    np.testing.assert_allclose(coupling.sum(1), a, rtol=0, atol=1e-12)
    np.testing.assert_allclose(coupling.sum(0), b, rtol=0, atol=1e-12)
    assert plan.value == plan.upper == pytest.approx((coupling * cost).sum(), rel=1e-12, abs=1e-14 * unit)
    assert plan.lower <= plan.upper
    assert plan.lower - 1e-12 * unit <= best <= plan.upper + 1e-12 * unit
    assert (f[:, None] + g <= cost + 1e-14 * unit).all()
    assert f @ a + g @ b == pytest.approx(plan.lower, abs=1e-13 * unit)
    assert plan.gap >= 0
    assert np.isfinite([plan.residual, plan.entropic]).all()


# Exact answers


@given(seed=SEEDS, problem=st.sampled_from(PROBLEMS))
def test_problems_with_known_answers(seed, problem):
    known = problem(np.random.default_rng(seed))
    plan = solve(SquaredEuclidean(known.x, known.y), known.a, known.b)
    assert plan.converged
    assert plan.value == pytest.approx(known.w2_squared, rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(dense(plan), known.plan, atol=1e-12)
    assert_certified(plan, matrix(SquaredEuclidean(known.x, known.y)).numpy(), known.a, known.b, known.w2_squared)


@given(seed=SEEDS, n=st.integers(1, 5))
def test_any_cost_is_solved_as_well_as_by_trial_of_all_permutations(seed, n):
    cost = np.random.default_rng(seed).normal(size=(n, n))
    plan = solve(cost)
    assert plan.converged
    assert plan.value == pytest.approx(optimum(cost), abs=1e-14)
    assert plan.gap < 1e-14


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("solver", [Exact(), Sinkhorn(0.1)])
def test_a_single_point_sends_or_receives_all(rng, shape, sign, solver):
    cost, a, b = (
        sign * rng.uniform(1, 9, size=shape),
        rng.dirichlet(np.ones(shape[0])),
        rng.dirichlet(np.ones(shape[1])),
    )
    plan = solve(cost, a, b, solver=solver)
    assert plan.converged
    np.testing.assert_allclose(dense(plan), np.outer(a, b), atol=1e-15)
    assert plan.value == pytest.approx(a @ cost @ b, rel=1e-13)
    assert plan.gap == pytest.approx(0, abs=1e-14 * np.abs(cost).max())


@pytest.mark.parametrize("solver", SOLVERS)
def test_where_all_costs_are_zero_any_plan_is_free(solver):
    plan = quietly(np.zeros((3, 4)), solver=solver)
    assert (plan.value, plan.lower, plan.upper) == (0, 0, 0)
    assert plan.converged or solver == Exact(1)
    assert_certified(plan, np.zeros((3, 4)), np.full(3, 1 / 3), np.full(4, 1 / 4), 0.0)


# Certificates at any stopping time


@given(
    seed=SEEDS,
    n=st.integers(1, 7),
    m=st.integers(1, 7),
    solver=st.sampled_from([Exact(k) for k in (1, 2, 5, 10**7)])
    | st.builds(
        Sinkhorn,
        st.floats(1e-6, 1e2),
        st.just("mean"),
        tolerance=st.sampled_from([1e-9, 1e-3]),
        max_iterations=st.sampled_from([1, 2, 10, 11, 200]),
    ),
    scale=st.sampled_from([1e-12, 1.0, 1e12]),
    offset=st.sampled_from([0.0, 0.0, -10.0, 1e4]),
    emptied=st.booleans(),
    lopsided=st.booleans(),
)
def test_bounds_marginals_and_potentials_hold_wherever_a_solver_stops(
    seed, n, m, solver, scale, offset, emptied, lopsided
):
    rng = np.random.default_rng(seed)
    cost = (rng.normal(size=(n, m)) + offset) * scale
    a, b = (rng.random(k) ** (20 if lopsided else 1) + 1e-300 for k in (n, m))
    if emptied and min(n, m) > 1:
        a[rng.integers(n)] = b[rng.integers(m)] = 0
    a, b = a / a.sum(), b / b.sum()
    best = solve(cost, a, b)
    assert best.converged
    assert best.gap <= 1e-12 * np.abs(cost).max()
    assert_certified(quietly(cost, a, b, solver), cost, a, b, best.value)


@pytest.mark.parametrize("solver", [Exact(1), Sinkhorn(1e-3, max_iterations=1), Sinkhorn(1e-3, max_iterations=10)])
def test_a_solver_that_stops_early_says_so_in_the_flag_and_in_a_warning(rng, solver):
    cost = rng.random((12, 12))
    with pytest.warns(ConvergenceWarning, match=r"residual .* the optimum lies in \[.*raise `max_iterations`") as said:
        plan = solve(cost, solver=solver)
    assert len(said) == 1
    assert not plan.converged
    assert plan.gap > 0
    assert plan.residual > 1e-9


def test_points_without_mass_get_empty_rows_and_feasible_potentials(rng):
    cost, a, b = rng.normal(size=(5, 6)), rng.random(5), rng.random(6)
    a[[0, 3]], b[[1, 5]] = 0, 0
    a, b = a / a.sum(), b / b.sum()
    kept = np.ix_(a > 0, b > 0)
    for solver in (Exact(), Sinkhorn(0.05)):
        plan, small = solve(cost, a, b, solver=solver), solve(cost[kept], a[a > 0], b[b > 0], solver=solver)
        assert dense(plan).shape == (5, 6)
        np.testing.assert_allclose(dense(plan)[kept], dense(small), rtol=0, atol=1e-14)
        assert dense(plan).sum() == pytest.approx(1, abs=1e-15)
        assert_certified(plan, cost, a, b, solve(cost, a, b).value)


@pytest.mark.parametrize("tiny", [5e-324, 1e-300, 1e-60])
@pytest.mark.parametrize("solver", [Exact(), Sinkhorn(1e-3), Sinkhorn(1.0)])
def test_subnormal_masses_do_no_harm(rng, tiny, solver):
    cost, a = rng.random((4, 4)), np.array([tiny, 0.25, tiny, 0.75])
    assert_certified(quietly(cost, a, a[::-1], solver), cost, a, a[::-1], solve(cost, a, a[::-1]).value)


# Invariances


@given(seed=SEEDS)
def test_renumbering_points_renumbers_the_plan(seed):
    rng = np.random.default_rng(seed)
    cost, a, b = rng.random((6, 5)), rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(5))
    rows, columns = rng.permutation(6), rng.permutation(5)
    plan, moved = solve(cost, a, b), solve(cost[rows][:, columns], a[rows], b[columns])
    np.testing.assert_allclose(dense(moved), dense(plan)[rows][:, columns], atol=1e-14)
    assert solve(cost.T, b, a).value == pytest.approx(plan.value, rel=1e-13)


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1e-12, 1e12, 1e100, 1e200])
def test_the_plan_does_not_depend_on_the_unit_of_the_cost(rng, scale):
    """A defect of POT: its tolerances are absolute, at 1e-30 its plan costs five times the optimum."""
    cost = rng.random((20, 25))
    plan, scaled = solve(cost), solve(scale * cost)
    assert scaled.converged
    assert scaled.value == pytest.approx(scale * plan.value, rel=1e-12)


@pytest.mark.parametrize("offset", [1e4, -1e4, 1e8])
@pytest.mark.parametrize("solver", [Exact(), Sinkhorn(0.05)])
def test_a_constant_added_to_the_cost_is_added_to_the_value(rng, offset, solver):
    cost = rng.random((7, 8))
    plan, moved = solve(cost, solver=solver), solve(cost + offset, solver=solver)
    assert moved.converged
    for name in ("value", "lower", "entropic"):
        assert getattr(moved, name) - offset == pytest.approx(getattr(plan, name), abs=1e-13 * abs(offset) + 1e-5)


@pytest.mark.parametrize("solver", [Exact(), Sinkhorn(0.05)])
@pytest.mark.parametrize(
    "kind",
    [
        np.float16, np.float32, np.int8, np.int64, np.bool_, ">f8", list,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.uint8,
    ],
    ids=str,
)  # fmt: skip
def test_arrays_tensors_and_lists_of_any_number_type_give_one_answer(solver, kind):
    cost, a, b = np.array([[1, 0, 0], [0, 1, 1]]), np.array([0.25, 0.75]), np.array([0.5, 0.25, 0.25])
    if kind is list:
        given_cost = cost.tolist()
    else:
        given_cost = torch.tensor(cost, dtype=kind) if isinstance(kind, torch.dtype) else cost.astype(kind)
    found, expected = (
        solve(given_cost, torch.tensor(a), b.tolist(), solver=solver),
        solve(1.0 * cost, a, b, solver=solver),
    )
    np.testing.assert_array_equal(dense(found), dense(expected))
    assert found.value == expected.value


@pytest.mark.parametrize("solver", SOLVERS)
def test_inputs_are_left_alone_and_repeats_are_bitwise_equal(rng, solver):
    """Acceptance check 16."""
    cost, a, b = torch.tensor(rng.random((6, 5))), rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(5))
    kept = cost.clone(), a.copy(), b.copy()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second = quietly(cost, a, b, solver), quietly(cost, a, b, solver)
    assert torch.equal(cost, kept[0])
    assert (a == kept[1]).all()
    assert (b == kept[2]).all()
    assert dense(first).tobytes() == dense(second).tobytes()
    assert (first.value, first.lower, first.residual) == (second.value, second.lower, second.residual)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


def test_an_exact_plan_is_sparse_with_no_more_atoms_than_constraints(rng):
    plan = solve(rng.random((40, 30)), rng.dirichlet(np.ones(40)))
    assert plan.coupling.nnz <= 40 + 30 - 1
    matching = solve(rng.random((50, 50)))
    assert matching.coupling.nnz == 50


def test_gradients_do_not_enter_and_do_not_disturb():
    plan = solve(torch.rand(3, 3, requires_grad=True))
    assert not any(potential.requires_grad for potential in plan.potentials)


# Refusals


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        ([[0.0, np.nan]], r"`cost` has 1 NaN .* index \(0, 1\)"),
        ([[np.inf, 1.0], [0.0, 0.0]], r"`cost` has 1 NaN or infinite entries, the first at index \(0, 0\)"),
        (np.zeros((0, 3)), "`cost` is empty"),
        (np.zeros(3), "`cost` must have 2 dimensions"),
        ("abc", "`cost` must be an array of real numbers, got str"),
    ],
)
def test_costs_that_are_none_are_refused(cost, says):
    for solver in (Exact(), Sinkhorn(0.1)):
        with pytest.raises(InvalidInputError, match=says):
            solve(cost, solver=solver)


@pytest.mark.parametrize("name", ["a", "b"])
def test_masses_are_admitted_by_name(name):
    with pytest.raises(InvalidInputError, match=f"`{name}` must not be negative, got -1 at index 1"):
        solve(np.eye(2), **{name: [2, -1]})
    with pytest.raises(InvalidInputError, match=f"`{name}` must have one mass for each of the 2 points, got 3"):
        solve(np.eye(2), **{name: [0.5, 0.25, 0.25]})
    with pytest.warns(ContinuumWarning, match=f"`{name}` sums to 2, normalised"):
        assert solve(np.eye(2), **{name: [1, 1]}).value == 0


@pytest.mark.parametrize(
    "options",
    [
        {"epsilon": 0.0},
        {"epsilon": -1.0},
        {"epsilon": float("nan")},
        {"epsilon": float("inf")},
        {"epsilon": 1.0, "tolerance": -1.0},
        {"epsilon": 1.0, "tolerance": float("nan")},
        {"epsilon": 1.0, "max_iterations": 0},
    ],
    ids=str,
)
def test_options_of_sinkhorn_are_checked(options):
    with pytest.raises(InvalidInputError, match=f"`{list(options)[-1]}` must"):
        Sinkhorn(**options)


def test_options_of_exact_are_checked():
    with pytest.raises(InvalidInputError, match="`max_iterations` must be at least 1, got 0"):
        Exact(max_iterations=0)
