"""Draws of propagation tasks: what they look like, and which ceilings they have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from walks import blobs, one_by_one

from continuum.compute.clouds import CloudSet
from continuum.compute.propagation_tasks import digit_pairs, spiral_arms
from continuum.core import InvalidInputError

# Spiral arms


def test_arms_have_the_ceilings_that_were_measured_before():
    # Golden: an independent implementation on 1,024 clouds; the standard error of a mean is at most 0.006.
    task = spiral_arms(1024, seed=0)
    measured = {1: 0.629, 2: 0.712, 4: 0.830, 6: 0.903, 8: 0.949, 10: 0.976, 12: 0.991, 16: 0.9998, 20: 1.0}
    exact = {1: 0.0, 2: 0.050, 4: 0.243, 6: 0.438, 8: 0.609, 10: 0.766, 12: 0.879, 16: 0.996, 20: 1.0}
    assert {steps: task.ceiling(steps) for steps in measured} == pytest.approx(measured, abs=0.012)
    assert {steps: task.exact_ceiling(steps) for steps in exact} == pytest.approx(exact, abs=0.04)
    needed = task.hops_needed.double()
    assert float(needed.mean()) == pytest.approx(7.6, abs=0.3)
    assert float(needed.quantile(0.95)) == pytest.approx(14, abs=1)
    assert float(needed.max()) == pytest.approx(18, abs=1)


def test_points_of_an_arm_hang_together_and_those_of_two_arms_do_not():
    for task in (spiral_arms(512, seed=1), spiral_arms(128, seed=1, least=24, most=48)):
        assert torch.equal(task.hops >= 0, task.labels)


def test_lengths_of_arms_are_within_bounds_and_reach_them():
    task = spiral_arms(500, seed=0, least=3, most=5)
    own = task.labels.sum(1)
    other = task.clouds.counts - own
    assert set(own.tolist()) == set(other.tolist()) == {3, 4, 5}


def test_successive_points_are_as_far_apart_as_the_spacing():
    task = spiral_arms(20, seed=0, least=20, most=20, spacing=0.1, jitter=0, radius=0.15)
    for points, _, labels, _ in one_by_one(task):
        nearest = np.sort(cdist(points[labels], points[labels]), axis=1)[:, 1]
        np.testing.assert_allclose(nearest, 0.1, rtol=0.01)  # a chord is a little shorter than its arc


def test_arms_are_one_figure_turned_by_half_a_circle():
    task = spiral_arms(5, seed=0, least=9, most=9, jitter=0)
    for points, _, labels, _ in one_by_one(task):
        one, two = points[labels], points[~labels]
        assert cdist(one, -two).min(1).max() < 1e-5


def test_the_arm_of_the_seed_is_a_fair_coin_and_does_not_show_in_the_order():
    task = spiral_arms(1000, seed=0)
    seeds = (task.clouds.points[..., -1] == 1).float()
    assert torch.equal(seeds.sum(1), torch.ones(1000))
    own = task.labels.sum(1)
    longer = (own > task.clouds.counts - own).float().mean()
    assert abs(float(longer) - 0.5 * 26 / 27) < 0.05  # 1/27: both of one length
    assert abs(float(task.labels[:, 0].float().mean()) - 0.5) < 0.05


@pytest.mark.parametrize(
    "draw",
    [lambda count, seed: spiral_arms(count, seed=seed), lambda count, seed: digit_pairs(blobs(), count, seed=seed)],
)
def test_the_first_clouds_of_more_are_the_same_and_another_seed_gives_others(draw):
    few, many, other = draw(5, 7), draw(12, 7), draw(5, 8)
    assert torch.equal(few.clouds.points, many.clouds.points[:5])
    assert torch.equal(few.labels, many.labels[:5])
    assert not torch.equal(few.clouds.points, other.clouds.points)


# Pairs


def test_drawings_of_a_pair_are_apart_by_the_least_shift_that_does_it():
    clouds = blobs()
    task = digit_pairs(clouds, 30, seed=0, points=40, radius=0.5, clearance=1.5)
    assert task.clouds.counts.unique().tolist() == [80]
    for points, seeds, labels, hops in one_by_one(task):
        assert labels.sum() == 40
        assert labels[seeds].all()
        assert cdist(points[labels], points[~labels]).min() > 0.75
        assert not (hops[~labels] >= 0).any()
        np.testing.assert_allclose(points.mean(0), 0, atol=1e-5)


def test_points_of_a_pair_are_points_of_its_drawings():
    square = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    task = digit_pairs(CloudSet.from_list([square, square]), 20, seed=0, points=4, radius=1.0)
    for points, _, labels, hops in one_by_one(task):
        for part in (points[labels], points[~labels]):
            np.testing.assert_allclose(
                np.sort(cdist(part, part).ravel()), np.sort(cdist(square, square).ravel()), atol=1e-6
            )
        # Squares of side 1 with gap > 1.2 along a direction: shifts are the steps 1.5, 2, ...
        shift = np.linalg.norm(points[labels].mean(0) - points[~labels].mean(0))
        assert shift * 2 == pytest.approx(round(shift * 2), abs=1e-5)
        assert hops.max() == 2


def test_drawings_with_too_few_points_are_not_taken():
    clouds = CloudSet.from_list([np.zeros((3, 2)), np.ones((5, 2)), np.full((6, 2), 2.0)])
    task = digit_pairs(clouds, 4, seed=0, points=5)
    assert task.clouds.counts.tolist() == [10] * 4
    with pytest.raises(InvalidInputError, match="1 of 3 clouds have 6 points"):
        digit_pairs(clouds, 4, seed=0, points=6)


# Refusals


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0},
        {"seed": -1},
        {"least": 0},
        {"least": 9, "most": 8},
        {"least": "a"},
        {"radius": -1.0},
        {"spacing": 0},
        {"jitter": -0.1},
    ],
)
def test_arms_refuse_options_out_of_range(options):
    with pytest.raises(InvalidInputError):
        spiral_arms(**{"count": 2, "seed": 0, **options})


@pytest.mark.parametrize("options", [{"count": 0}, {"points": 0}, {"radius": 0}, {"clearance": 0}, {"seed": 0.5}])
def test_pairs_refuse_options_out_of_range(options):
    with pytest.raises(InvalidInputError):
        digit_pairs(blobs(), **{"count": 2, "seed": 0, **options})


def test_pairs_are_of_the_plane():
    with pytest.raises(InvalidInputError, match="must be of the plane, got dimension 3"):
        digit_pairs(CloudSet.from_list(np.zeros((2, 50, 3))), 1, seed=0)
