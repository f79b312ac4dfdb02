"""Check K: the Gram matrix of factors is that of the changes, and lengths, angles and maps follow from it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from adapted import KINDS, adapted

from continuum.core import InvalidInputError
from continuum.models.weights import Adapter, LowRank, read_adapters
from continuum.models.weights.geometry import weight_geometry

NAMES = ("pos", "neg", "third")
ROUNDING = 1e-12  # float64 sums of a few thousand products


def random_adapters(rng, ranks=(4, 2, 7), shapes=((12, 20), (30, 6))):
    def factor(*shape):
        return torch.as_tensor(rng.normal(size=shape), dtype=torch.float32)

    return [
        Adapter(f"adapter{i}", {f"layer{j}": LowRank(factor(o, r), factor(r, n)) for j, (o, n) in enumerate(shapes)})
        for i, r in enumerate(ranks)
    ]


def dense(adapters):
    """All changes of an adapter as one vector in float64, zero where it changes nothing."""
    shapes = {name: change.dense.shape for adapter in adapters for name, change in adapter.factors.items()}

    def flat(adapter, name):
        if name not in adapter.factors:
            return torch.zeros(shapes[name].numel(), dtype=torch.float64)
        change = adapter.factors[name]
        return (change.up.double() @ change.down.double()).flatten()

    return np.stack([torch.cat([flat(adapter, name) for name in shapes]).numpy() for adapter in adapters])


def regauged(adapter, rng):
    """The same adapter with other factors: (B R, R^-1 A)."""
    factors = {}
    for name, change in adapter.factors.items():
        r = torch.as_tensor(rng.normal(size=(change.rank, change.rank)))
        factors[name] = LowRank(change.up.double() @ r, torch.linalg.inv(r) @ change.down.double())
    return Adapter(adapter.name, factors)


def zero_adapter(like):
    return Adapter("zero", {name: LowRank(0 * change.up, change.down) for name, change in like.factors.items()})


@pytest.mark.parametrize("kind", KINDS)
def test_the_gram_matrix_of_factors_is_that_of_dense_changes(kind):
    adapters = read_adapters(adapted(kind, NAMES), NAMES)
    vectors = dense(adapters)
    geometry = weight_geometry(adapters)
    np.testing.assert_allclose(geometry.gram, vectors @ vectors.T, rtol=0, atol=ROUNDING * geometry.gram.max())
    np.testing.assert_array_equal(geometry.gram, geometry.gram.T)
    assert geometry.adapters == NAMES


def test_the_gram_matrices_of_modules_sum_to_that_of_the_model():
    adapters = read_adapters(adapted("unequal modules", NAMES), NAMES)
    geometry = weight_geometry(adapters)
    assert set(geometry.by_module) == {name for adapter in adapters for name in adapter.factors}
    np.testing.assert_allclose(sum(geometry.by_module.values()), geometry.gram, rtol=ROUNDING)
    absent = next(name for name in geometry.by_module if name.endswith("down_proj"))
    assert geometry.by_module[absent][1].tolist() == [0, 0, 0]  # the second adapter is not there


def test_lengths_distances_and_angles_are_those_of_the_changes(rng):
    adapters = random_adapters(rng)
    geometry, vectors = weight_geometry(adapters), dense(adapters)
    c, d = rng.normal(size=(2, 3))
    a, b = c @ vectors, d @ vectors
    assert geometry.norm(c) == pytest.approx(np.linalg.norm(a), rel=ROUNDING)
    assert geometry.distance(c, d) == pytest.approx(np.linalg.norm(a - b), rel=ROUNDING)
    assert geometry.cosine(c, d) == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=ROUNDING)
    np.testing.assert_allclose(geometry.norms, np.linalg.norm(vectors, axis=1), rtol=ROUNDING)
    np.testing.assert_allclose(geometry.cosines, cosines(vectors), atol=ROUNDING)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_d_the_gauge_does_not_matter(rng):
    adapters = random_adapters(rng)
    others = [regauged(adapter, rng) for adapter in adapters]
    np.testing.assert_allclose(weight_geometry(others).gram, weight_geometry(adapters).gram, rtol=1e-9)


def test_d_flipping_the_signs_of_both_factors_changes_nothing(rng):
    adapters = random_adapters(rng)
    flipped = [
        Adapter(adapter.name, {name: LowRank(-change.up, -change.down) for name, change in adapter.factors.items()})
        for adapter in adapters
    ]
    np.testing.assert_array_equal(weight_geometry(flipped).gram, weight_geometry(adapters).gram)


def test_scaling_an_adapter_scales_lengths_and_keeps_angles(rng):
    one, other, _ = random_adapters(rng)
    scaled = Adapter("scaled", {name: LowRank(-4 * change.up, change.down) for name, change in one.factors.items()})
    before, after = weight_geometry([one, other]), weight_geometry([scaled, other])
    assert after.norms[0] == pytest.approx(4 * before.norms[0], rel=ROUNDING)
    assert after.cosine([1, 0], [0, 1]) == pytest.approx(-before.cosine([1, 0], [0, 1]), rel=ROUNDING)


def test_speed_along_a_straight_path_is_constant(rng):
    geometry = weight_geometry(random_adapters(rng, ranks=(3, 3)))
    points = [(t, 1 - t) for t in np.linspace(-1, 2, 13)]
    steps = [geometry.distance(a, b) for a, b in itertools.pairwise(points)]
    np.testing.assert_allclose(steps, geometry.distance([1, 0], [0, 1]) / 4, rtol=1e-9)


def test_angles_with_what_changes_nothing_are_undefined(rng):
    (one,) = random_adapters(rng, ranks=(4,))
    geometry = weight_geometry([one, zero_adapter(one)])
    assert math.isnan(geometry.cosine([1, 0], [0, 1]))
    assert math.isnan(geometry.cosine([0, 0], [1, 0]))
    np.testing.assert_array_equal(np.isnan(geometry.cosines), [[False, True], [True, True]])
    assert geometry.norm([0, 3]) == 0
    assert (geometry.rank, geometry.conditioning) == (1, math.inf)


def test_angles_stay_within_bounds_and_equal_changes_are_at_distance_zero(rng):
    (one,) = random_adapters(rng, ranks=(5,))
    twin = regauged(one, rng)
    geometry = weight_geometry([one, twin])
    assert geometry.cosine([1, 0], [0, 1]) <= 1
    assert geometry.cosine([1, 0], [0, 1]) == pytest.approx(1, abs=1e-12)
    assert geometry.cosine([1, 0], [0, -1]) >= -1
    assert geometry.distance([1, 0], [0, 1]) == 0
    assert geometry.norm([1, -1]) == 0


def test_rank_and_conditioning_see_that_an_adapter_is_a_combination_of_others(rng):
    one, other, _ = random_adapters(rng)
    both = {
        name: LowRank(
            torch.cat([change.up, 2 * other.factors[name].up], 1), torch.cat([change.down, other.factors[name].down])
        )
        for name, change in one.factors.items()
    }
    independent, dependent = weight_geometry([one, other]), weight_geometry([one, other, Adapter("both", both)])
    assert (independent.rank, dependent.rank) == (2, 2)
    cosine = abs(independent.cosine([1, 0], [0, 1]))
    assert independent.conditioning == pytest.approx(math.sqrt((1 + cosine) / (1 - cosine)), rel=1e-9)
    assert dependent.conditioning == math.inf


def test_orthogonal_adapters_are_perfectly_conditioned():
    def single(place):
        return Adapter(str(place), {"layer": LowRank(torch.eye(3)[:, place : place + 1], torch.ones(1, 4))})

    geometry = weight_geometry([single(0), single(2)])
    assert (geometry.rank, geometry.conditioning) == (2, 1)


def test_a_map_with_all_coordinates_keeps_all_distances(rng):
    adapters = random_adapters(rng)
    geometry = weight_geometry(adapters)
    points = rng.normal(size=(6, 3))
    found = geometry.coordinates(points, 3)
    for i in range(6):
        for j in range(6):
            between = np.linalg.norm(found.coordinates[i] - found.coordinates[j])
            assert between == pytest.approx(geometry.distance(points[i], points[j]), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(found.coordinates.mean(0), 0, atol=1e-12)
    assert found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.shares) <= 0).all()


def test_a_straight_path_is_drawn_on_one_line(rng):
    geometry = weight_geometry(random_adapters(rng, ranks=(3, 5)))
    found = geometry.coordinates([(t, 1 - t) for t in np.linspace(0, 1, 5)])
    np.testing.assert_allclose(found.shares, [1, 0], atol=1e-12)
    np.testing.assert_allclose(np.diff(found.coordinates[:, 0], 2), 0, atol=1e-9)


def test_maps_of_few_or_equal_points_have_coordinates_of_zero(rng):
    geometry = weight_geometry(random_adapters(rng))
    assert geometry.coordinates([[1, 0, 0]], 2).coordinates.tolist() == [[0, 0]]
    assert np.isnan(geometry.coordinates([[1, 0, 0]] * 3, 2).shares).all()


def test_what_is_no_point_is_refused(rng):
    geometry = weight_geometry(random_adapters(rng))
    with pytest.raises(InvalidInputError, match="3 finite numbers"):
        geometry.norm([1, 0])
    with pytest.raises(InvalidInputError, match="3 finite numbers"):
        geometry.cosine([1, 0, math.nan], [1, 0, 0])
    with pytest.raises(InvalidInputError, match=r"\(n, 3\)"):
        geometry.coordinates([[1, 0]])
    with pytest.raises(InvalidInputError, match="between 1 and 3"):
        geometry.coordinates(np.eye(3), 4)
    with pytest.raises(InvalidInputError, match="at least one"):
        weight_geometry([])
