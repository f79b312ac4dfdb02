"""The exact answers are right: checked by another route, and by certificates of optimality."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment, linprog

from continuum.testing import exact

TRANSPORT = [exact.translation, exact.permutation, exact.convex_gradient, exact.diracs, exact.sorted_line]


def cost_matrix(problem):
    return ((problem.x[:, None] - problem.y[None]) ** 2).sum(-1)


@pytest.mark.parametrize("make", TRANSPORT)
def test_plans_are_couplings_and_cost_what_is_claimed(make, rng):
    problem = make(rng)
    np.testing.assert_allclose(problem.plan.sum(1), problem.a, atol=1e-15)
    np.testing.assert_allclose(problem.plan.sum(0), problem.b, atol=1e-15)
    assert (problem.plan >= 0).all()
    np.testing.assert_allclose((problem.plan * cost_matrix(problem)).sum(), problem.w2_squared, rtol=1e-12)


@pytest.mark.parametrize("make", TRANSPORT)
def test_no_coupling_is_cheaper(make, rng):
    """Against a linear programme: an independent solver."""
    problem = make(rng)
    n, m = problem.plan.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    solution = linprog(
        cost_matrix(problem).ravel(),
        A_eq=np.vstack([rows, columns])[:-1],  # one marginal equation follows from the others
        b_eq=np.concatenate([problem.a, problem.b])[:-1],
    )
    np.testing.assert_allclose(solution.fun, problem.w2_squared, rtol=1e-9)
    # These problems have one optimal plan, so the plans agree too.
    np.testing.assert_allclose(solution.x.reshape(n, m), problem.plan, atol=1e-9)


@pytest.mark.parametrize(("n", "d"), list(itertools.product((2, 9, 20), (1, 2, 5))))
def test_the_permutation_is_the_best_assignment(n, d, rng):
    problem = exact.permutation(rng, n=n, d=d)
    rows, columns = linear_sum_assignment(cost_matrix(problem))
    np.testing.assert_array_equal(problem.plan[rows, columns], np.full(n, 1 / n))


@pytest.mark.parametrize("make", [exact.gaussians, exact.commuting_gaussians])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_gaussian_distance_is_that_of_bures(make, d, rng):
    p = make(rng, d)
    root = sqrtm(p.cov_x).real
    bures = np.trace(p.cov_x + p.cov_y - 2 * sqrtm(root @ p.cov_y @ root).real)
    np.testing.assert_allclose(((p.mean_x - p.mean_y) ** 2).sum() + bures, p.w2_squared, rtol=1e-7)
    np.testing.assert_allclose(p.matrix @ p.cov_x @ p.matrix, p.cov_y, atol=1e-12)
    assert np.linalg.eigvalsh(p.matrix).min() > 0


def test_only_commuting_gaussians_commute(rng):
    commuting, general = exact.commuting_gaussians(rng), exact.gaussians(rng)
    np.testing.assert_allclose(commuting.cov_x @ commuting.cov_y, commuting.cov_y @ commuting.cov_x, atol=1e-12)
    assert np.abs(general.cov_x @ general.cov_y - general.cov_y @ general.cov_x).max() > 1e-3


def test_no_point_of_the_simplex_is_below_the_minimum(rng):
    problem = exact.simplex_quadratic(rng, k=5)
    np.testing.assert_allclose(problem.weights.sum(), 1)
    np.testing.assert_allclose(problem.weights @ problem.gram @ problem.weights, problem.value)
    others = rng.dirichlet(np.ones(5), size=2000)
    assert (np.einsum("ni,ij,nj->n", others, problem.gram, others) >= problem.value).all()


def test_problems_depend_on_the_generator_only():
    first, second = (exact.sorted_line(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.plan, second.plan)


def test_translation_moves_by_its_shift():
    x, shift = np.arange(6.0).reshape(3, 2), np.array([1.0, -2.0])
    path = exact.Translation(x, shift)
    np.testing.assert_array_equal(path.at(0), x)
    np.testing.assert_array_equal(path.at(1), x + shift)
