"""Sinkhorn: fixed point, agreement with POT, and honesty where epsilon is too small."""

from __future__ import annotations

import warnings

import numpy as np
import ot
import pytest
import torch

from continuum.core import ConvergenceWarning, InvalidInputError
from continuum.measures import Sinkhorn, SquaredEuclidean, matrix, solve
from continuum.measures import sinkhorn as sinkhorn_module
from continuum.measures.sinkhorn import log_sinkhorn, self_transport


@pytest.fixture
def problem(rng):
    x, y = rng.normal(size=(14, 2)), rng.normal(size=(11, 2)) + 0.5
    return matrix(SquaredEuclidean(x, y)), rng.dirichlet(np.ones(14)), rng.dirichlet(np.ones(11))


def relative_entropy(plan, a, b):
    return float((plan * np.log(plan / np.outer(a, b))).sum())


def tight(epsilon, **options):
    return Sinkhorn(epsilon, tolerance=1e-11, max_iterations=100_000, **options)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
def test_agrees_with_pot_in_the_log_domain(problem, epsilon):
    cost, a, b = problem
    found = solve(cost, a, b, solver=tight(epsilon))
    pot = ot.sinkhorn(a, b, cost.numpy(), epsilon, method="sinkhorn_log", numItermax=100_000, stopThr=1e-13)
    np.testing.assert_allclose(found.coupling, pot, atol=1e-11)
    value = (pot * cost.numpy()).sum() + epsilon * relative_entropy(pot, a, b)
    assert found.entropic == pytest.approx(value, rel=1e-9)
    assert found.value == pytest.approx((pot * cost.numpy()).sum(), rel=1e-9)


def test_two_points_have_a_closed_form():
    """Uniform masses, cost 0 to stay and 1 to cross: a share 1 / (1 + e^(-1/epsilon)) of the mass stays."""
    for epsilon in (0.1, 1.0, 5.0):
        found = solve(1 - np.eye(2), solver=tight(epsilon))
        p = 0.5 / (1 + np.exp(-1 / epsilon))
        np.testing.assert_allclose(found.coupling, [[p, 0.5 - p], [0.5 - p, p]], rtol=1e-9)
        assert found.entropic == pytest.approx(-epsilon * np.log((1 + np.exp(-1 / epsilon)) / 2), rel=1e-9)


def test_a_large_epsilon_gives_the_independent_coupling_and_a_small_one_the_optimum(problem):
    cost, a, b = problem
    np.testing.assert_allclose(solve(cost, a, b, solver=tight(1e7)).coupling, np.outer(a, b), atol=1e-7)
    found = solve(cost, a, b, solver=Sinkhorn(1e-3, tolerance=1e-7, max_iterations=200_000))
    assert found.value == pytest.approx(solve(cost, a, b).value, rel=1e-3)


def test_the_entropic_value_grows_with_epsilon_from_the_optimum_to_the_mean_cost(problem):
    cost, a, b = problem
    values = [solve(cost, a, b, solver=tight(epsilon)).entropic for epsilon in (0.1, 0.3, 1.0, 3.0, 10.0, 1000.0)]
    assert solve(cost, a, b).value <= values[0]
    assert values == sorted(values)
    assert values[-1] <= a @ cost.numpy() @ b


def test_the_entropic_value_is_approached_from_below(problem):
    """It is the value of dual potentials, so stopping early never over-states it."""
    cost, a, b = problem
    values = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for steps in (1, 2, 5, 20, 1000):
            solver = Sinkhorn(0.1, tolerance=1e-12, max_iterations=steps)
            values.append(solve(cost, a, b, solver=solver).entropic)
    assert values == sorted(values)
    assert values[0] < values[-1]


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_epsilon_is_in_the_unit_of_the_cost_or_of_its_mean(problem, scale):
    cost, a, b = problem
    mean = float(a @ cost.numpy() @ b)
    relative = solve(cost, a, b, solver=Sinkhorn(0.05, "mean")).coupling
    np.testing.assert_allclose(solve(cost, a, b, solver=Sinkhorn(0.05 * mean)).coupling, relative, atol=1e-14)
    np.testing.assert_allclose(
        solve(cost * scale, a, b, solver=Sinkhorn(0.05, "mean")).coupling, relative, rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        solve(cost * scale, a, b, solver=Sinkhorn(0.05 * mean * scale)).coupling, relative, rtol=0, atol=1e-6
    )


def test_the_mean_of_negative_costs_is_a_scale_too():
    found = solve([[-1.0, -3.0], [-3.0, -1.0]], solver=Sinkhorn(0.1, "mean"))
    assert found.converged
    assert found.value == pytest.approx(-3, abs=1e-3)


@pytest.mark.parametrize("absorb", ["never", "at every look"])
def test_iterations_with_a_kernel_end_where_plain_softmin_updates_end(problem, monkeypatch, absorb):
    """Absorption and epsilon scaling change the speed, not the fixed point."""
    limit = 0.0 if absorb == "at every look" else np.inf
    monkeypatch.setattr(sinkhorn_module, "_ABSORB", {torch.float32: limit, torch.float64: limit})
    cost, a, b = problem
    c, u, v = cost, torch.tensor(a), torch.tensor(b)
    f, g = torch.zeros(14, dtype=torch.float64), torch.zeros(11, dtype=torch.float64)
    for _ in range(3000):
        f = -0.3 * torch.logsumexp((g - c) / 0.3 + v.log(), 1)
        g = -0.3 * torch.logsumexp((f - c.T) / 0.3 + u.log(), 1)
    found = log_sinkhorn(c, u, v, 0.3, tolerance=1e-13, max_iterations=3000)
    np.testing.assert_allclose(found.f[:, None] + found.g, f[:, None] + g, atol=1e-10)
    assert found.value == pytest.approx(float(u @ f + v @ g), rel=1e-11)


def test_the_residual_is_the_marginal_error_of_the_plan_before_it_was_rounded(problem):
    cost, a, b = problem
    found = log_sinkhorn(cost, torch.tensor(a), torch.tensor(b), 0.05, tolerance=0.0, max_iterations=30)
    assert found.error == pytest.approx(float((found.coupling.sum(1) - torch.tensor(a)).abs().sum()), rel=1e-9)
    np.testing.assert_allclose(found.coupling.sum(0), b, rtol=1e-12)
    assert found.iterations == 30


@pytest.mark.parametrize("relative", [1e-3, 1e-5, 1e-8, 1e-11, 1e-14, 1e-15])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_a_very_small_epsilon_gives_numbers_and_an_honest_flag(rng, relative, scale):
    cost = rng.random((12, 12)) * scale
    best = solve(cost)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = solve(cost, solver=Sinkhorn(relative * scale, max_iterations=500))
    assert bool(torch.isfinite(found.coupling).all())
    assert np.isfinite([found.value, found.lower, found.entropic, found.residual]).all()
    assert found.lower <= best.value * (1 + 1e-12)
    assert best.value <= found.upper * (1 + 1e-12)
    if found.converged:  # then rounding the plan moved 1e-6 of mass by the largest cost at most
        assert found.upper <= best.value + 1e-5 * scale + 12 * relative * scale


@pytest.mark.parametrize("epsilon", [1e-17, 1e-100, 5e-324])
def test_an_epsilon_below_the_rounding_of_the_cost_is_refused(rng, epsilon):
    with pytest.raises(InvalidInputError, match=r"`epsilon` is .* below the rounding of costs as large as .* Exact"):
        solve(1 + rng.random((3, 3)), solver=Sinkhorn(epsilon))


def test_the_symmetric_value_is_approached_from_below(rng):
    x, a = rng.normal(size=(12, 2)), torch.tensor(rng.dirichlet(np.ones(12)))
    cost = matrix(SquaredEuclidean(x, x))
    values = [
        self_transport(cost, a, 0.5, tolerance=1e-14, max_iterations=steps)[0] for steps in (1, 2, 3, 5, 10, 1000)
    ]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_the_symmetric_value_is_that_of_the_dual_wherever_it_stops(rng):
    """After one averaged step from 0 the plan does not yet have mass 1, which the dual charges."""
    x, a = rng.normal(size=(12, 2)), torch.tensor(rng.dirichlet(np.ones(12)))
    cost = matrix(SquaredEuclidean(x, x))
    f = -0.5 * torch.logsumexp(-cost / 0.5 + a.log(), 1) / 2
    mass = float(a @ ((f[:, None] + f - cost) / 0.5).exp() @ a)
    value, _ = self_transport(cost, a, 0.5, tolerance=0.0, max_iterations=1)
    assert abs(mass - 1) > 0.01
    assert value == pytest.approx(float(2 * a @ f) - 0.5 * (mass - 1), rel=1e-12)


def test_the_symmetric_solver_agrees_with_the_general_one(rng):
    x, a = rng.normal(size=(12, 2)), rng.dirichlet(np.ones(12))
    cost = matrix(SquaredEuclidean(x, x))
    for epsilon in (2.0, 10.0, 1000.0):
        value, error = self_transport(cost, torch.tensor(a), epsilon, tolerance=1e-12, max_iterations=10_000)
        assert error <= 1e-12
        assert value == pytest.approx(solve(cost, a, a, solver=tight(epsilon)).entropic, rel=1e-8)
