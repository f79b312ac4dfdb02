"""Laws of networks of measures: order, padding, batch-mates and halves of points never matter."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from point_networks import NETWORKS, D, clouds_of, states, statistics

from continuum.compute import PointCloudBatch
from continuum.core import IncompatibleError, InvalidInputError

ALL = pytest.mark.parametrize("name", NETWORKS)
TIGHT = {"rtol": 0, "atol": 1e-12}  # float64: the order of sums changes, and no more


@pytest.fixture
def network(name):
    return NETWORKS[name]().double()


# The input is a measure


@ALL
def test_the_order_of_points_does_not_matter(network, rng):
    clouds = clouds_of(rng, [7, 4])
    mixed = [cloud[torch.as_tensor(rng.permutation(len(cloud)))] for cloud in with_masses(clouds)]
    torch.testing.assert_close(statistics(network, batch(mixed)), statistics(network, clouds), **TIGHT)


@ALL
def test_padding_and_batch_mates_do_not_matter(network, rng):
    clouds = clouds_of(rng, [7, 1, 40, 4])
    together = states(network, clouds)
    for row in range(4):
        alone = states(network, clouds[row : row + 1])[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, **TIGHT)


@ALL
def test_what_padded_rows_hold_does_not_matter(network, rng):
    clouds = clouds_of(rng, [7, 4])
    rubbish = torch.where(clouds.mask[..., None], clouds.points, 1e6)
    again = PointCloudBatch(rubbish, clouds.mask, clouds.weights)
    torch.testing.assert_close(states(network, again), states(network, clouds), **TIGHT)


@ALL
def test_splitting_points_changes_nothing(network, rng):
    clouds = clouds_of(rng, [7, 4])
    split = [torch.cat([half(cloud[:2]), cloud[2:], half(cloud[:2])]) for cloud in with_masses(clouds)]
    torch.testing.assert_close(statistics(network, batch(split)), statistics(network, clouds), **TIGHT)


@ALL
def test_a_point_of_mass_zero_is_no_point(network, rng):
    clouds = clouds_of(rng, [7, 4])
    more = [torch.cat([cloud, torch.tensor([[0.1] * (D - 1) + [1.0, 0.0]]).double()]) for cloud in with_masses(clouds)]
    torch.testing.assert_close(statistics(network, batch(more)), statistics(network, clouds), **TIGHT)


@ALL
def test_doubling_every_point_changes_nothing(network, rng):
    clouds = clouds_of(rng, [5], weighted=False)
    twice = PointCloudBatch(clouds.points.repeat(1, 2, 1))
    torch.testing.assert_close(statistics(network, twice), statistics(network, clouds), **TIGHT)


@ALL
def test_the_origin_is_a_point_like_any_other(network, rng):
    cloud = clouds_of(rng, [5], weighted=False).points
    cloud[0, 2] = 0
    with_origin, without = (
        statistics(network, PointCloudBatch(cloud)),
        statistics(network, PointCloudBatch(cloud[:, [0, 1, 3, 4]])),
    )
    assert (with_origin - without).abs().max() > 1e-6
    padded = PointCloudBatch(cloud, torch.tensor([[True, True, False, True, True]]))
    torch.testing.assert_close(statistics(network, padded), without, **TIGHT)


@ALL
def test_one_point_and_a_batch_of_one_are_enough(network):
    z = states(network, PointCloudBatch(torch.ones(1, 1, D).double()))
    assert z.shape[0] == 1
    assert z.isfinite().all()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "local"])
def test_one_particle_is_enough(name, rng):
    network = NETWORKS[name](particles=1).double()
    z = states(network, clouds_of(rng, [5, 1]))
    assert z.shape[:2] == (2, 1)
    assert z.isfinite().all()


def test_the_released_sum_is_no_function_of_the_measure_and_the_mean_is(rng):
    network, clouds = NETWORKS["paper"]().double(), clouds_of(rng, [5], weighted=False)
    context, twice = network.encode(clouds), network.encode(PointCloudBatch(clouds.points.repeat(1, 2, 1)))
    torch.testing.assert_close(context.mixing, twice.mixing, **TIGHT)


@ALL
def test_clouds_that_do_not_fit_are_refused(network, rng):
    clouds = clouds_of(rng, [5, 3])
    with pytest.raises(InvalidInputError, match="PointCloudBatch"):
        network.encode(clouds.points)
    with pytest.raises(IncompatibleError, match=f"dimension {D}, got 2"):
        network.encode(clouds.moved(clouds.points[..., :2]))
    with pytest.raises(IncompatibleError, match="float32"):
        network.encode(clouds.to(torch.float32))


# Particles


@pytest.mark.parametrize("name", ["paper", "no anchors"])
def test_particles_without_marks_are_exchangeable(network, rng):
    context = network.encode(clouds_of(rng, [7, 4]))
    z = torch.as_tensor(rng.normal(size=network.start(context).shape))
    order = torch.as_tensor(rng.permutation(z.shape[1]))
    assert network.marks is None
    expected = network.step(z, context)[:, order]
    torch.testing.assert_close(network.step(z[:, order], context), expected, **TIGHT)


@pytest.mark.parametrize("name", ["anchored", "completion"])
def test_pairs_of_mark_and_particle_are_exchangeable_and_particles_alone_are_not(network, rng):
    context = network.encode(clouds_of(rng, [7, 4]))
    z = torch.as_tensor(rng.normal(size=network.start(context).shape))
    order = torch.as_tensor(np.roll(np.arange(z.shape[1]), 1))
    expected = network.step(z, context)[:, order]
    assert (network.step(z[:, order], context) - expected).abs().max() > 1e-3
    moved = copy.deepcopy(network)
    moved.particles.anchors.data = network.marks[order]
    torch.testing.assert_close(moved.step(z[:, order], context), expected, **TIGHT)


def test_points_of_a_local_network_are_exchangeable_with_their_particles(rng):
    network, clouds = NETWORKS["local"]().double(), clouds_of(rng, [7])
    order = torch.as_tensor(rng.permutation(7))
    mixed = PointCloudBatch(clouds.points[:, order], weights=clouds.weights[:, order])
    torch.testing.assert_close(states(network, mixed), states(network, clouds)[:, order], **TIGHT)


@pytest.mark.parametrize("name", ["anchored", "completion"])
def test_the_first_particles_are_a_network_of_their_own(network, rng):
    context = network.encode(clouds_of(rng, [7, 4]))
    few = copy.deepcopy(network)
    few.particles.first.data = network.particles.first.data[:3]
    few.particles.anchors.data = network.marks[:3]
    expected = few.step(few.start(context), context)
    assert torch.equal(network.step(network.start(context)[:, :3], context), expected)


@pytest.mark.parametrize("name", ["anchored", "completion"])
def test_more_particles_than_marks_are_refused(name, rng):
    network = NETWORKS[name](particles=1).double()
    context = network.encode(clouds_of(rng, [4]))
    with pytest.raises(IncompatibleError, match="2 particles cannot have 1 anchors"):
        network.step(network.start(context).repeat(1, 2, 1), context)


@pytest.mark.parametrize("name", ["anchored", "no anchors", "completion", "local"])
def test_images_have_mean_zero_and_the_length_of_a_normalised_vector(network, rng):
    clouds = clouds_of(rng, [7, 7])
    z = states(network, clouds)
    torch.testing.assert_close(z.mean(-1), torch.zeros_like(z[..., 0]), **TIGHT)
    torch.testing.assert_close(z.square().mean(-1), torch.ones_like(z[..., 0]), rtol=0, atol=1e-3)  # its epsilon


@torch.no_grad()
@pytest.mark.parametrize("name", ["paper", "no anchors"])
def test_particles_without_marks_end_in_one_place(network, rng):
    assert spread(states(network, clouds_of(rng, [20, 9]), steps=300)).max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", ["anchored", "completion"])
def test_particles_with_marks_stay_apart(network, rng):
    z = states(network, clouds_of(rng, [20, 9]), steps=300)
    assert spread(z).min() > 0.005  # before any training, which widens it


def spread(z):
    return (z - z.mean(1, keepdim=True)).flatten(1).norm(dim=1) / z.flatten(1).norm(dim=1)


# Contexts


@ALL
def test_the_context_of_some_rows_is_that_of_those_clouds(network, rng):
    clouds, rows = clouds_of(rng, [7, 4, 6, 2]), torch.tensor([2, 0])
    picked = network.encode(clouds).index(rows)
    direct = network.encode(PointCloudBatch(clouds.points[rows], clouds.mask[rows], clouds.weights[rows]))
    torch.testing.assert_close(network.start(picked), network.start(direct), rtol=0, atol=0)
    z = network.start(picked)
    torch.testing.assert_close(network.step(z, picked), network.step(z, direct), **TIGHT)


@ALL
def test_contexts_are_frozen_and_a_mask_picks_rows_too(network, rng):
    context = network.encode(clouds_of(rng, [5, 3]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(context, dataclasses.fields(context)[0].name, None)
    assert len(network.start(context.index(torch.tensor([False, True])))) == 1


@ALL
def test_padded_points_get_no_gradient(network, rng):
    clouds = clouds_of(rng, [7, 4])
    points = clouds.points.clone().requires_grad_()
    statistics(network, PointCloudBatch(points, clouds.mask, clouds.weights)).square().sum().backward()
    assert points.grad.isfinite().all()
    assert not points.grad[~clouds.mask].any()
    assert points.grad[clouds.mask].any()


def with_masses(clouds):
    """Each cloud as points beside their masses, (m, d + 1)."""
    pairs = zip(clouds.clouds(), clouds.weights, strict=True)
    return [torch.cat([points, masses[: len(points), None]], 1) for points, masses in pairs]


def half(cloud):
    return torch.cat([cloud[:, :-1], cloud[:, -1:] / 2], 1)


def batch(clouds):
    return PointCloudBatch.from_list([cloud[:, :-1] for cloud in clouds], [cloud[:, -1] for cloud in clouds])
