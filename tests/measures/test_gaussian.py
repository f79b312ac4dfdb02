"""Gaussians: the nuclear norm route against exact formulas, matrix square roots and POT."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import scipy.linalg
import torch

from continuum.core import IncompatibleError
from continuum.measures import Gaussian, SquaredEuclidean, bures2, gaussian_w2_squared, solve
from continuum.testing import exact


def centred(covariance) -> Gaussian:
    """Gaussian of mean 0 and this covariance."""
    return Gaussian(torch.zeros(len(covariance), dtype=torch.float64), torch.tensor(np.linalg.cholesky(covariance).T))


def normal(mean, covariance) -> Gaussian:
    return Gaussian(torch.tensor(mean), centred(covariance).factor)


def rank_one(v) -> Gaussian:
    return Gaussian(torch.zeros(len(v), dtype=torch.float64), torch.tensor(v)[None])


# Exact answers (acceptance check 4)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_isotropic_covariances_differ_by_d_times_the_squared_difference_of_deviations(d):
    assert bures2(centred(4.0 * np.eye(d)), centred(0.25 * np.eye(d))) == pytest.approx(d * (2 - 0.5) ** 2, rel=1e-13)


def test_diagonal_covariances_differ_by_the_squared_differences_of_deviations(rng):
    s, r = rng.uniform(0, 3, size=(2, 6))
    assert bures2(centred(np.diag(s)), centred(np.diag(r))) == pytest.approx(
        ((np.sqrt(s) - np.sqrt(r)) ** 2).sum(), rel=1e-12
    )


def test_rank_one_covariances_have_the_closed_form(rng):
    v, w = rng.normal(size=(2, 5))
    assert bures2(rank_one(v), rank_one(w)) == pytest.approx(v @ v + w @ w - 2 * abs(v @ w), rel=1e-12)


def test_a_dirac_is_as_far_as_the_total_variance(rng):
    covariance = exact.spd_matrix(rng, 4)
    dirac = Gaussian(torch.zeros(4, dtype=torch.float64), torch.zeros(0, 4, dtype=torch.float64))
    assert bures2(dirac, centred(covariance)) == pytest.approx(np.trace(covariance), rel=1e-13)
    assert bures2(dirac, dirac) == 0


@pytest.mark.parametrize("d", [1, 3, 8])
@pytest.mark.parametrize("make", [exact.gaussians, exact.commuting_gaussians])
def test_problems_with_known_answers(rng, make, d):
    problem = make(rng, d)
    p, q = normal(problem.mean_x, problem.cov_x), normal(problem.mean_y, problem.cov_y)
    assert gaussian_w2_squared(p, q) == pytest.approx(problem.w2_squared, rel=1e-11)


# Agreement with two other implementations


@pytest.mark.parametrize("d", [2, 5, 12])
def test_the_nuclear_norm_equals_the_square_root_route_and_pot(rng, d):
    a, b = exact.spd_matrix(rng, d), exact.spd_matrix(rng, d)
    mean_a, mean_b = rng.normal(size=(2, d))
    root = scipy.linalg.sqrtm(a)
    bures = np.trace(a + b - 2 * scipy.linalg.sqrtm(root @ b @ root).real)
    assert bures2(centred(a), centred(b)) == pytest.approx(bures, rel=1e-8)
    pot = ot.gaussian.bures_wasserstein_distance(mean_a, mean_b, a, b) ** 2
    assert gaussian_w2_squared(normal(mean_a, a), normal(mean_b, b)) == pytest.approx(pot, rel=1e-8)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (7, 7)])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_are_those_of_numpy(rng, shape, weighted):
    x = rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) + 100
    weights = rng.uniform(0.1, 1, size=shape[0]) if weighted else np.ones(shape[0])
    weights /= weights.sum()
    found = Gaussian.from_samples(x, weights)
    np.testing.assert_allclose(found.mean, weights @ x, rtol=1e-12)
    covariance = np.cov(x.T, aweights=weights)  # divides by 1 - sum w^2, which is (n - 1) / n for equal weights
    np.testing.assert_allclose(found.factor.T @ found.factor, covariance, atol=1e-10)
    assert found.trace == pytest.approx(np.trace(covariance), rel=1e-12)
    assert len(found.factor) == min(shape)


def test_weights_stand_for_repetition_of_the_mean_only():
    # Weights are reliabilities, not counts: twice the same point is one point of twice the mass in the mean.
    twice = Gaussian.from_samples([[0.0], [0.0], [3.0]])
    once = Gaussian.from_samples([[0.0], [3.0]], [2 / 3, 1 / 3])
    assert float(twice.mean) == pytest.approx(float(once.mean)) == pytest.approx(1.0)


# Laws of a metric, and degenerate classes (acceptance check 5)


def test_w2_is_symmetric_and_obeys_the_triangle_inequality(rng):
    for _ in range(20):
        p, q, r = (Gaussian.from_samples(rng.normal(size=(n, 4)) * rng.uniform(0.1, 3)) for n in (2, 5, 30))
        assert gaussian_w2_squared(p, q) == pytest.approx(gaussian_w2_squared(q, p), rel=1e-12)
        sides = [np.sqrt(gaussian_w2_squared(*pair)) for pair in ((p, r), (p, q), (q, r))]
        assert sides[0] <= sides[1] + sides[2] + 1e-12


@pytest.mark.parametrize("n", [1, 2, 5, 30, 100])
def test_any_class_is_at_no_distance_from_itself(rng, n):
    x = rng.uniform(size=(n, 30))
    x[:, ::2] = 0.5  # zero variance
    x[n // 2 :] = x[0]  # duplicates
    law = Gaussian.from_samples(x)
    assert bool(torch.isfinite(law.factor).all())
    assert 0 <= gaussian_w2_squared(law, law) <= 1e-12 * max(law.trace, 1)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 50), (3, 4), (3, 50), (50, 60)])
def test_degenerate_classes_have_finite_distances_that_match_the_square_root_route(rng, n, m):
    d = 10
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 1
    x[:, 0] = y[:, 0] = 7.0
    p, q = Gaussian.from_samples(x), Gaussian.from_samples(y)
    a, b = ((g.factor.T @ g.factor).numpy() for g in (p, q))
    # With eigh, since sqrtm is undefined for the singular covariances; its small eigenvalues cost half the digits.
    root = _psd_root(a)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b) - 2 * np.trace(_psd_root(root @ b @ root))
    assert gaussian_w2_squared(p, q) == pytest.approx(expected, rel=1e-6)


def _psd_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def test_w2_scales_with_the_square_of_the_data(rng):
    x, y = rng.normal(size=(9, 3)), rng.normal(size=(7, 3))
    one = gaussian_w2_squared(Gaussian.from_samples(x), Gaussian.from_samples(y))
    for scale in (1e-6, 1e6):
        scaled = gaussian_w2_squared(Gaussian.from_samples(scale * x), Gaussian.from_samples(scale * y))
        assert scaled == pytest.approx(scale**2 * one, rel=1e-10)


@pytest.mark.parametrize(("n", "m", "d"), [(20, 20, 2), (30, 15, 4), (5, 8, 12), (1, 9, 3)])
def test_gelbrich_the_gaussian_distance_bounds_the_exact_one_from_below(rng, n, m, d):
    """Acceptance check 6; covariances divided by n, as the bound is about the moments of the empirical laws."""
    for _ in range(5):
        x, y = rng.gamma(1.0, size=(n, d)), rng.normal(size=(m, d))
        p, q = _empirical(x), _empirical(y)
        value = solve(SquaredEuclidean(x, y)).value
        independent = float((p.mean - q.mean).square().sum()) + p.trace + q.trace
        assert gaussian_w2_squared(p, q) <= value + 1e-10
        assert value <= independent + 1e-10


def _empirical(x) -> Gaussian:
    points = torch.tensor(x)
    return Gaussian(points.mean(0), (points - points.mean(0)) / len(points) ** 0.5)


def test_gaussians_of_other_dimensions_have_no_distance():
    with pytest.raises(IncompatibleError, match="2 and 3 dimensions"):
        gaussian_w2_squared(centred(np.eye(2)), centred(np.eye(3)))
