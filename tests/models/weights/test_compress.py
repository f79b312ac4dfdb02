"""Laws of compression: the best change of a lower rank, whatever the factors."""

from __future__ import annotations

import pytest
import torch

from continuum.core import InvalidInputError
from continuum.models.weights import LowRank
from continuum.models.weights.compress import compress

SHAPES = pytest.mark.parametrize("shape", [(40, 30, 12), (10, 50, 10), (6, 50, 9), (5, 4, 11)], ids=str)


def random_change(rng, out, inside, rank):
    return LowRank(*(torch.as_tensor(rng.normal(size=s), dtype=torch.float32) for s in ((out, rank), (rank, inside))))


def exact(change):
    return change.up.double() @ change.down.double()


def relative(a, b):
    return float((a - b).norm() / b.norm())


@SHAPES
@pytest.mark.parametrize("rank", [1, 3, 4])
def test_no_change_of_that_rank_is_nearer(rng, shape, rank):
    change = random_change(rng, *shape)
    u, s, v = torch.linalg.svd(exact(change), full_matrices=False)
    best = (u[:, :rank] * s[:rank]) @ v[:rank]  # Eckart & Young 1936
    found = compress(change, rank)
    assert found.change.rank <= rank
    assert relative(exact(found.change), exact(change)) == pytest.approx(relative(best, exact(change)), abs=1e-6)
    assert found.error == pytest.approx(relative(best, exact(change)), abs=1e-12)
    assert found.norm == pytest.approx(float(exact(change).norm()), rel=1e-12)


@SHAPES
def test_the_singular_values_are_those_of_the_dense_change(rng, shape):
    change = random_change(rng, *shape)
    found = compress(change, 2).singular_values
    torch.testing.assert_close(found, torch.linalg.svdvals(exact(change))[: len(found)], rtol=1e-10, atol=1e-10)


def test_at_the_rank_of_the_factors_the_change_stays_as_it_is(rng):
    change = random_change(rng, 20, 15, 6)
    for rank in (6, 7, 100):
        assert compress(change, rank).change is change
        assert compress(change, rank).error == 0


def test_a_change_of_low_rank_in_wide_factors_is_compressed_without_error(rng):
    change = random_change(rng, 20, 15, 3)
    doubled = LowRank(torch.cat([change.up, change.up], 1), torch.cat([change.down, change.down]))
    found = compress(doubled, 3)
    assert found.error < 1e-14
    assert relative(exact(found.change), 2 * exact(change)) < 1e-6


def test_d_the_gauge_does_not_matter(rng):
    change = random_change(rng, 20, 15, 6)
    r = torch.diag(torch.logspace(-2, 2, 6)) @ torch.as_tensor(rng.normal(size=(6, 6)), dtype=torch.float32)
    other = LowRank(change.up @ r, torch.linalg.inv(r.double()).float() @ change.down)
    found, expected = compress(other, 3), compress(change, 3)
    # The factors of `other` are rounded to float32, at condition 1e4.
    assert relative(exact(found.change), exact(expected.change)) < 1e-3
    assert found.error == pytest.approx(expected.error, abs=1e-3)


def test_both_factors_have_the_same_share_of_the_change(rng):
    found = compress(random_change(rng, 20, 15, 6), 3)
    sigma = found.singular_values[:3]
    torch.testing.assert_close(found.change.up.double().norm(dim=0), sigma.sqrt(), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.change.down.double().norm(dim=1), sigma.sqrt(), rtol=1e-6, atol=0)


def test_nothing_is_compressed_to_nothing(rng):
    change = random_change(rng, 20, 15, 6)
    found = compress(LowRank(0 * change.up, change.down), 2)
    assert found.error == 0
    assert not exact(found.change).any()


def test_the_precision_of_the_factors_is_kept(rng):
    change = random_change(rng, 20, 15, 6)
    found = compress(LowRank(change.up.bfloat16(), change.down.bfloat16()), 2).change
    assert (found.up.dtype, found.down.dtype) == (torch.bfloat16, torch.bfloat16)


@pytest.mark.parametrize("rank", [0, -1, 2.0, True])
def test_a_rank_is_a_positive_integer(rng, rank):
    with pytest.raises(InvalidInputError, match="`rank` must be"):
        compress(random_change(rng, 5, 4, 3), rank)
