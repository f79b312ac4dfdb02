"""Laws of the local network: news travels one hop with each application, and nothing else enters."""

from __future__ import annotations

import pytest
import torch
from point_networks import states

from continuum.compute import PointCloudBatch
from continuum.compute.local_network import LocalNetwork
from continuum.core import IncompatibleError, InvalidInputError


def chain(points, flagged=0):
    """Points in a row at distance 1, one of them flagged."""
    cloud = torch.zeros(1, points, 3, dtype=torch.float64)
    cloud[0, :, 0] = torch.arange(points)
    cloud[0, flagged, 2] = 1
    return cloud


@pytest.fixture
def network():
    return LocalNetwork(radius=1.1).double()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_after_k_steps_a_point_knows_what_is_within_k_hops_and_nothing_else(network, steps):
    told = states(network, PointCloudBatch(chain(9, flagged=0)), steps)
    silent = states(network, PointCloudBatch(chain(9) * torch.tensor([1, 1, 0])), steps)
    knows = (told != silent).any(-1)[0]
    assert knows.tolist() == [hops <= steps for hops in range(9)]


def test_points_apart_never_hear_of_each_other(network):
    near, far = chain(4), chain(4, flagged=2)
    far[..., 1] += 1.2  # beyond the radius
    both = states(network, PointCloudBatch(torch.cat([near, far], 1)), 20)
    torch.testing.assert_close(both[:, :4], states(network, PointCloudBatch(near), 20), rtol=0, atol=1e-12)


def test_motions_of_the_plane_change_nothing(network, rng):
    cloud = chain(6, flagged=3)
    cloud[..., :2] += torch.as_tensor(rng.normal(size=(1, 6, 2)) * 0.02)
    turned = cloud.clone()
    angle = torch.tensor(0.7)
    turn = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]], dtype=torch.float64)
    turned[..., :2] = cloud[..., :2] @ turn + torch.tensor([100.0, -40.0])
    assert torch.equal(states(network, PointCloudBatch(turned)), states(network, PointCloudBatch(cloud)))


def test_coordinates_get_no_gradient_and_flags_do(network):
    cloud = chain(5).requires_grad_()
    states(network, PointCloudBatch(cloud))[..., 0].sum().backward()
    assert not cloud.grad[..., :2].any()
    assert cloud.grad[..., 2].any()


def test_padded_particles_stay_zero_and_get_no_gradient(network):
    mask = torch.tensor([[True, True, True, False, False]])
    context = network.encode(PointCloudBatch(chain(5), mask))
    z = network.start(context).detach().clone().requires_grad_()
    image = network.step(z, context)
    assert not image[0, 3:].any()
    image.square().sum().backward()
    assert not z.grad[0, 3:].any()
    assert z.grad.isfinite().all()


def test_a_point_of_mass_zero_sees_its_neighbours_and_a_lonely_one_itself(network):
    cloud = chain(4)
    cloud[0, 3, 0] = 9
    weights = torch.tensor([[0.5, 0.5, 0.0, 0.0]], dtype=torch.float64)
    context = network.encode(PointCloudBatch(cloud, weights=weights))
    seen = context.bias[0, 0].isfinite()
    assert seen.tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, True, False, False],
        [False, False, False, True],
    ]
    assert states(network, PointCloudBatch(cloud, weights=weights)).isfinite().all()


def test_points_cannot_share_particles(network):
    context = network.encode(PointCloudBatch(chain(5)))
    with pytest.raises(IncompatibleError, match=r"must be \(1, 5, 32\), got \(1, 1, 32\)"):
        network.step(network.start(context)[:, :1], context)


def test_a_last_coordinate_that_is_no_flag_is_refused(network):
    with pytest.raises(InvalidInputError, match=r"flag, in \[0, 1\], got values from 0 to 4"):
        network.encode(PointCloudBatch(chain(5) * 4))
