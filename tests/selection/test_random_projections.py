"""Random projections: linear, fixed by their seed, and near isometries."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from continuum.core import InvalidInputError
from continuum.selection import SRHT, CountSketch, Projection, Rademacher

KINDS = [Rademacher, CountSketch, SRHT]
every = pytest.mark.parametrize("kind", KINDS)


def unit_vectors(rng, n, p):
    x = torch.from_numpy(rng.normal(size=(n, p)))
    return x / x.norm(dim=1, keepdim=True)


@every
@pytest.mark.parametrize("d", [64, 256, 1000])
def test_inner_products_of_unit_vectors_are_kept_within_four_deviations(kind, d, rng):
    x = unit_vectors(rng, 12, 1500)
    x[1] = 0.8 * x[0] + 0.6 * x[1] / x[1].norm()  # two that are alike
    x[2:4] = torch.eye(2, 1500, dtype=torch.float64)  # and two of one coordinate
    x /= x.norm(dim=1, keepdim=True)
    image = kind(d, seed=1).project(x)
    assert (image @ image.T - x @ x.T).abs().max() <= 4 / d**0.5


@every
def test_inner_products_are_right_on_average_over_seeds(kind, rng):
    x = unit_vectors(rng, 2, 40)
    found = [float(torch.prod(kind(16, seed).project(x), 0).sum()) for seed in range(1000)]
    error = np.std(found) / len(found) ** 0.5
    assert abs(np.mean(found) - float(x[0] @ x[1])) < 4 * error
    assert np.std(found) < (2 / 16) ** 0.5  # as the module says


@every
def test_a_projection_is_linear_and_does_not_depend_on_the_batch(kind, rng):
    x = torch.from_numpy(rng.normal(size=(5, 3000)))
    of = kind(32)
    assert torch.allclose(of.project(2 * x[:1] - 3 * x[1:2]), 2 * of.project(x[:1]) - 3 * of.project(x[1:2]))
    assert torch.allclose(of.project(x), torch.cat([of.project(row[None]) for row in x]))


@every
def test_the_seed_says_which_projection_it_is(kind, rng):
    x = torch.from_numpy(rng.normal(size=(2, 100)))
    assert torch.equal(kind(8, seed=3).project(x), kind(8, seed=3).project(x))
    assert not torch.allclose(kind(8, seed=3).project(x), kind(8, seed=4).project(x))
    assert torch.allclose(kind(8).project(x.float()).double(), kind(8).project(x), atol=1e-5)
    assert isinstance(kind(8), Projection)


@every
def test_projections_are_the_same_for_all_time(kind):
    # Features of a pool and of a query may be extracted in different years: these digests must not change.
    golden = {Rademacher: "10f6", CountSketch: "e9ff", SRHT: "16b0"}
    image = kind(8, seed=5).project(torch.arange(1, 2051, dtype=torch.float64)[None]) * 8**0.5
    assert hashlib.sha256(image.round().numpy().tobytes()).hexdigest()[:4] == golden[kind]


def test_a_hadamard_transform_of_all_coordinates_is_a_rotation(rng):
    x = torch.from_numpy(rng.normal(size=(3, 64)))
    image = SRHT(64).project(x)
    assert torch.allclose(image @ image.T, x @ x.T)


def test_count_sketch_keeps_single_coordinates_but_for_their_sign():
    image = CountSketch(50).project(torch.eye(20))
    assert torch.equal(image.abs().sum(1), torch.ones(20))
    assert {*image.unique().tolist()} == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: Rademacher(0), "`dimension` must be at least 1"),
        (lambda: CountSketch(2.5), "`dimension` must be a whole number"),
        (lambda: SRHT(4, seed=-1), "`seed` must be a non-negative integer"),
        (lambda: SRHT(65).project(torch.ones(1, 60)), "keeps 65 of 64 coordinates of vectors of 60"),
        (lambda: Rademacher(4).project(torch.ones(3)), r"a tensor \(n, p\) of floats.*shape \(3,\)"),
        (lambda: Rademacher(4).project(torch.ones(3, 3, dtype=torch.long)), "int64"),
        (lambda: CountSketch(4).project(np.ones((3, 3))), "got ndarray"),
    ],
)
def test_what_cannot_be_projected_is_refused(ask, said):
    with pytest.raises(InvalidInputError, match=said):
        ask()
