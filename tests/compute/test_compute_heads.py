"""Laws of heads: what they read does not depend on the order of particles, and padding has no say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from continuum.compute.heads import ClassificationHead, CompletionHead, MaxHead, PointHead
from continuum.core import InvalidInputError

HEADS = {"mean": ClassificationHead, "max": MaxHead, "points": PointHead, "completion": CompletionHead}
ALL = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
POOLED = pytest.mark.parametrize("head", [ClassificationHead, MaxHead])


@pytest.fixture
def z(rng):
    return torch.as_tensor(rng.normal(size=(2, 5, 8)))


def with_masses(*masses):
    return SimpleNamespace(masses=torch.tensor(masses, dtype=torch.float64))


@POOLED
def test_pooled_heads_do_not_see_the_order_of_particles(head, z, rng):
    head, order = head(8, 3).double(), torch.as_tensor(rng.permutation(5))
    torch.testing.assert_close(head(z[:, order], None), head(z, None), rtol=0, atol=1e-13)


@POOLED
def test_particles_of_mass_zero_have_no_say(head, z):
    head, context = head(8, 3).double(), with_masses([0.5, 0.25, 0.25, 0, 0], [0.2] * 5)
    alone = head(z[:1, :3], with_masses([0.5, 0.25, 0.25]))
    torch.testing.assert_close(head(z, context)[:1], alone, rtol=0, atol=1e-13)


@POOLED
def test_equal_masses_are_no_masses(head, z):
    head = head(8, 3).double()
    torch.testing.assert_close(head(z, with_masses([0.2] * 5, [0.2] * 5)), head(z, None), rtol=0, atol=1e-13)


def test_the_mean_and_the_largest_entries_are_what_is_read(z):
    mean, largest = ClassificationHead(8, 3).double(), MaxHead(8, 3).double()
    torch.testing.assert_close(mean(z, None), mean.out(z).mean(1), rtol=0, atol=1e-13)
    torch.testing.assert_close(largest(z, None), largest.out(z.max(1).values), rtol=0, atol=1e-13)


@pytest.mark.parametrize("head", [PointHead, CompletionHead])
def test_heads_of_particles_read_each_alone(head, z):
    head = head(8, 2).double()
    torch.testing.assert_close(head(z, None)[:, 1:2], head(z[:, 1:2], None), rtol=0, atol=1e-13)


@pytest.mark.parametrize("head", [ClassificationHead(8, 3), MaxHead(8, 3), PointHead(8, 3)])
def test_probabilities_of_classes_sum_to_one(head, z):
    head = head.double()
    probabilities = head.probabilities(head(z, None))
    torch.testing.assert_close(probabilities.sum(-1), torch.ones_like(probabilities[..., 0]))
    assert torch.equal(probabilities.argmax(-1), head(z, None).argmax(-1))


def test_one_logit_is_the_probability_of_yes_and_places_are_themselves(z):
    head = PointHead(8).double()
    logits = head(z, None)
    assert logits.shape == (2, 5, 1)
    assert torch.equal(head.probabilities(logits), logits.sigmoid())
    assert torch.equal(CompletionHead(8, 2).probabilities(z), z)


@ALL
def test_a_seed_says_all_and_global_randomness_is_left_alone(head):
    before = torch.random.get_rng_state()
    one, same, other = (head(8, 3, seed=seed).out.weight for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_linear_head_of_the_paper_has_1290_parameters():
    assert sum(parameter.numel() for parameter in ClassificationHead(128, 10).parameters()) == 1290


@ALL
@pytest.mark.parametrize(("width", "outputs", "seed"), [(0, 3, 0), (8, 0, 0), (8, "3", 0), (8, 2.5, 0), (8, 3, -1)])
def test_wrong_sizes_and_seeds_are_refused(head, width, outputs, seed):
    with pytest.raises(InvalidInputError, match="got"):
        head(width, outputs, seed=seed)
