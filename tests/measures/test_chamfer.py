"""The Chamfer distance: by hand, symmetric, blind to padding, and a loss."""

import pytest
import torch

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import chamfer


def cloud(n, seed, d=3):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_two_pairs_by_hand():
    x, y = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0]])
    assert float(chamfer(x, y)) == pytest.approx(((1 + 18**0.5) / 2 + 1) / 2)


def test_it_is_the_mean_of_nearest_distances():
    x, y = cloud(7, 0), cloud(5, 1)
    distances = torch.cdist(x, y)
    expected = (distances.amin(1).mean() + distances.amin(0).mean()) / 2
    torch.testing.assert_close(chamfer(x, y), expected)
    torch.testing.assert_close(chamfer(y, x), expected)
    assert float(chamfer(x, x.flip(0))) == 0


def test_points_without_mass_are_no_part_of_a_cloud():
    x, y = cloud(6, 0), cloud(4, 1)
    a = torch.tensor([0.5, 0.5, 0, 0, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(chamfer(x, y, a), chamfer(x[:2], y))
    torch.testing.assert_close(chamfer(x[None], y[None], a[None]), chamfer(x[:2], y)[None])


def test_its_gradient_pulls_to_the_nearest_point_and_is_finite_where_points_meet():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    y = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    chamfer(x, y).backward()
    torch.testing.assert_close(x.grad, torch.tensor([[0.0, 0.0], [0.0, 0.0]]))  # 1 is drawn to 0 and to 3 alike
    moved = torch.tensor([[0.1, 0.0], [1.0, 0.0]], requires_grad=True)
    chamfer(moved, y).backward()
    assert torch.isfinite(moved.grad).all()
    assert float(moved.grad[0, 0]) > 0


def test_bad_clouds_are_refused():
    with pytest.raises(InvalidInputError):
        chamfer(torch.zeros(0, 2), torch.zeros(1, 2))
    with pytest.raises(IncompatibleError):
        chamfer(torch.zeros(2, 2), torch.zeros(2, 3))
