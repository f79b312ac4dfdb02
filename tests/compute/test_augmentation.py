"""How clouds are changed at random, and how holes are cut into them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from continuum.compute import PointCloudBatch
from continuum.compute.augmentation import Augmentation
from continuum.compute.partial import partial_view
from continuum.core import InvalidInputError


def cloud_of(points, copies=1):
    return PointCloudBatch(torch.as_tensor(points, dtype=torch.float64).expand(copies, -1, -1))


def maps_of(option, d, copies=500):
    """The linear map that each copy of a cloud went through: the images of the unit vectors are its columns."""
    moved = option(cloud_of(torch.eye(d)[None], copies), np.random.default_rng(0)).points
    return moved.mT.numpy()


ONLY = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "jitter": 0.0}


def test_rotations_keep_distances_and_fill_the_range_of_angles():
    maps = maps_of(Augmentation(**ONLY | {"rotation": 8.0}), 2)
    np.testing.assert_allclose(maps @ maps.transpose(0, 2, 1), np.tile(np.eye(2), (500, 1, 1)), atol=1e-12)
    angles = np.degrees(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert np.abs(angles).max() <= 8
    assert angles.min() < -7.8
    assert angles.max() > 7.8


def test_scales_are_one_for_each_axis():
    maps = maps_of(Augmentation(**ONLY | {"scale": 0.08}), 2)
    assert not maps[:, [0, 1], [1, 0]].any()
    factors = maps[:, [0, 1], [0, 1]]
    assert (factors >= 0.92).all()
    assert (factors <= 1.08).all()
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.2


def test_a_shear_keeps_areas():
    maps = maps_of(Augmentation(**ONLY | {"shear": 0.12}), 2)
    np.testing.assert_allclose(np.linalg.det(maps), 1)
    assert 0.11 < np.abs(maps[:, 0, 1]).max() <= 0.12


def test_in_space_the_vertical_axis_is_only_scaled():
    maps = maps_of(Augmentation(rotation=180, scale=0.1, shear=0.2, jitter=0), 3)
    assert not maps[:, 1, [0, 2]].any()
    assert not maps[:, [0, 2], 1].any()
    assert (np.abs(maps[:, 1, 1] - 1) <= 0.1).all()
    turned = maps_of(Augmentation(**ONLY | {"rotation": 180.0}), 3)
    np.testing.assert_allclose(turned @ turned.transpose(0, 2, 1), np.tile(np.eye(3), (500, 1, 1)), atol=1e-12)
    assert turned[:, 0, 0].min() < -0.99


def test_jitter_moves_each_point_alone():
    moved = Augmentation(**ONLY | {"jitter": 0.01})(cloud_of(torch.zeros(1, 2000, 2)), np.random.default_rng(0)).points
    assert float(moved.std()) == pytest.approx(0.01, rel=0.05)


def test_padding_masses_and_dtype_stay():
    batch = PointCloudBatch.from_list([torch.ones(1, 2), torch.ones(3, 2)], [[1.0], [0.2, 0.3, 0.5]])
    moved = Augmentation()(batch, np.random.default_rng(0))
    assert moved.points.dtype == batch.points.dtype
    assert torch.equal(moved.mask, batch.mask)
    assert torch.equal(moved.weights, batch.weights)
    assert not moved.points[0, 1:].any()
    assert not torch.equal(moved.points[0, 0], moved.points[1, 0])


def test_one_generator_in_one_state_gives_one_result():
    batch = cloud_of(torch.eye(3)[None], 4)
    one, two, other = (Augmentation()(batch, np.random.default_rng(seed)).points for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("options", [{"rotation": -1}, {"scale": 1.0}, {"shear": math.nan}, {"jitter": math.inf}])
def test_bad_options_of_augmentation_are_refused(options):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(options))}`"):
        Augmentation(**options)


def test_clouds_of_another_dimension_are_not_augmented():
    with pytest.raises(InvalidInputError, match="got dimension 4"):
        Augmentation()(cloud_of(torch.zeros(1, 2, 4)), np.random.default_rng(0))


# Partial views


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_what_is_missing_lies_in_balls_around_points_of_the_cloud(rng, d, seeds):
    clouds = PointCloudBatch.from_list([torch.as_tensor(rng.normal(size=(m, d))) for m in (60, 200, 33)])
    view = partial_view(clouds, np.random.default_rng(0), radius=0.4, seeds=seeds)
    missing = clouds.mask & ~view.mask
    assert torch.equal(view.mask | missing, clouds.mask)
    for points, gone, left in zip(clouds.points, missing, view.mask, strict=True):
        near = torch.cdist(points, points) <= 0.4
        centres = gone & ~(near & left[None]).any(1)  # points from whose ball nothing is left
        assert centres.any()
        assert torch.equal(gone, (near & centres).any(1) & gone)
    assert torch.equal(view.points[view.mask], clouds.points[view.mask])


def test_masses_of_what_is_left_grow_in_proportion():
    clouds = PointCloudBatch(torch.tensor([[[0.0], [5.0], [9.0]]]), weights=torch.tensor([[0.5, 0.3, 0.2]]))
    view = partial_view(clouds, np.random.default_rng(0), radius=1.0, seeds=1)
    left = clouds.weights * view.mask
    torch.testing.assert_close(view.weights, left / left.sum())


def test_as_many_different_points_are_centres_as_were_asked_for():
    line = cloud_of(torch.arange(10.0)[None, :, None], 50)
    view = partial_view(line, np.random.default_rng(0), radius=0.5, seeds=3)
    assert view.counts.unique().tolist() == [7]
    assert view.mask.any(0).all()


def test_padding_is_no_centre():
    clouds = PointCloudBatch.from_list([torch.tensor([[0.0], [9.0]]), torch.arange(30.0)[:, None]])
    for seed in range(20):
        view = partial_view(clouds, np.random.default_rng(seed), radius=0.5, seeds=1)
        assert view.counts.tolist() == [1, 29]


def test_a_cloud_of_which_nothing_would_be_left_is_named():
    clouds = PointCloudBatch.from_list([torch.arange(9.0)[:, None], torch.zeros(3, 1)])
    with pytest.raises(InvalidInputError, match="nothing is left of cloud 1"):
        partial_view(clouds, np.random.default_rng(0), radius=1.0, seeds=1)


@pytest.mark.parametrize("options", [{"radius": 0}, {"radius": math.nan}, {"seeds": 0}, {"seeds": 1.5}])
def test_bad_options_of_partial_views_are_refused(options):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(options))}`"):
        partial_view(cloud_of(torch.zeros(1, 2, 2)), np.random.default_rng(0), **options)
