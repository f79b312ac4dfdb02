"""Kernels: their values, and slopes that are their derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import InvalidInputError
from continuum.measures import Gaussian, Kernel, Laplace, Riesz

KERNELS = [Gaussian(0.7), Laplace(1.3), Riesz(), Riesz(0.4), Riesz(1.8)]
SMOOTH, SHARP = KERNELS[:1], KERNELS[1:]


@dataclass(frozen=True)
class InverseMultiquadric:
    """A kernel of somebody else: no base class, no registration."""

    def value(self, squared):
        return (1 + squared).rsqrt()

    def slope(self, squared):
        return -((1 + squared) ** -1.5)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (Gaussian(0.5), math.exp(-(3.0**2) / (2 * 0.5**2))),
        (Laplace(0.5), math.exp(-3.0 / 0.5)),
        (Riesz(), -3.0),
        (Riesz(1.5), -(3.0**1.5)),
    ],
)
def test_values_are_those_of_the_formulas_at_a_distance_of_3(kernel, expected):
    assert float(kernel.value(torch.tensor(9.0, dtype=torch.float64))) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("kernel", "expected"), [(Gaussian(2.0), 1.0), (Laplace(2.0), 1.0), (Riesz(), 0.0)])
def test_a_point_and_itself_have_the_value_at_0(kernel, expected):
    assert float(kernel.value(torch.zeros(()))) == expected


@pytest.mark.parametrize("kernel", [*KERNELS, InverseMultiquadric()])
@given(distance=st.floats(1e-3, 5))
def test_the_slope_is_the_derivative_over_the_distance(kernel, distance):
    r = torch.tensor(distance, dtype=torch.float64, requires_grad=True)
    (derivative,) = torch.autograd.grad(kernel.value(r.square()), r)
    slope = kernel.slope(r.detach().square())
    assert float(slope) == pytest.approx(float(derivative) / distance, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("kernel", SHARP)
def test_a_kink_at_0_has_slope_and_derivatives_0(kernel):
    squared = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    assert kernel.slope(squared.detach()).tolist() == [0.0, 0.0]
    (first,) = torch.autograd.grad(kernel.value(squared).sum(), squared, create_graph=True)
    assert first.tolist() == [0.0, 0.0]
    (second,) = torch.autograd.grad(first.sum(), squared)
    assert second.tolist() == [0.0, 0.0]


def test_a_smooth_kernel_has_its_slope_at_0():
    assert float(Gaussian(2.0).slope(torch.zeros(()))) == -0.25


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_that_of_the_distances(kernel, dtype):
    squared = torch.ones(3, dtype=dtype)
    assert kernel.value(squared).dtype == kernel.slope(squared).dtype == dtype


def test_whatever_has_both_methods_is_a_kernel():
    assert all(isinstance(kernel, Kernel) for kernel in (*KERNELS, InverseMultiquadric()))


@pytest.mark.parametrize("sigma", [0, -1.0, float("nan"), float("inf"), True])
@pytest.mark.parametrize("kind", [Gaussian, Laplace])
def test_a_bandwidth_is_positive_and_finite(kind, sigma):
    with pytest.raises(InvalidInputError, match="`sigma` must be positive and finite"):
        kind(sigma)


@pytest.mark.parametrize("r", [0, -1, float("nan")])
def test_a_power_is_positive(r):
    with pytest.raises(InvalidInputError, match="`r` must be positive and finite"):
        Riesz(r)


@pytest.mark.parametrize("r", [2, 3.5])
def test_a_power_is_below_2(r):
    with pytest.raises(InvalidInputError, match=r"`r` must be below 2, .* equal means"):
        Riesz(r)
