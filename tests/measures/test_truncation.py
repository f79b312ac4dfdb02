"""Truncation brackets the truth (acceptance check 15)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import InvalidInputError
from continuum.measures import (
    GaussianMeasure,
    LedoitWolf,
    SquaredEuclidean,
    TableCost,
    WeightedSum,
    gaussian_w2_squared,
    projection_bounds,
    solve,
)
from continuum.measures.truncation import truncate, truncated_w2_squared, truncation_error


def laws(rng, count=4, n=30, d=12, decay=0.7, shrinkage=None):
    scales = decay ** np.arange(d)
    parts = [rng.normal(size=(n, d)) * scales @ rng.normal(size=(d, d)) + rng.normal(size=d) for _ in range(count)]
    return [GaussianMeasure.from_samples(x, shrinkage=shrinkage) for x in parts]


@pytest.mark.parametrize("rank", [1, 2, 5, 9, 11])
@pytest.mark.parametrize("shape", [(30, 12), (3, 40)], ids=str)
@pytest.mark.parametrize("shrinkage", [None, LedoitWolf()])
def test_15_the_exact_distance_is_within_the_error_of_the_truncated_one(rng, rank, shape, shrinkage):
    whole = laws(rng, n=shape[0], d=shape[1], shrinkage=shrinkage)
    seen = truncate(whole, rank)
    for i in range(len(whole)):
        for j in range(i):
            error = truncation_error(seen[i], seen[j])
            truth = gaussian_w2_squared(whole[i], whole[j])
            assert abs(truncated_w2_squared(seen[i], seen[j]) - truth) <= error + 1e-10
            assert error > 0 or rank >= 4 * (shape[0] - 1)


def test_the_error_falls_with_the_rank_to_nothing(rng):
    whole = laws(rng)
    errors = [truncation_error(*truncate(whole, rank)[:2]) for rank in range(1, 14)]
    assert (np.diff(errors) < 1e-12).all()
    assert errors[0] > 1
    assert errors[11:] == pytest.approx([0, 0], abs=1e-12)
    seen = truncate(whole, 12)
    assert truncated_w2_squared(*seen[:2]) == pytest.approx(gaussian_w2_squared(*whole[:2]), rel=1e-10)


def test_few_samples_are_seen_whole_in_as_many_directions(rng):
    whole = laws(rng, count=3, n=4, d=50)
    seen = truncate(whole, 9)
    assert max(law.rest for law in seen) < 1e-20
    assert seen[0].inside.factor.shape == (4, 9)
    assert truncated_w2_squared(*seen[:2]) == pytest.approx(gaussian_w2_squared(*whole[:2]), rel=1e-10)


def test_truncation_may_err_to_either_side():
    """Along the first axis (1.2, 1) and (1.2, -1) look alike; in the plane they are nearly orthogonal."""
    mean = torch.zeros(2, dtype=torch.float64)
    crossed = [GaussianMeasure(mean, torch.tensor([[1.2, sign]], dtype=torch.float64)) for sign in (1.0, -1.0)]
    alike = [GaussianMeasure(mean, torch.tensor([[1.2, 1e-3], [0.0, 1.0]], dtype=torch.float64))] * 2
    for pair, side in ((crossed, -1), (alike, 1)):
        seen, truth = truncate(pair, 1), gaussian_w2_squared(*pair)
        assert side * (truncated_w2_squared(*seen) - truth) > 0.5
        assert abs(truncated_w2_squared(*seen) - truth) <= truncation_error(*seen) + 1e-12
    # Rank 1 has a closed form: 2 (1.44 + 1) - 2 |u.w| with u.w = 0.44, of which 1.44 is seen; the error is 2 * 1 * 1.
    seen = truncate(crossed, 1)
    assert gaussian_w2_squared(*crossed) == pytest.approx(4.88 - 0.88)
    assert truncated_w2_squared(*seen) == pytest.approx(4.88 - 2.88)
    assert truncation_error(*seen) == pytest.approx(2)


def test_points_alone_have_nothing_to_truncate():
    points = [GaussianMeasure.from_samples([[float(k), 0.0, 1.0]]) for k in (0, 3)]
    seen = truncate(points, 2)
    assert truncated_w2_squared(*seen) == pytest.approx(9)
    assert truncation_error(*seen) == 0


@pytest.mark.parametrize("k", [1, 3, 7, 10])
@pytest.mark.parametrize("label_weight", [0.0, 2.0])
def test_15_projections_bracket_the_distance_of_all_features(rng, k, label_weight):
    x, y = rng.normal(size=(25, 10)), rng.normal(size=(20, 10)) * 1.5 + 1
    rows, columns = (torch.tensor(rng.integers(0, 3, len(z))) for z in (x, y))
    labels = TableCost(torch.tensor(rng.random((3, 3))), rows, columns)

    def distance(source, target):
        return solve(WeightedSum(((1.0, SquaredEuclidean(source, target)), (label_weight, labels))))

    both = np.concatenate([x, y]) - (x.mean(0) + y.mean(0)) / 2
    axes = np.linalg.svd(both, full_matrices=False)[2][:k].T
    inside = both @ axes
    rest = np.square(both - inside @ axes.T).sum(1)
    low, high = projection_bounds(distance(inside[:25], inside[25:]).value, rest[:25].mean(), rest[25:].mean())
    truth = distance(x, y).value
    assert low - 1e-10 <= truth <= high + 1e-10
    assert high - low == pytest.approx(4 * np.sqrt(rest[:25].mean() * rest[25:].mean()), abs=1e-12)
    if k == 10:
        assert low == pytest.approx(truth, rel=1e-12)


def test_projection_bounds_are_attained():
    """On one line the rests are parallel or opposite."""
    assert projection_bounds(0.0, 4.0, 9.0) == (1.0, 25.0)
    assert projection_bounds(3.0, 0.0, 9.0) == (12.0, 12.0)
    with pytest.raises(InvalidInputError, match=r"must not be negative, got 1\.0 and -0\.5"):
        projection_bounds(0.0, 1.0, -0.5)
