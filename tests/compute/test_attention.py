"""Laws of attention over weighted measures, and of weights from a generator."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from continuum.compute.layers import Attention, KeysValues, PostNormBlock, PreNormBlock, initialise, log_masses
from continuum.core import IncompatibleError, InvalidInputError

BLOCKS = [lambda: PreNormBlock(8, 2, 12), lambda: PostNormBlock(8, 2, 12)]


def drawn(make, seed=0):
    with torch.device("meta"):
        module = make()
    return initialise(module, torch.Generator().manual_seed(seed)).double()


def normal(rng, *shape):
    return torch.as_tensor(rng.normal(size=shape))


def masses(rng, *shape):
    weights = torch.as_tensor(rng.uniform(0.5, 2, size=shape))
    return weights / weights.sum(-1, keepdim=True)


def looked(attention, x, points, weights):
    return attention(x, attention.keys_values(points, log_masses(weights)))


def test_attention_is_the_mean_of_values_under_masses_times_exponentials(rng):
    attention = drawn(lambda: Attention(8, 2))
    x, points, weights = normal(rng, 2, 3, 8), normal(rng, 2, 5, 8), masses(rng, 2, 5)
    parts = []
    for head in (slice(0, 4), slice(4, 8)):
        q, k, v = (
            layer(y)[..., head]
            for layer, y in ((attention.queries, x), (attention.keys, points), (attention.values, points))
        )
        scores = weights[:, None] * (q @ k.mT / 2).exp()  # 2 is the root of the width of a head
        parts.append(scores / scores.sum(2, keepdim=True) @ v)
    expected = attention.out(torch.cat(parts, 2))
    torch.testing.assert_close(looked(attention, x, points, weights), expected, rtol=0, atol=1e-13)


def test_equal_masses_are_no_masses(rng):
    attention, x, points = drawn(lambda: Attention(8, 2)), normal(rng, 2, 3, 8), normal(rng, 2, 5, 8)
    plain = attention(x, attention.keys_values(points))
    weighed = looked(attention, x, points, torch.full((2, 5), 0.2, dtype=torch.float64))
    torch.testing.assert_close(weighed, plain, rtol=0, atol=1e-13)


def test_a_point_counts_as_two_of_half_its_mass(rng):
    attention, x, points = drawn(lambda: Attention(8, 2)), normal(rng, 2, 3, 8), normal(rng, 2, 5, 8)
    weights = masses(rng, 2, 5)
    halves = torch.cat([weights[:, :1] / 2, weights[:, 1:], weights[:, :1] / 2], 1)
    split = looked(attention, x, torch.cat([points, points[:, :1]], 1), halves)
    torch.testing.assert_close(split, looked(attention, x, points, weights), rtol=0, atol=1e-13)


def test_a_point_of_mass_zero_is_not_seen_and_gets_no_gradient(rng):
    attention, x = drawn(lambda: Attention(8, 2)), normal(rng, 1, 3, 8)
    points = normal(rng, 1, 5, 8).requires_grad_()
    weights = torch.tensor([[0.5, 0.0, 0.2, 0.3, 0.0]], dtype=torch.float64, requires_grad=True)
    found = looked(attention, x, points, weights)
    seen = [0, 2, 3]
    expected = looked(attention, x, points[:, seen], weights[:, seen])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    found.square().sum().backward()
    assert not points.grad[:, [1, 4]].any()
    assert weights.grad.isfinite().all()


def test_keys_and_values_of_some_samples_are_those_of_the_samples(rng):
    attention, points, weights = drawn(lambda: Attention(8, 2)), normal(rng, 4, 5, 8), masses(rng, 4, 5)
    rows = torch.tensor([2, 0])
    seen = attention.keys_values(points, log_masses(weights)).index(rows)
    expected = attention.keys_values(points[rows], log_masses(weights[rows]))
    for name in ("keys", "values", "bias"):
        torch.testing.assert_close(getattr(seen, name), getattr(expected, name), rtol=0, atol=1e-14)
    assert len(seen) == 2
    assert attention.keys_values(points).index(rows).bias is None


def test_joined_measures_are_one_measure(rng):
    attention, x = drawn(lambda: Attention(8, 2)), normal(rng, 2, 3, 8)
    points, weights = normal(rng, 2, 5, 8), masses(rng, 2, 5)
    first, second = (attention.keys_values(points[:, part], log_masses(weights[:, part])) for part in HALVES)
    expected = looked(attention, x, points, weights)
    torch.testing.assert_close(attention(x, first.joined(second)), expected, rtol=0, atol=1e-13)
    with pytest.raises(IncompatibleError, match="give both of them a bias"):
        first.joined(KeysValues(second.keys, second.values))


HALVES = (slice(0, 2), slice(2, 5))


@pytest.mark.parametrize("make", BLOCKS)
def test_blocks_are_equivariant_and_do_not_see_padding(make, rng):
    block, x, weights = drawn(make), normal(rng, 1, 5, 8), masses(rng, 1, 5)
    attend = block.among if isinstance(block, PostNormBlock) else block
    found = attend(x, log_masses(weights))
    order = torch.as_tensor(rng.permutation(5))
    torch.testing.assert_close(attend(x[:, order], log_masses(weights[:, order])), found[:, order], rtol=0, atol=1e-13)
    padded = torch.cat([x, normal(rng, 1, 3, 8)], 1)
    beside = attend(padded, log_masses(functional.pad(weights, (0, 3))))
    torch.testing.assert_close(beside[:, :5], found, rtol=0, atol=1e-13)


def test_second_derivatives_exist_with_the_math_kernel(rng):
    attention, x = drawn(lambda: Attention(8, 2)), normal(rng, 2, 3, 8).requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):
        found = attention(x, attention.keys_values(x))
    (once,) = torch.autograd.grad(found.square().sum(), x, create_graph=True)
    (twice,) = torch.autograd.grad(once.square().sum(), x)
    assert twice.abs().max() > 0


# Weights


@pytest.mark.parametrize("make", [lambda: nn.Linear(50, 400), lambda: nn.Bilinear(30, 40, 20)])
def test_weights_have_the_distribution_that_torch_gives_them(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        usual = make()
    ours = drawn(make)
    for mine, theirs in zip(ours.parameters(), usual.parameters(), strict=True):
        bound = theirs.abs().max()
        assert mine.shape == theirs.shape
        assert 0.9 * bound < mine.abs().max() < 1.1 * bound
        assert abs(mine.mean()) < bound / mine.numel() ** 0.5 * 2.5  # four standard errors of a uniform mean


def test_a_module_that_exists_is_drawn_in_place():
    with torch.random.fork_rng():
        layer = nn.Linear(3, 4)
    weight = layer.weight
    assert initialise(layer, torch.Generator().manual_seed(1)) is layer
    assert layer.weight is weight
    torch.testing.assert_close(layer.double().weight, drawn(lambda: nn.Linear(3, 4), seed=1).weight)


def test_normalising_layers_start_as_they_do_in_torch():
    norm = drawn(lambda: nn.LayerNorm(4))
    assert norm.weight.tolist() == [1] * 4
    assert norm.bias.tolist() == [0] * 4


def test_parameters_without_a_rule_are_refused():
    with pytest.raises(InvalidInputError, match="no rule to draw a Conv1d"):
        drawn(lambda: nn.Sequential(nn.Linear(2, 2), nn.Conv1d(2, 2, 1)))


@pytest.mark.parametrize(("width", "heads"), [(6, 4), (0, 1), (4, 0), (2.5, 1), (4, True)])
def test_sizes_that_no_attention_has_are_refused(width, heads):
    with pytest.raises(InvalidInputError, match=r"`width`|`heads`"):
        Attention(width, heads)
