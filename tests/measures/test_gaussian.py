"""Gaussians: the nuclear norm route against exact formulas, matrix square roots and POT."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import scipy.linalg
import sklearn.covariance
import torch

from continuum.core import IncompatibleError
from continuum.measures import (
    GaussianMeasure,
    LedoitWolf,
    MongeMap,
    SquaredEuclidean,
    bures2,
    gaussian_w2_squared,
    monge_map,
    solve,
)
from continuum.testing import exact


def centred(covariance) -> GaussianMeasure:
    """Gaussian of mean 0 and this covariance."""
    return GaussianMeasure(
        torch.zeros(len(covariance), dtype=torch.float64), torch.tensor(np.linalg.cholesky(covariance).T)
    )


def normal(mean, covariance) -> GaussianMeasure:
    return GaussianMeasure(torch.tensor(mean), centred(covariance).factor)


def rank_one(v) -> GaussianMeasure:
    return GaussianMeasure(torch.zeros(len(v), dtype=torch.float64), torch.tensor(v)[None])


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
    dirac = GaussianMeasure(torch.zeros(4, dtype=torch.float64), torch.zeros(0, 4, dtype=torch.float64))
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
    found = GaussianMeasure.from_samples(x, weights)
    np.testing.assert_allclose(found.mean, weights @ x, rtol=1e-12)
    covariance = np.cov(x.T, aweights=weights)  # divides by 1 - sum w^2, which is (n - 1) / n for equal weights
    np.testing.assert_allclose(found.factor.T @ found.factor, covariance, atol=1e-10)
    assert found.trace == pytest.approx(np.trace(covariance), rel=1e-12)
    assert len(found.factor) == min(shape)


def test_weights_stand_for_repetition_of_the_mean_only():
    # Weights are reliabilities, not counts: twice the same point is one point of twice the mass in the mean.
    twice = GaussianMeasure.from_samples([[0.0], [0.0], [3.0]])
    once = GaussianMeasure.from_samples([[0.0], [3.0]], [2 / 3, 1 / 3])
    assert float(twice.mean) == pytest.approx(float(once.mean)) == pytest.approx(1.0)


# Laws of a metric, and degenerate classes (acceptance check 5)


def test_w2_is_symmetric_and_obeys_the_triangle_inequality(rng):
    for _ in range(20):
        p, q, r = (GaussianMeasure.from_samples(rng.normal(size=(n, 4)) * rng.uniform(0.1, 3)) for n in (2, 5, 30))
        assert gaussian_w2_squared(p, q) == pytest.approx(gaussian_w2_squared(q, p), rel=1e-12)
        sides = [np.sqrt(gaussian_w2_squared(*pair)) for pair in ((p, r), (p, q), (q, r))]
        assert sides[0] <= sides[1] + sides[2] + 1e-12


@pytest.mark.parametrize("n", [1, 2, 5, 30, 100])
def test_any_class_is_at_no_distance_from_itself(rng, n):
    x = rng.uniform(size=(n, 30))
    x[:, ::2] = 0.5  # zero variance
    x[n // 2 :] = x[0]  # duplicates
    law = GaussianMeasure.from_samples(x)
    assert bool(torch.isfinite(law.factor).all())
    assert 0 <= gaussian_w2_squared(law, law) <= 1e-12 * max(law.trace, 1)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 50), (3, 4), (3, 50), (50, 60)])
def test_degenerate_classes_have_finite_distances_that_match_the_square_root_route(rng, n, m):
    d = 10
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 1
    x[:, 0] = y[:, 0] = 7.0
    p, q = GaussianMeasure.from_samples(x), GaussianMeasure.from_samples(y)
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
    one = gaussian_w2_squared(GaussianMeasure.from_samples(x), GaussianMeasure.from_samples(y))
    for scale in (1e-6, 1e6):
        scaled = gaussian_w2_squared(GaussianMeasure.from_samples(scale * x), GaussianMeasure.from_samples(scale * y))
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


def _empirical(x) -> GaussianMeasure:
    points = torch.tensor(x)
    return GaussianMeasure(points.mean(0), (points - points.mean(0)) / len(points) ** 0.5)


def test_gaussians_of_other_dimensions_have_no_distance():
    with pytest.raises(IncompatibleError, match="2 and 3 dimensions"):
        gaussian_w2_squared(centred(np.eye(2)), centred(np.eye(3)))
    with pytest.raises(IncompatibleError, match="2 and 3 dimensions"):
        monge_map(centred(np.eye(2)), centred(np.eye(3)))


def covariance(law: GaussianMeasure):
    return (law.root.T @ law.root).numpy()


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_feature_is_no_dimension(rng, value):
    x = rng.normal(size=(40, 9))
    x[:, ::2] = value  # 0.1 has no exact mean
    law = GaussianMeasure.from_samples(x)
    assert law.factor.shape == (4, 9)
    assert not law.factor[:, ::2].any()
    np.testing.assert_allclose(covariance(law), np.cov(x.T), atol=1e-14)


# Shrinkage


@pytest.mark.parametrize("shape", [(40, 6), (10, 30), (7, 7), (300, 4), (3, 2), (5, 1)], ids=str)
def test_the_shrunk_covariance_is_that_of_scikit_learn(rng, shape):
    x = rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) + 5
    x[:, -1] = x[:, 0]  # no full rank, also of many samples
    expected, _ = sklearn.covariance.ledoit_wolf(x)
    law = GaussianMeasure.from_samples(x, unbiased=False, shrinkage=LedoitWolf())
    np.testing.assert_allclose(covariance(law), expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


def test_the_weighted_intensity_is_the_estimate_of_its_definition(rng):
    x, w = rng.normal(size=(8, 5)), rng.dirichlet(np.ones(8))
    z = x - w @ x
    s = np.einsum("i,ij,ik->jk", w, z, z)
    target = np.trace(s) / 5 * np.eye(5)
    error = sum(w[i] ** 2 * np.square(np.outer(z[i], z[i]) - s).sum() for i in range(8))
    rho = min(error / np.square(s - target).sum(), 1)
    law = GaussianMeasure.from_samples(x, w, unbiased=False, shrinkage=LedoitWolf())
    np.testing.assert_allclose(covariance(law), (1 - rho) * s + rho * target, atol=1e-13)


@pytest.mark.parametrize("unbiased", [False, True])
def test_shrinkage_keeps_the_total_variance_and_the_mean(rng, unbiased):
    x = rng.normal(size=(12, 20))
    plain, shrunk = (GaussianMeasure.from_samples(x, unbiased=unbiased, shrinkage=s) for s in (None, LedoitWolf()))
    assert shrunk.trace == pytest.approx(plain.trace, rel=1e-12)
    assert bool((shrunk.mean == plain.mean).all())


def test_a_law_of_no_variance_stays_a_dirac():
    for x in ([[1.0, 2.0]], [[0.1, 2.0]] * 3):
        assert GaussianMeasure.from_samples(x, shrinkage=LedoitWolf()).trace == 0


def test_two_small_samples_of_one_law_are_nearer_when_shrunk(rng):
    x, y = rng.normal(size=(2, 20, 60))
    plain, shrunk = (
        bures2(*(GaussianMeasure.from_samples(part, shrinkage=s) for part in (x, y))) for s in (None, LedoitWolf())
    )
    assert shrunk < plain / 10


@pytest.mark.parametrize("sizes", [(4, 5), (9, 4), (4, 30), (30, 30), (1, 3)], ids=str)
@pytest.mark.parametrize("shrinkages", [(LedoitWolf(), LedoitWolf()), (LedoitWolf(), None), (None, LedoitWolf())])
def test_floors_are_variance_of_the_whole_covariance(rng, sizes, shrinkages):
    """Ranks that together span all 12 dimensions and such that do not."""
    x = [rng.normal(size=(n, 12)) @ rng.normal(size=(12, 12)) for n in sizes]
    p, q = (GaussianMeasure.from_samples(part, shrinkage=s) for part, s in zip(x, shrinkages, strict=True))
    whole = [GaussianMeasure(law.mean, law.root) for law in (p, q)]
    assert p.trace == pytest.approx(whole[0].trace, rel=1e-12)
    assert bures2(p, q) == pytest.approx(bures2(*whole), rel=1e-11)
    assert bures2(p, p) == pytest.approx(0, abs=1e-12 * max(p.trace, 1))
    np.testing.assert_allclose(monge_map(p, q).matrix, monge_map(*whole).matrix, atol=1e-12)


def test_isotropic_laws_are_all_floor():
    mean, nothing = torch.zeros(5, dtype=torch.float64), torch.zeros(0, 5, dtype=torch.float64)
    p, q = GaussianMeasure(mean, nothing, 4.0), GaussianMeasure(mean, nothing, 1.0)
    assert bures2(p, q) == pytest.approx(5 * (2 - 1) ** 2, rel=1e-14)
    assert bures2(p, GaussianMeasure(mean, nothing)) == pytest.approx(20, rel=1e-14)


# Maps

RANKS = [(8, 8), (8, 3), (3, 3), (3, 8), (1, 5), (5, 1)]


def sample(rng, rank, d=8) -> GaussianMeasure:
    return GaussianMeasure.from_samples(rng.normal(size=(rank + 1, d)) + rng.normal(size=d))


def image(move: MongeMap, law: GaussianMeasure) -> GaussianMeasure:
    return GaussianMeasure(move(law.mean[None])[0], law.factor @ move.matrix)


def cost(move: MongeMap, law: GaussianMeasure) -> float:
    """E |X - move(X)|^2."""
    turned = law.factor @ (torch.eye(len(law.mean), dtype=torch.float64) - move.matrix)
    return float((law.mean - move(law.mean[None])[0]).square().sum() + turned.square().sum())


@pytest.mark.parametrize("d", [1, 2, 6])
def test_the_map_is_that_of_pot(rng, d):
    a, b, (m, n) = exact.spd_matrix(rng, d), exact.spd_matrix(rng, d), rng.normal(size=(2, d))
    move = monge_map(normal(m, a), normal(n, b))
    matrix, offset = ot.gaussian.bures_wasserstein_mapping(m, n, a, b)
    np.testing.assert_allclose(move.matrix, matrix, rtol=1e-8, atol=1e-9)
    x = rng.normal(size=(5, d))
    np.testing.assert_allclose(move(torch.tensor(x)), x @ matrix + offset, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("ranks", [pair for pair in RANKS if pair[0] >= pair[1]], ids=str)
def test_the_map_sends_p_to_q_and_attains_their_distance(rng, ranks):
    p, q = (sample(rng, rank) for rank in ranks)
    move = monge_map(p, q)
    np.testing.assert_allclose(image(move, p).mean, q.mean, atol=1e-12)
    np.testing.assert_allclose(covariance(image(move, p)), covariance(q), atol=1e-9)
    assert cost(move, p) == pytest.approx(gaussian_w2_squared(p, q), rel=1e-9)


@pytest.mark.parametrize("ranks", RANKS, ids=str)
def test_the_map_is_the_mean_of_an_optimal_coupling(rng, ranks):
    """So what its cost falls short of the distance is the variance that its image falls short of q."""
    p, q = (sample(rng, rank) for rank in ranks)
    move = monge_map(p, q)
    moved = image(move, p)
    assert np.linalg.eigvalsh(covariance(q) - covariance(moved)).min() > -1e-9
    assert cost(move, p) + q.trace - moved.trace == pytest.approx(gaussian_w2_squared(p, q), rel=1e-9)


def test_the_map_of_a_law_to_itself_leaves_its_samples_in_place(rng):
    x = torch.tensor(rng.normal(size=(9, 30)) * 0.5 ** np.arange(30))
    law = GaussianMeasure.from_samples(x)
    np.testing.assert_allclose(monge_map(law, law)(x), x, atol=1e-7)


def test_a_map_to_or_from_a_point_is_constant(rng):
    dirac, law = GaussianMeasure.from_samples([[1.0] * 8]), sample(rng, 5)
    x = torch.tensor(rng.normal(size=(4, 8)))
    assert bool((monge_map(law, dirac)(x) == dirac.mean).all())
    assert bool((monge_map(dirac, law)(x) == law.mean).all())
