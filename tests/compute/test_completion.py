"""Laws of completion: known points never move, and completed clouds are measures."""

from __future__ import annotations

import pytest
import torch
from point_networks import clouds_of, states

from continuum.compute import PointCloudBatch
from continuum.compute.completion import CompletionNetwork, completed
from continuum.compute.heads import CompletionHead
from continuum.core import IncompatibleError, InvalidInputError


def test_known_points_are_kept_bit_for_bit_and_in_front(rng):
    partial, free = clouds_of(rng, [7, 4]), torch.as_tensor(rng.normal(size=(2, 3, 3)))
    cloud = completed(partial, free)
    assert torch.equal(cloud.points[:, :7], partial.points)
    assert torch.equal(cloud.points[:, 7:], free)
    assert cloud.counts.tolist() == [10, 7]


def test_the_completed_measure_is_the_mixture_of_known_and_free(rng):
    partial, free = clouds_of(rng, [7, 4]), torch.as_tensor(rng.normal(size=(2, 3, 3)))
    cloud = completed(partial, free, share=0.25)
    torch.testing.assert_close(cloud.mean, 0.75 * partial.mean + 0.25 * free.mean(1), rtol=0, atol=1e-14)
    torch.testing.assert_close(cloud.weights.sum(1), torch.ones(2).double(), rtol=0, atol=1e-14)


def test_by_default_free_points_weigh_as_if_there_were_0_275_for_each_known():
    cloud = completed(PointCloudBatch(torch.zeros(1, 40, 2)), torch.ones(1, 11, 2))  # 11 = 0.275 * 40
    torch.testing.assert_close(cloud.weights, torch.full((1, 51), 1 / 51))


def test_a_gradient_goes_to_free_points_alone(rng):
    partial, free = clouds_of(rng, [7, 4]), torch.zeros(2, 3, 3).double().requires_grad_()
    completed(partial, free).points.sum().backward()
    assert torch.equal(free.grad, torch.ones_like(free))


def test_free_particles_see_known_points_and_one_another_as_one_measure(rng):
    """Against attention written out over all points of the completed measure."""
    network, partial = CompletionNetwork(3, particles=4, share=0.3, width=16, heads=1).double(), clouds_of(rng, [5])
    z = torch.as_tensor(rng.normal(size=(1, 4, 16)))
    look, u = network.attention, network.particles.anchored(network.attention_norm(z))
    everything = torch.cat([network.encoder(partial), u], 1)
    masses = torch.cat([0.7 * partial.weights, torch.full((1, 4), 0.3 / 4, dtype=torch.float64)], 1)
    scores = masses[:, None] * (look.queries(u) @ look.keys(everything).mT / 4).exp()
    h = z + look.out(scores / scores.sum(2, keepdim=True) @ look.values(everything))
    expected = network.norm(h + network.feed_forward(h))
    torch.testing.assert_close(network.step(z, network.encode(partial)), expected, rtol=0, atol=1e-13)


def test_a_network_with_its_head_completes_clouds(rng):
    network, head, partial = (
        CompletionNetwork(3, particles=6).double(),
        CompletionHead(64, 3).double(),
        clouds_of(rng, [5, 2]),
    )
    cloud = completed(partial, head(states(network, partial), None), share=network.share)
    assert cloud.counts.tolist() == [11, 8]


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1, float("nan"), "0.2", None])
def test_a_share_that_leaves_one_part_without_mass_is_refused(share):
    with pytest.raises(InvalidInputError, match="`share`"):
        CompletionNetwork(2, share=share)
    with pytest.raises(InvalidInputError, match="`share`"):
        completed(PointCloudBatch(torch.zeros(1, 2, 2)), torch.ones(1, 1, 2), share=share)


@pytest.mark.parametrize("shape", [(2, 3, 2), (1, 3, 3), (1, 3), (1, 0, 2)])
def test_points_that_do_not_fit_are_refused(shape):
    with pytest.raises(IncompatibleError, match="cannot be completed"):
        completed(PointCloudBatch(torch.zeros(1, 2, 2)), torch.ones(shape))


def test_points_that_are_not_finite_are_refused():
    with pytest.raises(InvalidInputError, match="NaN"):
        completed(PointCloudBatch(torch.zeros(1, 2, 2)), torch.full((1, 1, 2), torch.nan))
