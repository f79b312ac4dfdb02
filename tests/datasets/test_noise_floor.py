"""The noise floor: splits that are disjoint, stratified and repeatable, and what two samples of one law show."""

from __future__ import annotations

import numpy as np
import pytest

from continuum.core import ContinuumWarning, InvalidInputError
from continuum.datasets import ExactLabels, LabelledDataset, MeansOnly, noise_floor, otdd
from continuum.datasets.noise_floor import _halves
from continuum.measures import Sinkhorn


def sample(rng, n, shift=0.0) -> LabelledDataset:
    y = np.arange(n) % 2
    return LabelledDataset(rng.normal(size=(n, 2)) + 4.0 * y[:, None] + shift, y)


@pytest.mark.parametrize(("size", "n"), [(20, 10), (21, 10), (57, 13), (2, 1)])
def test_halves_are_disjoint_of_n_points_each_and_stratified(rng, size, n):
    y = np.sort(rng.integers(0, 3, size=size))
    data = LabelledDataset(np.arange(float(size))[:, None], y, classes=(0, 1, 2))
    first, second = _halves(data, n, rng)
    rows = [int(x) for half in (first, second) for x in half.x[:, 0]]
    assert len(first) == len(second) == n
    assert len(set(rows)) == 2 * n
    for label in range(3):
        counts = [int((half.y == label).sum()) for half in (first, second)]
        assert abs(counts[0] - counts[1]) <= 1
        assert abs(sum(counts) - 2 * n * (y == label).mean()) <= 1


def test_equal_points_have_no_floor():
    data = LabelledDataset(np.ones((8, 3)), [0, 1] * 4)
    found = noise_floor(data)
    assert found.squared == found.distance == found.deviation == 0
    assert (found.size, len(found.values), found.converged) == (4, 5, True)


def test_splits_repeat_with_their_seed_and_differ_among_each_other(rng):
    data = sample(rng, 40)
    first, again, other = (noise_floor(data, splits=3, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert len({*first.values, *other.values}) == 6
    assert first.squared == pytest.approx(np.mean(first.values))
    assert first.deviation == pytest.approx(np.std(first.values, ddof=1))
    assert np.isnan(noise_floor(data, splits=1).deviation)


def test_the_floor_is_where_two_samples_of_one_law_are_and_falls_with_their_size(rng):
    large, small = (sample(rng, 400), sample(rng, 400, shift=0.0))
    floor = noise_floor(large, n=100, splits=10)
    twins = [otdd(sample(rng, 100), sample(rng, 100)).squared for _ in range(10)]
    assert floor.squared == pytest.approx(np.mean(twins), rel=0.25)  # s.d. of each mean is some 8 per cent
    assert noise_floor(small, n=200, splits=3).squared < 0.8 * floor.squared
    assert otdd(sample(rng, 100), sample(rng, 100, shift=0.5)).squared > floor.squared + 5 * floor.deviation


def test_options_reach_the_distance(rng):
    data = sample(rng, 30)
    plain, features = noise_floor(data, labels=MeansOnly()), noise_floor(data, label_weight=0.0)
    doubled = noise_floor(data, labels=MeansOnly(), feature_weight=2.0, label_weight=2.0)
    assert doubled.squared == pytest.approx(2 * plain.squared, rel=1e-12)
    assert features.squared < plain.squared
    assert noise_floor(data, labels=MeansOnly(), solver=Sinkhorn(1.0, "mean")).squared > plain.squared


def test_points_without_weight_do_not_count(rng):
    data = sample(rng, 20)
    padded = LabelledDataset(
        np.concatenate([data.x, data.x + 9]), np.concatenate([data.y, data.y]), np.repeat([0.05, 0.0], 20)
    )
    assert noise_floor(padded).values == pytest.approx(noise_floor(data).values)


def test_a_class_of_one_sample_is_in_one_half_and_said_so(rng):
    data = LabelledDataset(rng.normal(size=(9, 2)), [*["a"] * 8, "lone"])
    with pytest.warns(ContinuumWarning, match=r"one half only.*\['lone'\]"):
        assert noise_floor(data, n=4, labels=ExactLabels()).squared > 0


def test_soft_labels_are_split_by_their_likeliest_class(rng):
    data = LabelledDataset(rng.normal(size=(12, 2)), np.repeat([[0.9, 0.1], [0.2, 0.8]], 6, axis=0))
    assert noise_floor(data, splits=2).squared > 0


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 6}, {"splits": 0}])
def test_what_cannot_be_split_is_refused(rng, wrong):
    with pytest.raises(InvalidInputError, match="half of the 10 points"):
        noise_floor(sample(rng, 10), **wrong)
    with pytest.raises(InvalidInputError, match="half of the 1 points"):
        noise_floor(LabelledDataset(np.zeros((1, 1)), [0]))
