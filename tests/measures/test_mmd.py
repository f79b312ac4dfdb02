"""The maximum mean discrepancy: exact values, gradients by three routes, one answer however a measure is written."""

from __future__ import annotations

import itertools
import math

import geomloss
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import IncompatibleError, InvalidInputError, ResourceError, rng_for
from continuum.measures import Gaussian, Laplace, Riesz, mmd2, mmd_gradients, witness_gradient
from continuum.measures import mmd as mmd_module
from continuum.measures.mmd import discrepancy2, discrepancy_gradients, discrepancy_with_gradients

KERNELS = [Gaussian(0.8), Laplace(1.3), Riesz(), Riesz(0.6), Riesz(1.7)]


def pair(rng, n=7, m=5, d=3, batch=()):
    """Two batches of weighted clouds."""
    x, y = rng.normal(size=(*batch, n, d)), rng.normal(size=(*batch, m, d)) + 0.5
    a, b = (rng.dirichlet(np.ones(k), size=batch or None) for k in (n, m))
    return tuple(torch.tensor(part) for part in (x, y, a, b))


def by_definition(x, y, a, b, kernel):
    """Of one pair, from all differences."""

    def mean(p, q, v, w):
        return v @ kernel.value((p[:, None] - q[None]).square().sum(-1)) @ w

    return mean(x, x, a, a) - 2 * mean(x, y, a, b) + mean(y, y, b, b)


def vector(values):
    return torch.tensor(values, dtype=torch.float64)


def points(*rows):
    return vector(rows)


# Values


@pytest.mark.parametrize("kernel", KERNELS)
def test_equal_measures_have_no_discrepancy_however_they_are_written(rng, kernel):
    x, _, a, _ = pair(rng)
    order = torch.tensor(rng.permutation(7))
    split = torch.cat([x, x[:3]]), torch.cat([a[:3] / 3, a[3:], a[:3] * 2 / 3])
    padded = torch.cat([x, torch.full((2, 3), 50.0)]), torch.cat([a, torch.zeros(2)])
    for y, b in ((x, a), (x[order], a[order]), split, padded):
        assert 0 <= float(mmd2(x, y, a, b, kernel=kernel)) < 1e-12


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (Riesz(), 2 * 5.0),
        (Riesz(1.5), 2 * 5.0**1.5),
        (Gaussian(3.0), 2 * (1 - math.exp(-25 / 18))),
        (Laplace(3.0), 2 * (1 - math.exp(-5 / 3))),
    ],
)
def test_two_diracs_have_the_discrepancy_of_the_formula(kernel, expected):
    assert float(mmd2(points([1.0, 1.0]), points([4.0, 5.0]), kernel=kernel)) == pytest.approx(expected, rel=1e-14)


def test_0_and_1_are_half_a_unit_of_energy_from_their_middle():
    assert float(mmd2(points([0.0], [1.0]), points([0.5]))) == 0.5


@given(seed=st.integers(0, 2**32), n=st.integers(1, 9), m=st.integers(1, 9))
def test_on_a_line_the_energy_is_twice_the_integral_of_the_squared_difference_of_distributions(seed, n, m):
    x, y, a, b = pair(rng_for(seed), n, m, d=1)
    jumps = torch.cat([x, y])[:, 0].sort().values
    excess = [(a[x[:, 0] <= t].sum() - b[y[:, 0] <= t].sum()) ** 2 for t in jumps[:-1]]
    integral = sum(float(e) * float(step) for e, step in zip(excess, jumps.diff(), strict=True))
    assert float(mmd2(x, y, a, b)) == pytest.approx(2 * integral, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_the_sum_of_the_definition_for_each_pair_of_a_batch(rng, kernel):
    x, y, a, b = pair(rng, batch=(2, 3))
    found = mmd2(x, y, a, b, kernel=kernel)
    assert found.shape == (2, 3)
    for row in itertools.product(range(2), range(3)):
        expected = by_definition(x[row], y[row], a[row], b[row], kernel)
        assert float(found[row]) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("kernel", "name"), [(Riesz(), "energy"), (Gaussian(0.8), "gaussian"), (Laplace(0.8), "laplacian")]
)
def test_geomloss_gives_half_of_it(rng, kernel, name):
    x, y, a, b = pair(rng)
    oracle = geomloss.SamplesLoss(name, blur=0.8, backend="tensorized")(a, x, b, y)
    # geomloss floors distances at 1e-4.
    assert 0.5 * float(mmd2(x, y, a, b, kernel=kernel)) == pytest.approx(float(oracle), abs=1e-3)


@pytest.mark.parametrize("kernel", KERNELS)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 6), m=st.integers(1, 6), d=st.integers(1, 4))
def test_it_is_symmetric_and_never_negative(kernel, seed, n, m, d):
    x, y, a, b = pair(rng_for(seed), n, m, d)
    there, back = mmd2(x, y, a, b, kernel=kernel), mmd2(y, x, b, a, kernel=kernel)
    assert float(there) >= 0
    assert float(there) == pytest.approx(float(back), rel=1e-10, abs=1e-14)


def test_masses_of_padding_are_0_and_the_default_is_uniform(rng):
    x, y, _, _ = pair(rng)
    wide, a = torch.cat([x, torch.zeros(3, 3)]), torch.tensor([1 / 7] * 7 + [0.0] * 3)
    assert float(mmd2(wide, y, a)) == pytest.approx(float(mmd2(x, y)), rel=1e-14)


@pytest.mark.parametrize("offset", [1e3, 1e8])
def test_an_offset_changes_nothing(rng, offset):
    # Coordinates are multiples of 1/8, so that adding the offset rounds nothing away.
    x, y = (torch.tensor(rng.integers(-16, 16, size=(n, 3)) / 8) for n in (7, 5))
    assert float(mmd2(x + offset, y + offset)) == pytest.approx(float(mmd2(x, y)), rel=1e-12)


def test_float32_keeps_its_digits_far_from_the_origin(rng):
    x, y = (torch.tensor(rng.integers(-16, 16, size=(n, 3)) / 8) for n in (70, 50))
    far = mmd2(x.float() + 1000, y.float() + 1000)
    assert far.dtype == torch.float32
    assert float(far) == pytest.approx(float(mmd2(x, y)), rel=1e-4)  # of a value 20 times smaller than its terms


def test_autocast_takes_no_digits(rng):
    x, y, a, b = (part.float() for part in pair(rng, 40, 30))
    with torch.autocast("cpu", torch.bfloat16):
        found, field = mmd2(x, y, a, b), mmd_gradients(x, y, a, b)
    torch.testing.assert_close(found, mmd2(x, y, a, b))
    torch.testing.assert_close(field, mmd_gradients(x, y, a, b))


def test_what_rounding_leaves_below_0_is_0_with_its_gradient(monkeypatch):
    """The energies are off by an ulp downwards here, as sums in another order may be."""
    true = mmd_module._energies

    def rounded(*given):
        xx, xy, yy = true(*given)
        return xx - 4e-16, xy, yy

    monkeypatch.setattr(mmd_module, "_energies", rounded)
    x = points([0.0], [1.0]).requires_grad_()
    value = mmd2(x, points([0.0], [1.0]))
    assert float(value.detach()) == 0
    value.backward()
    assert x.grad.tolist() == [[0.0], [0.0]]


def test_a_kernel_that_is_not_positive_definite_shows():
    class Upside:
        def value(self, squared):
            return -Gaussian(1.0).value(squared)

        def slope(self, squared):
            return -Gaussian(1.0).slope(squared)

    assert float(mmd2(points([0.0]), points([3.0]), kernel=Upside())) < -1


# The unbiased estimate


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("a", [[0.5, 0.5], [0.2, 0.8], [0.3, 0.7, 0.0]])
def test_the_unbiased_estimate_has_the_mean_of_the_populations(kernel, a):
    """Over all samples of two laws on a few points, each with its probability."""
    support, p, q = points([0.0, 0.0], [1.0, 0.0], [0.0, 2.0]), [0.5, 0.2, 0.3], [0.1, 0.6, 0.3]
    law = mmd2(support, support, vector(p), vector(q), kernel=kernel)
    mean = 0.0
    for first in itertools.product(range(3), repeat=2):
        for second in itertools.product(range(3), repeat=2):
            chance = math.prod([p[i] for i in first] + [q[j] for j in second])
            x = support[[*first, *[0] * (len(a) - 2)]]  # and padding
            b = vector([0.6, 0.4])
            mean += chance * float(mmd2(x, support[list(second)], vector(a), b, kernel=kernel, unbiased=True))
    assert mean == pytest.approx(float(law), rel=1e-12)


def test_the_unbiased_estimate_of_uniform_samples_divides_by_n_less_1(rng):
    x, y, _, _ = pair(rng)
    xx, xy, yy = (torch.cdist(p, q) for p, q in ((x, x), (x, y), (y, y)))
    expected = 2 * xy.mean() - xx.sum() / (7 * 6) - yy.sum() / (5 * 4)
    assert float(mmd2(x, y, unbiased=True)) == pytest.approx(float(expected), rel=1e-12)


def test_the_unbiased_estimate_may_be_negative(rng):
    x, *_ = pair(rng)
    assert float(mmd2(x, x, unbiased=True)) < 0


@pytest.mark.parametrize("masses", [[1.0], [0.0, 1.0], [1.0, 1e-20]])
def test_one_point_has_no_unbiased_estimate(rng, masses):
    _, y, _, b = pair(rng)
    x, a = torch.zeros(len(masses), 3).double(), vector(masses)
    for order, name in (((x, y, a, b), "a"), ((y, x, b, a), "b")):
        with pytest.raises(InvalidInputError, match=f"needs two points.*by `{name}` a cloud of .* has one"):
            mmd2(*order, unbiased=True)


# Gradients


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_in_closed_form_are_those_of_autograd_on_the_definition(rng, kernel):
    x, y, a, b = pair(rng)
    x, y = x.requires_grad_(), y.requires_grad_()
    by_x, by_y = torch.autograd.grad(by_definition(x, y, a, b, _Kinked(kernel)) / 2, (x, y))
    found = mmd_gradients(x.detach(), y.detach(), a, b, kernel=kernel)
    torch.testing.assert_close(a[:, None] * found.source, by_x, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(b[:, None] * found.target, by_y, rtol=1e-12, atol=1e-12)


class _Kinked:
    """A kernel as it is on paper: the pairs of a point with itself are constants, which autograd need not see."""

    def __init__(self, kernel):
        self.kernel = kernel

    def value(self, squared):
        apart = squared > 0
        same = self.kernel.value(torch.zeros((), dtype=squared.dtype))
        return torch.where(apart, self.kernel.value(torch.where(apart, squared, 1)), same)


@pytest.mark.parametrize("kernel", KERNELS)
def test_autograd_through_mmd2_gives_the_closed_form(rng, kernel):
    x, y, a, b = pair(rng, batch=(4,))
    x, y = x.requires_grad_(), y.requires_grad_()
    by_x, by_y = torch.autograd.grad(mmd2(x, y, a, b, kernel=kernel).sum() / 2, (x, y))
    found = mmd_gradients(x.detach(), y.detach(), a, b, kernel=kernel)
    torch.testing.assert_close(a[..., None] * found.source, by_x, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(b[..., None] * found.target, by_y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_in_closed_form_are_central_differences(rng, kernel):
    x, y, a, b = pair(rng)
    found, step = mmd_gradients(x, y, a, b, kernel=kernel), 1e-5
    for i, k in itertools.product(range(7), range(3)):
        there, back = x.clone(), x.clone()
        there[i, k] += step
        back[i, k] -= step
        slope = (mmd2(there, y, a, b, kernel=kernel) - mmd2(back, y, a, b, kernel=kernel)) / (4 * step)
        assert float(a[i] * found.source[i, k]) == pytest.approx(float(slope), abs=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("unbiased", [False, True])
def test_derivatives_of_first_and_second_order_in_points_and_masses_are_right(rng, kernel, unbiased):
    x, y, a, b = (part.requires_grad_() for part in pair(rng, 3, 2, 2))

    def loss(x, y, a, b):
        return mmd2(x, y, a.softmax(-1), b.softmax(-1), kernel=kernel, unbiased=unbiased)

    assert torch.autograd.gradcheck(loss, (x, y, a, b))
    assert torch.autograd.gradgradcheck(loss, (x, y, a, b))


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_witness_gradient_is_that_of_the_witness_function(rng, kernel):
    x, y, a, b = pair(rng)
    at = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    to_x, to_y = (kernel.value((at[:, None] - z[None]).square().sum(-1)) for z in (x, y))
    (expected,) = torch.autograd.grad((to_x @ a - to_y @ b).sum(), at)
    found = witness_gradient(at.detach(), x, y, a, b, kernel=kernel)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_at_the_points_themselves_the_witness_has_the_gradients_of_the_pair(rng, kernel):
    x, y, a, b = pair(rng, batch=(2,))
    found = mmd_gradients(x, y, a, b, kernel=kernel)
    torch.testing.assert_close(found.source, witness_gradient(x, x, y, a, b, kernel=kernel), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.target, -witness_gradient(y, x, y, a, b, kernel=kernel), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 6), m=st.integers(1, 6), d=st.integers(1, 4))
def test_momentum_is_conserved(kernel, seed, n, m, d):
    x, y, a, b = pair(rng_for(seed), n, m, d)
    found = mmd_gradients(x, y, a, b, kernel=kernel)
    torch.testing.assert_close(a @ found.source, -(b @ found.target), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_forces_within_one_cloud_cancel(rng, kernel):
    """Newton's third law: with a Dirac far away and no mass elsewhere, only the forces between the clouds are left."""
    x, y, a, b = pair(rng)
    whole = a @ mmd_gradients(x, y, a, b, kernel=kernel).source
    slopes = kernel.slope((x[:, None] - y[None]).square().sum(-1))
    between = -torch.einsum("i,j,ij,ijk->k", a, b, slopes, x[:, None] - y[None])
    torch.testing.assert_close(whole, between, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_turn_and_move_with_the_clouds(rng, kernel):
    x, y, a, b = pair(rng)
    turn = torch.linalg.qr(torch.tensor(rng.normal(size=(3, 3)))).Q
    moved = mmd_gradients(x @ turn + 3, y @ turn + 3, a, b, kernel=kernel)
    still = mmd_gradients(x, y, a, b, kernel=kernel)
    torch.testing.assert_close(moved.source, still.source @ turn, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(moved.target, still.target @ turn, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_points_at_one_place_do_not_push_each_other_and_nothing_is_nan(kernel):
    x, y = points([0.0, 0.0], [0.0, 0.0], [1.0, 0.0]), points([0.0, 0.0], [1.0, 0.0])
    a, b = vector([0.25, 0.25, 0.5]), vector([0.5, 0.5])
    x.requires_grad_()
    value = mmd2(x, y, a, b, kernel=kernel)
    assert float(value.detach()) == pytest.approx(0, abs=1e-15)
    (by_x,) = torch.autograd.grad(value, x)
    torch.testing.assert_close(by_x, torch.zeros_like(by_x), rtol=0, atol=1e-15)
    for field in mmd_gradients(x.detach(), y, a, b, kernel=kernel):
        torch.testing.assert_close(field, torch.zeros_like(field), rtol=0, atol=1e-15)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gap", [0.0, 1e-300, 1e-30, 1e-17, 1e-15, 1e-14, 1e-12, 1e-6])
def test_however_near_points_are_rounding_is_not_blown_up(kernel, gap):
    """Of the pushes between near points no more than themselves is lost, and none is invented."""
    x, y = points([0.0, 0.3], [-9.0, 3.0]), points([gap, 0.3], [-0.7 * gap, 0.3], [0.3 * gap, 0.3], [9.0, 3.1])
    b = vector([0.25, 0.15, 0.1, 0.5])  # the barycentre is between the near points: it merges none
    to_x, to_y = x[:1] - x[1:], x[:1] - y
    push = -kernel.slope(to_y.square().sum(1))[:, None] * to_y * b[:, None]
    exact = kernel.slope(to_x.square().sum(1)) * to_x[0] / 2 + push.sum(0)
    error = (mmd_gradients(x, y, b=b, kernel=kernel).source[0] - exact).norm()
    assert float(error) <= 1.1 * float(push[:3].norm(dim=1).sum()) + 1e-14


def test_a_gradient_in_float32_keeps_its_direction_for_near_points():
    x, y = torch.tensor([[0.0, 0.0], [10.0, 0.0]]), torch.tensor([[1e-4, 0.0], [10.0, 1e-4]])
    found = mmd_gradients(x, y).source
    wide = mmd_gradients(x.double(), y.double()).source
    torch.testing.assert_close(found.double(), wide, rtol=0, atol=1e-2)  # rounding of 10 in 1e-4


def test_padding_is_not_moved_and_moves_nothing(rng):
    x, y, a, b = pair(rng)
    wide = torch.cat([x, torch.full((2, 3), 9.0)]), torch.cat([a, torch.zeros(2)])
    found, plain = mmd_gradients(wide[0], y, wide[1], b), mmd_gradients(x, y, a, b)
    assert (found.source[7:] == 0).all()
    torch.testing.assert_close(found.source[:7], plain.source, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(found.target, plain.target, rtol=1e-12, atol=1e-13)


def test_the_gradient_in_a_mass_of_0_is_that_of_its_own_place(rng):
    x, y, a, b = pair(rng)
    x, a = torch.cat([x, torch.full((1, 3), 9.0)]), torch.cat([a, torch.zeros(1)]).requires_grad_()
    (found,) = torch.autograd.grad(discrepancy2(x, y, a, b, Riesz()), a)
    expected = 2 * (b @ (y - x[7]).norm(dim=1) - a.detach() @ (x - x[7]).norm(dim=1))
    assert float(found[7]) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_not_checked_is_what_is_checked(rng, kernel):
    given = pair(rng, batch=(2,))
    torch.testing.assert_close(discrepancy2(*given, kernel), mmd2(*given, kernel=kernel))
    torch.testing.assert_close(discrepancy_gradients(*given, kernel), mmd_gradients(*given, kernel=kernel))


@pytest.mark.parametrize("kernel", KERNELS)
def test_value_and_gradients_together_are_those_apart_from_one_matrix_of_pairs(rng, kernel, monkeypatch):
    given = pair(rng, batch=(2,))
    value, gradients = discrepancy2(*given, kernel), discrepancy_gradients(*given, kernel)
    asked, of_pairs = [], mmd_module.squared_distances
    monkeypatch.setattr(mmd_module, "squared_distances", lambda *sides: asked.append(sides) or of_pairs(*sides))
    both = discrepancy_with_gradients(*given, kernel)
    assert len(asked) == 1
    assert torch.equal(both[0], value)
    assert all(torch.equal(one, other) for one, other in zip(both[1], gradients, strict=True))


def test_gradients_take_no_tensor_of_all_differences(monkeypatch):
    """The largest tensor on the way is the matrix of pairs."""
    largest = _Largest()
    x, y = torch.randn(40, 64), torch.randn(40, 64)
    with largest:
        mmd_gradients(x, y)
        mmd2(x.requires_grad_(), y).backward()
    assert largest.numel == 80 * 80


class _Largest(torch.utils._python_dispatch.TorchDispatchMode):
    """Remembers the size of the largest tensor that is made."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.numel = max(self.numel, made.numel())
        return made


def test_a_descent_along_the_gradient_lowers_the_discrepancy_at_the_expected_rate(rng):
    x, y, a, b = pair(rng)
    field = mmd_gradients(x, y, a, b).source
    step = 1e-5
    fall = (mmd2(x, y, a, b) - mmd2(x - step * field, y, a, b)) / 2
    assert float(fall) == pytest.approx(step * float(a @ field.square().sum(1)), rel=0.01)


# What may enter

GOOD = {"x": torch.zeros(4, 2), "y": torch.ones(3, 2)}
BAD = {
    "NaN": ({"x": torch.full((4, 2), math.nan)}, "`x` has NaN or infinite"),
    "infinity": ({"y": torch.full((3, 2), math.inf)}, "`y` has NaN or infinite"),
    "no points": ({"x": torch.zeros(0, 2)}, "`x` is empty"),
    "no dimension": ({"x": torch.zeros(4, 0)}, "`x` is empty"),
    "a vector": ({"x": torch.zeros(4)}, r"`x` must be points \(\.\.\., n, d\)"),
    "whole numbers": ({"x": torch.zeros(4, 2, dtype=torch.long)}, "`x` must be float32 or float64, got torch.int64"),
    "half precision": ({"y": torch.zeros(3, 2).half()}, r"`y` must be float32 or float64.*y\.float\(\)"),
    "ragged rows": ({"x": [[0.0], [0.0, 1.0]]}, "`x` must be a tensor, got list"),
    "a word": ({"y": "points"}, "`y` must be a tensor, got str"),
    "negative masses": ({"a": torch.tensor([0.5, 0.7, -0.2, 0.0])}, "`a` must not be negative or NaN.* -0.2"),
    "NaN masses": ({"b": torch.tensor([0.5, 0.5, math.nan])}, "`b` must not be negative or NaN"),
    "counts": ({"a": torch.ones(4)}, "`a` must sum to 1.* got 4; divide"),
    "no mass": ({"b": torch.zeros(3)}, "`b` must sum to 1.* got 0"),
    "too few masses": ({"a": torch.ones(3) / 3}, r"`a` must have one mass for each point of `x`: shape \(4,\)"),
    "squares that overflow": ({"x": torch.full((4, 2), 1e30)}, "overflow; divide"),
    "squares that underflow": (
        {"x": torch.zeros(4, 2), "y": torch.full((3, 2), 1e-25)},
        "differ by 1e-25 at most, whose squares underflow in torch.float32",
    ),
}
MISMATCHED = {
    "dimension": ({"y": torch.zeros(3, 5)}, "`x` has 2 features and `y` has 5"),
    "batch": ({"x": torch.zeros(2, 4, 2), "y": torch.zeros(3, 3, 2)}, "batches of different shape; expand"),
    "batch of one alone": ({"x": torch.zeros(2, 4, 2)}, "batches of different shape; expand"),
    "dtype": ({"y": torch.zeros(3, 2).double()}, r"float32 on cpu.*float64 on cpu; write `y\.to\(x\)`"),
}


def functions():
    return [mmd2, mmd_gradients, lambda *pair, **masses: witness_gradient(pair[0], *pair, **masses)]


@pytest.mark.parametrize("function", functions(), ids=["mmd2", "mmd_gradients", "witness_gradient"])
@pytest.mark.parametrize("case", BAD)
def test_bad_clouds_are_refused_by_name(function, case):
    change, message = BAD[case]
    given = GOOD | change
    with pytest.raises(InvalidInputError, match=message):
        function(given.pop("x"), given.pop("y"), **given)


@pytest.mark.parametrize("function", functions(), ids=["mmd2", "mmd_gradients", "witness_gradient"])
@pytest.mark.parametrize("case", MISMATCHED)
def test_clouds_that_do_not_fit_together_are_refused(function, case):
    change, message = MISMATCHED[case]
    given = GOOD | change
    with pytest.raises(IncompatibleError, match=message):
        function(given["x"], given["y"])


def test_places_that_do_not_fit_the_clouds_are_refused():
    x, y = GOOD.values()
    for at, error in ((torch.zeros(2, 3), "features"), (torch.zeros(2, 2, 2), "batches"), (x.double(), "on cpu")):
        with pytest.raises(IncompatibleError, match=error):
            witness_gradient(at, x, y)


@pytest.mark.parametrize("kernel", ["energy", None, Gaussian, 1.0])
def test_what_is_no_kernel_is_refused(kernel):
    with pytest.raises(InvalidInputError, match=r"`kernel` must be a kernel, such as Riesz\(\)"):
        mmd2(*GOOD.values(), kernel=kernel)


def test_a_matrix_of_pairs_beyond_memory_is_refused_before_any_work():
    x, y = torch.zeros(10**6, 1), torch.ones(2000, 1)
    with pytest.raises(ResourceError, match=r"2000000 x 2000000 pairs.* use fewer points or `sliced_energy`"):
        mmd2(x, x)
    with pytest.raises(ResourceError, match="1000000 x 4000 pairs"):
        witness_gradient(x, y, y)


def test_no_pair_is_no_discrepancy():
    assert mmd2(torch.zeros(0, 4, 2), torch.zeros(0, 3, 2)).shape == (0,)


def test_arrays_are_taken_as_they_are(rng):
    x, y, a, b = pair(rng)
    found = mmd2(x.numpy(), y.numpy(), a.numpy(), b.tolist())
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(float(mmd2(x, y, a, b)), rel=1e-6)  # a list is float32
