"""Mixup: random pairs, reproducible by seed, with the means of a mixture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import IncompatibleError, InvalidInputError
from continuum.datasets import GeneralizedGeodesic, LabelledDataset, Mixup, concatenate

POINT = (0.2, 0.5, 0.3)


@pytest.fixture
def sources(rng):
    return {
        name: LabelledDataset(rng.normal(size=(24, 2)) + 4 * k, rng.integers(0, k, size=24), classes=range(k))
        for k, name in enumerate(("a", "b", "c"), start=1)
    }


def test_14_the_mean_is_the_mixture_of_the_means(sources):
    value = Mixup(sources).at(POINT)
    means = sum(a * data.x.mean(0) for a, data in zip(POINT, sources.values(), strict=True))
    np.testing.assert_allclose(value.x.mean(0), means, rtol=1e-12)
    assert (value.weights == 1 / 24).all()


def test_12_label_rows_are_distributions_and_block_i_has_mass_a_i(sources):
    value = Mixup(sources).at(POINT)
    assert value.classes == (("a", 0), ("b", 0), ("b", 1), ("c", 0), ("c", 1), ("c", 2))
    np.testing.assert_allclose(value.y.sum(1), 1, atol=1e-15)
    for block, a in ((slice(0, 1), 0.2), (slice(1, 3), 0.5), (slice(3, 6), 0.3)):
        np.testing.assert_allclose(value.y[:, block].sum(1), a, atol=1e-15)


def test_14_each_vertex_is_its_source_in_another_order(sources):
    path = Mixup(sources)
    for vertex, (name, data) in zip(path.domain.vertices(), sources.items(), strict=True):
        value = path.at(vertex)
        found = sorted((*x, value.classes[k]) for x, k in zip(value.x.tolist(), value.codes, strict=True))
        assert found == sorted((*x, (name, int(y))) for x, y in zip(data.x.tolist(), data.y, strict=True))
        assert value.x.tolist() != data.x.tolist()
        assert (path.endpoints[vertex].x == value.x).all()
        assert (path.endpoints[vertex].y == value.y).all()


def test_14_one_seed_gives_one_pairing_and_no_global_random_state_is_used(sources):
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (Mixup(sources, seed=seed).at(POINT).x for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()


def test_14_sources_are_shuffled_each_on_its_own(sources):
    twins = Mixup({"first": sources["a"], "second": sources["a"]})
    assert twins.at((1.0, 0.0)).x.tolist() != twins.at((0.0, 1.0)).x.tolist()


def test_random_pairs_are_not_those_of_optimal_transport(sources):
    base = sources["a"]
    optimal = GeneralizedGeodesic.fit(base, sources).at(POINT).x
    mixed = Mixup(sources).at(POINT).x
    assert sorted(optimal.ravel()) != pytest.approx(sorted(mixed.ravel()))
    # Random pairs average out what they disagree on.
    assert mixed.var(0).sum() < 0.8 * optimal.var(0).sum()


def test_the_length_is_that_of_the_shortest_or_as_asked(sources):
    sources["short"] = sources["a"].subset(slice(0, 7))
    assert len(Mixup(sources).at((0.25,) * 4)) == 7
    assert len(Mixup(sources, n=5).at((0.25,) * 4)) == 5
    for n in (0, 8, -1):
        with pytest.raises(InvalidInputError, match=f"`n` must be between 1 and the smallest source's 7, got {n}"):
            Mixup(sources, n=n)


def test_points_are_drawn_in_proportion_to_their_weights(rng):
    heavy = LabelledDataset(np.arange(50.0)[:, None], [0] * 50, np.eye(50)[7])
    assert set(Mixup({"heavy": heavy}).at((1.0,)).x.ravel()) == {7.0}


def test_equal_weights_that_were_rounded_differently_are_equal_weights(rng):
    joined = concatenate([LabelledDataset(np.arange(float(n))[:, None] + n, [0] * n) for n in (3, 49)])
    assert np.ptp(joined.weights) > 0
    assert sorted(Mixup({"joined": joined}).at((1.0,)).x.ravel()) == sorted(joined.x.ravel())


@pytest.mark.parametrize("vertex", [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
def test_kinds_and_precisions_are_joined_in_the_widest(sources, vertex):
    single = LabelledDataset(sources["a"].x.astype(np.float32), sources["a"].y)
    tensor = LabelledDataset(torch.tensor(sources["a"].x), sources["a"].y)
    assert Mixup({"a": single, "b": sources["b"]}).at(vertex).x.dtype == np.float64
    assert Mixup({"a": single, "b": tensor}).at(vertex).x.dtype == torch.float64
    assert Mixup({"a": single, "b": single}).at(vertex).x.dtype == np.float32


def test_sources_without_a_common_shape_are_refused(sources):
    with pytest.raises(IncompatibleError, match=r"one feature shape: got {'a': \(2,\), 'x': \(5,\)}"):
        Mixup({"a": sources["a"], "x": LabelledDataset(np.zeros((3, 5)), [0, 1, 2])})
    with pytest.raises(InvalidInputError, match="at least one"):
        Mixup({})
