"""Squared distances of pairs: exact for near and for far points, with every derivative."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.measures.pairwise import joined, squared_distances, weighted_differences


def brute_force(x, y):
    return (x[..., :, None, :] - y[..., None, :, :]).square().sum(-1)


@pytest.fixture
def clouds(rng):
    return (torch.tensor(rng.normal(size=(2, n, 3))) for n in (6, 5))


def test_squared_distances_are_exact_at_any_distance(clouds):
    x, y = clouds
    y[:, 0] = x[:, 0] + 1e-9  # the expanded square knows nothing of this difference
    torch.testing.assert_close(squared_distances(x, y), brute_force(x, y), rtol=1e-12, atol=0)


def test_points_within_their_rounding_are_one(clouds):
    x, _ = clouds
    assert (squared_distances(x, x * (1 + 4e-16)).diagonal(dim1=-2, dim2=-1) == 0).all()
    assert (squared_distances(x, x * (1 + 4e-14)).diagonal(dim1=-2, dim2=-1) > 0).all()


def test_first_and_second_derivatives_are_those_of_differences(clouds, rng):
    x, y = (part.requires_grad_() for part in clouds)
    weights = torch.tensor(rng.normal(size=(2, 6, 5)))
    found, expected = ((weights * f(x, y).square()).sum() for f in (squared_distances, brute_force))
    for side in (x, y):
        first = [torch.autograd.grad(value, side, create_graph=True)[0] for value in (found, expected)]
        torch.testing.assert_close(*first, rtol=1e-12, atol=1e-12)
        second = [torch.autograd.grad(part.square().sum(), x, retain_graph=True)[0] for part in first]
        torch.testing.assert_close(*second, rtol=1e-11, atol=1e-11)


def test_forward_derivatives_are_those_of_differences(clouds):
    x, y = clouds
    found, expected = (
        torch.func.jvp(lambda z, f=f: f(z, y), (x,), (x.cos(),))[1] for f in (squared_distances, brute_force)
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_weighted_differences_are_sums_of_differences(clouds, rng):
    x, y = clouds
    weights = torch.tensor(rng.normal(size=(2, 6, 5)))
    expected = (weights[..., None] * (x[:, :, None] - y[:, None])).sum(2)
    torch.testing.assert_close(weighted_differences(weights, x, y), expected, rtol=1e-12, atol=1e-12)


def test_clouds_are_joined_around_their_barycentre(clouds, rng):
    x, y = clouds
    a, b = (torch.tensor(rng.dirichlet(np.ones(n), size=2)) for n in (6, 5))
    points, sides, centre = joined(x, y, a, b)
    torch.testing.assert_close(points + centre, torch.cat([x, y], 1))
    torch.testing.assert_close(sides.sum(1), torch.ones(2, 2, dtype=torch.float64))
    torch.testing.assert_close((sides.sum(-1, keepdim=True) * points).sum(1), torch.zeros(2, 3, dtype=torch.float64))
