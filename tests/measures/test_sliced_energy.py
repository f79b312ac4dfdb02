"""The sliced energy distance: exact on a line, unbiased elsewhere, with gradients that do not see the order of ties."""

from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import IncompatibleError, InvalidInputError, ResourceError, rng_for
from continuum.measures import mmd2, mmd_gradients, sliced_energy
from continuum.measures.sliced import orthogonal_directions


def pair(rng, n=40, m=30, d=3, batch=()):
    """Two batches of weighted clouds."""
    x, y = rng.normal(size=(*batch, n, d)), rng.normal(size=(*batch, m, d)) + 0.5
    a, b = (rng.dirichlet(np.ones(k), size=batch or None) for k in (n, m))
    return tuple(torch.tensor(part) for part in (x, y, a, b))


@given(seed=st.integers(0, 2**32), n=st.integers(1, 9), m=st.integers(1, 9), grid=st.booleans())
def test_on_a_line_it_is_the_energy_with_its_gradients(seed, n, m, grid):
    x, y, a, b = pair(rng_for(seed), n, m, d=1)
    if grid:  # many points at one place
        x, y = x.round(), y.round()
    x, y = x.requires_grad_(), y.requires_grad_()
    found, exact = sliced_energy(x, y, a, b, projections=2).value, mmd2(x, y, a, b)
    assert float(found.detach()) == pytest.approx(float(exact.detach()), rel=1e-10, abs=1e-14)
    for by_found, by_exact in zip(*(torch.autograd.grad(value, (x, y)) for value in (found, exact)), strict=True):
        torch.testing.assert_close(by_found, by_exact, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("d", [2, 3, 20])
def test_it_is_within_three_standard_errors_of_the_energy(rng, d):
    given = pair(rng, d=d)
    found = sliced_energy(*given, projections=500)
    assert 0 < float(found.standard_error) < 0.05 * float(found.value)
    assert abs(float(found.value - mmd2(*given))) < 3 * float(found.standard_error)
    assert found.projections == 500


def test_its_mean_over_seeds_is_the_energy(rng):
    given = pair(rng)
    found = torch.stack([sliced_energy(*given, projections=3, seed=seed).value for seed in range(400)])
    assert abs(float(found.mean() - mmd2(*given))) < 3 * float(found.std()) / 20


def test_the_standard_error_is_that_of_other_seeds(rng):
    given = pair(rng)
    found = [sliced_energy(*given, projections=96, seed=seed) for seed in range(100)]
    spread = float(torch.stack([estimate.value for estimate in found]).std())
    claimed = float(torch.stack([estimate.standard_error for estimate in found]).mean())
    assert 0.7 < claimed / spread < 1.4


@pytest.mark.parametrize("d", [1, 2, 5])
def test_two_diracs_are_twice_their_distance_apart_in_the_mean(d):
    at = torch.zeros(1, d).double()
    found = sliced_energy(at, at + 1, projections=2000)
    assert float(found.value) == pytest.approx(2 * math.sqrt(d), abs=4 * float(found.standard_error) + 1e-12)


def test_equal_measures_have_no_energy_and_no_gradient_however_they_are_written(rng):
    x, _, a, _ = pair(rng)
    order = torch.tensor(rng.permutation(40))
    split = torch.cat([x, x[:3]]), torch.cat([a[:3] / 3, a[3:], a[:3] * 2 / 3])
    padded = torch.cat([x, torch.full((2, 3), 50.0)]), torch.cat([a, torch.zeros(2)])
    for y, b in ((x, a), (x[order], a[order]), split, padded):
        source = x.clone().requires_grad_()
        value = sliced_energy(source, y, a, b).value
        value.backward()
        assert 0 <= float(value.detach()) < 1e-12
        assert float(source.grad.abs().max()) < 1e-12


def test_in_float32_equal_measures_have_no_gradient(rng):
    """Their projections are equal but for rounding, which would order them at random."""
    x = torch.tensor(rng.normal(size=(43, 3)) + 100).float().requires_grad_()
    sliced_energy(x, x.detach()[torch.tensor(rng.permutation(43))]).value.backward()
    assert float(x.grad.norm()) < 1e-6  # one pair in the wrong order on one line is 2 / 43^2 / 128, or 8e-6


def test_gradients_are_central_differences(rng):
    x, y, a, b = pair(rng, 5, 4)
    x, step = x.requires_grad_(), 1e-6
    (found,) = torch.autograd.grad(sliced_energy(x, y, a, b).value, x)
    for i, k in itertools.product(range(5), range(3)):
        moved = x.detach().expand(2, -1, -1).clone()
        moved[:, i, k] += torch.tensor([step, -step])
        there, back = (float(sliced_energy(side, y, a, b).value) for side in moved)
        assert float(found[i, k]) == pytest.approx((there - back) / (2 * step), abs=1e-6)


def test_gradients_in_masses_are_right_too(rng):
    x, y, a, b = pair(rng, 5, 4)
    a = a.log().requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: sliced_energy(x, y, logits.softmax(-1), b).value, (a,))


def test_gradients_tend_to_those_of_the_energy(rng):
    x, y, a, b = pair(rng)
    (found,) = torch.autograd.grad(sliced_energy(x.requires_grad_(), y, a, b, projections=2000).value / 2, x)
    exact = a[:, None] * mmd_gradients(x.detach(), y, a, b).source
    assert float((found - exact).norm() / exact.norm()) < 0.03


def test_a_batch_is_its_pairs(rng):
    x, y, a, b = pair(rng, batch=(2, 3))
    found = sliced_energy(x, y, a, b, projections=100)
    assert found.value.shape == found.standard_error.shape == (2, 3)
    one = sliced_energy(x[1, 2], y[1, 2], a[1, 2], b[1, 2], projections=100)
    torch.testing.assert_close(found.value[1, 2], one.value)
    torch.testing.assert_close(found.standard_error[1, 2], one.standard_error)


def test_directions_in_parts_give_the_same(rng, monkeypatch):
    given = pair(rng)
    whole = sliced_energy(*given)
    # The package has the function under the name of its module.
    monkeypatch.setattr(importlib.import_module("continuum.measures.sliced_energy"), "_ENTRIES", 700)
    torch.testing.assert_close(sliced_energy(*given).value, whole.value)


def test_it_depends_on_the_seed_alone(rng):
    given = pair(rng)
    torch.manual_seed(1)
    first, second, other = (float(sliced_energy(*given, seed=seed).value) for seed in (4, 4, 5))
    assert first == second != other


def test_float32_and_autocast_keep_their_digits(rng):
    given = [part.float() for part in pair(rng)]
    with torch.autocast("cpu", torch.bfloat16):
        found = sliced_energy(*given)
    assert found.value.dtype == torch.float32
    assert float(found.value) == pytest.approx(float(sliced_energy(*(part.double() for part in given)).value), rel=1e-4)


@pytest.mark.parametrize("projections", [0, 1])
def test_too_few_projections_are_refused(projections):
    with pytest.raises(InvalidInputError, match="projections"):
        sliced_energy(torch.zeros(2, 2), torch.ones(2, 2), projections=projections)


@pytest.mark.parametrize(
    ("x", "a", "error", "message"),
    [
        (torch.full((2, 2), math.nan), None, InvalidInputError, "`x` has NaN"),
        (torch.zeros(0, 2), None, InvalidInputError, "`x` is empty"),
        (torch.zeros(2, 2), torch.tensor([1.5, -0.5]), InvalidInputError, "`a` must not be negative"),
        (torch.zeros(2, 3), None, IncompatibleError, "`x` has 3 features and `y` has 2"),
        (torch.zeros(4, 2, 2), None, IncompatibleError, "batches of different shape"),
    ],
)
def test_bad_clouds_are_refused(x, a, error, message):
    with pytest.raises(error, match=message):
        sliced_energy(x, torch.ones(3, 2), a)


def test_a_gradient_beyond_memory_is_refused_before_any_work():
    x = torch.randn(1000, 2, requires_grad=True)
    with pytest.raises(ResourceError, match="the gradient of 100000000 projections"):
        sliced_energy(x, x.detach(), projections=10**8)


def test_directions_are_those_of_sliced_transport(rng):
    """The estimate is the mean of the energies on them, times the constant of the dimension."""
    x, y, a, b = pair(rng, d=2)
    lines = orthogonal_directions(2, 10, rng_for(3, "directions"))
    energies = [float(mmd2(x @ line[:, None], y @ line[:, None], a, b)) for line in lines.T]
    found = float(sliced_energy(x, y, a, b, projections=10, seed=3).value)
    assert found == pytest.approx(math.pi / 2 * float(np.mean(energies)), rel=1e-10)  # c_2 = pi / 2
