"""Laws of the parameters of networks: how many, where from, and that all of them learn."""

from __future__ import annotations

import pytest
import torch
from point_networks import NETWORKS, clouds_of, states
from torch.nn.attention import SDPBackend, sdpa_kernel

from continuum.compute import AnchoredNetwork, PaperNetwork

ALL = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture
def network(name):
    return NETWORKS[name]().double()


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@ALL
def test_a_gradient_reaches_every_parameter_but_the_biases_of_keys(network, rng):
    clouds = clouds_of(rng, [7, 4])
    z = states(network, clouds)
    (z * torch.as_tensor(rng.normal(size=z.shape))).sum().backward()
    for where, parameter in network.named_parameters():
        if where.endswith("keys.bias"):  # adds the same to all scores of a query, which a softmax does not see
            assert parameter.grad.abs().max() < 1e-10, where
        else:
            assert parameter.grad.abs().max() > 1e-10, where


@ALL
def test_the_jacobian_can_be_differentiated_with_the_math_kernel(network, rng):
    context = network.encode(clouds_of(rng, [5, 3]))
    z = network.start(context).detach().clone().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):
        image = network.step(z, context)
    (pulled,) = torch.autograd.grad(image, z, torch.as_tensor(rng.normal(size=z.shape)), create_graph=True)
    pulled.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (PaperNetwork(2), 771_824),
        (PaperNetwork(3, cross_layers=3), 1_168_384),
        (AnchoredNetwork(2), 124_864),
        (NETWORKS["local"](width=32), 8_672),
    ],
    ids=["paper, images", "paper, objects", "anchored", "local"],
)
def test_networks_have_the_sizes_that_were_measured(network, expected):
    """The released code has 773,114 and 1,173,544 with heads to 10 and 40 classes; the recipes 125,514 and 8,705."""
    assert parameters(network) == expected


@ALL
def test_a_seed_says_all_and_global_randomness_is_left_alone(name):
    before = torch.random.get_rng_state()
    one, same, other = (NETWORKS[name](seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@ALL
def test_a_state_dict_is_all_there_is(name, rng):
    clouds = clouds_of(rng, [5, 3])
    one, other = (NETWORKS[name](seed=seed).double() for seed in (1, 2))
    other.load_state_dict(one.state_dict())
    assert torch.equal(states(one, clouds), states(other, clouds))


@ALL
def test_it_is_the_same_function_in_training_and_in_evaluation(network, rng):
    clouds = clouds_of(rng, [5, 3])
    assert torch.equal(states(network.train(), clouds), states(network.eval(), clouds))
    with torch.no_grad():
        torch.testing.assert_close(states(network, clouds), states(network.train(), clouds), rtol=0, atol=1e-12)


@ALL
def test_float32_agrees_with_float64_and_types_follow_the_network(name, rng):
    network, clouds = NETWORKS[name](), clouds_of(rng, [7, 4])
    single = states(network, clouds.to(torch.float32))
    assert single.dtype == torch.float32
    double = states(network.to(torch.float64), clouds)
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-4)
