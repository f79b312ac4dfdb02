"""Attractors of latent fields: known ones are found, with their basins, and what does not rest is said not to."""

import pytest
import torch
from torch import nn

from continuum.compute import Budget, LatentField, Picard, attractors
from continuum.core import InvalidInputError


def starts(n, p, seed=0):
    return torch.randn(n, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_field_is_decoding_and_encoding_again():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder, decoder = nn.Linear(5, 2).double(), nn.Linear(2, 5).double()
    field = LatentField(encoder, decoder)
    z = starts(3, 2)
    torch.testing.assert_close(field(z), encoder(decoder(z)))
    torch.testing.assert_close(field.velocity(z), encoder(decoder(z)) - z)


def test_a_linear_contraction_has_one_attractor_for_all_starts():
    a = torch.tensor([[0.5, 0.2], [-0.1, 0.4]], dtype=torch.float64)
    b = torch.tensor([1.0, -2.0], dtype=torch.float64)
    found = attractors(LatentField(lambda x: x + b, lambda z: z @ a.T), starts(20, 2))
    assert found.points.shape == (1, 2)
    torch.testing.assert_close(found.points[0], torch.linalg.solve(torch.eye(2) - a, b), rtol=1e-3, atol=1e-3)
    assert found.counts.tolist() == [20]
    assert found.rests.all()


def test_projection_onto_memories_has_them_as_attractors():
    """Each code goes half way to the nearest of three memories, as in an autoencoder that knows no others."""
    memories = torch.tensor([[3.0, 0.0], [-3.0, 1.0], [0.0, -4.0]], dtype=torch.float64)

    def field(z):
        return 0.5 * z + 0.5 * memories[torch.cdist(z, memories).argmin(1)]

    z = 3 * starts(60, 2)
    found = attractors(field, z)
    nearest = torch.cdist(z, memories).argmin(1)
    assert found.counts.tolist() == sorted(found.counts.tolist(), reverse=True)
    for place, basin in zip(found.points, range(3), strict=True):
        memory = torch.cdist(place[None], memories).argmin()
        torch.testing.assert_close(place, memories[memory], rtol=1e-3, atol=1e-3)
        assert torch.equal(found.basin == basin, nearest == memory)


def test_a_repelling_place_is_no_attractor():
    found = attractors(lambda z: torch.tanh(2 * z), torch.tensor([[1e-3], [-1e-3]]))
    assert found.points.abs().min() > 0.9


def test_what_turns_for_ever_does_not_come_to_rest():
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    found = attractors(lambda z: z @ turn.T, starts(4, 2), budget=Budget(Picard(), 1e-5, 50))
    assert not found.rests.any()
    assert found.points.shape == (0, 2)
    assert found.basin.tolist() == [-1] * 4


def test_bad_starts_and_options_are_refused():
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        attractors(torch.tanh, torch.tensor([[torch.nan]]))
    with pytest.raises(InvalidInputError, match="`merge` must be positive"):
        attractors(torch.tanh, torch.zeros(1, 1), merge=0)
