"""Pooled covariances: those of discriminant analysis, exact on factors of any rank."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from continuum.core import InvalidInputError
from continuum.measures import GaussianMeasure, LedoitWolf, Pooled
from continuum.measures.pooling import pool

SHAPES = [((30, 20, 9), 4), ((3, 5, 2), 12), ((1, 6, 40), 5), ((1, 1, 7), 9)]


def classes(rng, sizes, d):
    return [rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + k for k, n in enumerate(sizes)]


def covariance(law: GaussianMeasure):
    return (law.root.T @ law.root).numpy()


def laws_of(parts):
    return [GaussianMeasure.from_samples(x) for x in parts]


@pytest.mark.parametrize(("sizes", "d"), SHAPES, ids=str)
@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_the_covariance_is_the_weighted_mean_of_its_own_and_the_common_one(rng, sizes, d, rho):
    parts = classes(rng, sizes, d)
    scatter = sum((x - x.mean(0)).T @ (x - x.mean(0)) for x in parts)
    common = scatter / (sum(sizes) - len(sizes))
    found = pool(laws_of(parts), [n - 1.0 for n in sizes], rho)
    for law, x in zip(found, parts, strict=True):
        own = np.cov(x.T) if len(x) > 1 else np.zeros((d, d))
        np.testing.assert_allclose(covariance(law), (1 - rho) * own + rho * common, atol=1e-12 * np.abs(common).max())
        np.testing.assert_allclose(law.mean, x.mean(0), atol=1e-14 * np.abs(x).max())
        assert len(law.factor) <= max(d, len(x))


def test_the_common_covariance_is_that_of_scikit_learn(rng):
    """Linear discriminant analysis divides the pooled sum of squares by n, and not by n - K as is unbiased."""
    sizes = (30, 20, 9)
    parts = classes(rng, sizes, 4)
    analysis = LinearDiscriminantAnalysis(solver="lsqr", store_covariance=True)
    common = analysis.fit(np.concatenate(parts), np.repeat(range(3), sizes)).covariance_
    for law in pool(laws_of(parts), [n - 1.0 for n in sizes], 1.0):
        np.testing.assert_allclose(covariance(law), common * 59 / (59 - 3), rtol=1e-10)


def test_nothing_is_pooled_at_0(rng):
    laws = laws_of(classes(rng, (5, 6), 3))
    assert all(after is before for after, before in zip(pool(laws, [4.0, 5.0], 0.0), laws, strict=True))


def test_floors_are_pooled_like_the_rest(rng):
    laws = [GaussianMeasure.from_samples(x, shrinkage=LedoitWolf()) for x in classes(rng, (6, 9), 5)]
    common = (5 * covariance(laws[0]) + 8 * covariance(laws[1])) / 13
    for law, own in zip(pool(laws, [5.0, 8.0], 0.6), laws, strict=True):
        np.testing.assert_allclose(covariance(law), 0.4 * covariance(own) + 0.6 * common, atol=1e-12)


def test_the_total_variance_of_all_is_kept(rng):
    sizes = (12, 7, 9)
    laws, freedoms = laws_of(classes(rng, sizes, 20)), [n - 1.0 for n in sizes]
    before, after = (
        sum(nu * law.trace for nu, law in zip(freedoms, some, strict=True))
        for some in (laws, pool(laws, freedoms, 0.7))
    )
    assert after == pytest.approx(before, rel=1e-12)


def test_points_alone_have_no_covariance_to_lend():
    laws = [GaussianMeasure.from_samples([[float(k), 1.0]]) for k in range(3)]
    assert [law.trace for law in pool(laws, [0.0] * 3, 0.5)] == [0.0] * 3


@pytest.mark.parametrize("rho", [-0.1, 1.1, float("nan")])
def test_a_part_is_between_0_and_1(rho):
    with pytest.raises(InvalidInputError, match="`rho` must lie in"):
        Pooled(rho)


def test_factors_stay_on_their_device_and_in_float64(rng):
    law, _ = pool(laws_of(classes(rng, (4, 4), 3)), [3.0, 3.0], 0.5)
    assert law.factor.dtype == torch.float64
