"""Maps of a path: indices where a plan is a matching, images out of sample, and batches made when asked for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from continuum.core import IncompatibleError, InvalidInputError
from continuum.datasets import Averages, GeneralizedGeodesic, LabelledDataset, Matching, NeuralMap, otdd
from continuum.measures import Exact, Sinkhorn, Sliced, Stratified

POINT = (0.3, 0.7)


def cloud(rng, n=30, d=3, k=3, shift=0.0, dtype=np.float64) -> LabelledDataset:
    return LabelledDataset((rng.normal(size=(n, d)) + shift).astype(dtype), rng.permutation(np.arange(n) % k))


@pytest.fixture
def path(rng):
    return GeneralizedGeodesic.fit(cloud(rng), {"one": cloud(rng, k=2, shift=2.0), "two": cloud(rng, n=41, shift=-1.0)})


def test_a_plan_between_equal_numbers_is_held_as_indices(rng):
    base, source = cloud(rng), cloud(rng, shift=2.0)
    (place,) = GeneralizedGeodesic.fit(base, {"only": source}).maps
    assert isinstance(place, Matching)
    assert place.indices.dtype == np.int32
    assert place.nbytes == 4 * len(base)
    assert (np.sort(place.indices) == np.arange(30)).all()
    plan = csr_array(otdd(base, source).plan)
    assert (plan.indices == place.indices).all()


def test_parts_of_equal_size_make_a_matching_too(rng):
    base, source = cloud(rng, n=40), cloud(rng, n=40, shift=2.0)
    path = GeneralizedGeodesic.fit(base, {"only": source}, solver=Stratified(10))
    (place,) = path.maps
    assert isinstance(place, Matching)
    assert (np.sort(place.indices) == np.arange(40)).all()
    assert path.distance_to_base((1.0,)) >= GeneralizedGeodesic.fit(base, {"only": source}).distance_to_base((1.0,))


def test_other_plans_average_in_the_precision_of_the_source(rng):
    base, source = cloud(rng, dtype=np.float32), cloud(rng, n=41, dtype=np.float32)
    (place,) = GeneralizedGeodesic.fit(base, {"only": source}).maps
    assert isinstance(place, Averages)
    assert place.images.dtype == torch.float32


# Batches


@pytest.mark.parametrize("images", [False, True])
def test_batches_are_rows_of_the_whole(rng, images):
    shape = (-1, 2, 2) if images else (-1, 4)
    base, one, two = (
        LabelledDataset(
            rng.normal(size=(n, 4)).astype(np.float32).reshape(shape), rng.integers(0, 2, n), classes=[0, 1]
        )
        for n in (23, 23, 31)
    )
    path = GeneralizedGeodesic.fit(base, {"one": one, "two": two})
    whole, lazy = path.at(POINT), path.lazily(POINT)
    assert len(lazy) == len(whole)
    rows = [4, 0, 22, 4]
    x, y = lazy[rows]
    np.testing.assert_allclose(x, whole.x[rows], rtol=1e-6)
    np.testing.assert_allclose(y, whole.y[rows], atol=1e-15)
    assert x.dtype == torch.float32
    single = lazy[-1]
    assert torch.equal(single[0], lazy[[22]][0][0])
    assert single[1].shape == (4,)


def test_a_loader_yields_every_point_once_in_an_order_of_its_seed(path):
    lazy = path.lazily(POINT)
    batches = list(lazy.loader(8, seed=3))
    assert [len(x) for x, _ in batches] == [8, 8, 8, 6]
    seen = torch.cat([x for x, _ in batches])
    again = torch.cat([x for x, _ in lazy.loader(8, seed=3)])
    assert torch.equal(seen, again)
    assert not torch.equal(seen, torch.cat([x for x, _ in lazy.loader(8, seed=4)]))
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, lazy[list(range(30))][0].tolist()))
    in_order = torch.cat([x for x, _ in lazy.loader(8, shuffle=False)])
    assert torch.equal(in_order, lazy[list(range(30))][0])


def test_weights_of_each_point_are_drawn_around_the_point_and_mix_points_and_labels_alike(path):
    lazy = path.lazily(POINT, concentration=6.0, seed=1)
    assert lazy.weights.shape == (30, 2)
    assert len(np.unique(lazy.weights[:, 0])) == 30
    np.testing.assert_array_equal(lazy.weights, path.lazily(POINT, concentration=6.0, seed=1).weights)
    x, y = lazy[list(range(30))]
    ends = [path.at(vertex) for vertex in path.domain.vertices()]
    np.testing.assert_allclose(x, sum(w[:, None] * end.x for w, end in zip(lazy.weights.T, ends, strict=True)))
    np.testing.assert_allclose(y, sum(w[:, None] * end.y for w, end in zip(lazy.weights.T, ends, strict=True)))
    many = np.concatenate([path.lazily(POINT, concentration=6.0, seed=s).weights for s in range(40)])
    np.testing.assert_allclose(many.mean(0), POINT, atol=0.03)


def test_what_is_no_row_or_option_is_refused(path):
    lazy = path.lazily(POINT)
    for index in (30, -31, [0, 30], 0.5):
        with pytest.raises(IndexError, match="rows must lie between"):
            lazy[index]
    with pytest.raises(InvalidInputError, match="batch_size"):
        lazy.loader(0)
    with pytest.raises(InvalidInputError, match="concentration"):
        path.lazily(POINT, concentration=0.0)


# Out of sample


@pytest.mark.parametrize(("solver", "error"), [(Exact(), 0.25), (Sinkhorn(0.05, "mean"), 0.6)])
def test_a_translation_is_known_everywhere(rng, solver, error):
    base = cloud(rng, n=200, d=2)
    moved = LabelledDataset(base.x + 5.0, base.y)
    path = GeneralizedGeodesic.fit(base, {"moved": moved}, solver=solver)
    for data in (base, cloud(rng, n=50, d=2)):
        assert np.abs(path.extend(data, epsilon=0.002).at((1.0,)).x - data.x - 5.0).mean() < error


def test_a_large_blur_sends_all_to_the_mean(rng, path):
    seen = path.extend(cloud(rng, n=7), epsilon=1e6).at((0.0, 1.0))
    mean = path.anchors.sources["two"].x.mean(0)
    np.testing.assert_allclose(seen.x, np.broadcast_to(mean, (7, 3)), atol=1e-3)


def test_a_learned_map_has_the_same_interface(rng):
    base = cloud(rng, n=60)
    network = NeuralMap(steps=20, hidden=16, batch=32)
    with pytest.warns(match="energy distance"):
        path = GeneralizedGeodesic.fit(base, {"a": cloud(rng, n=50, shift=4.0), "b": cloud(rng, n=45)}, solver=network)
    assert not path.converged
    value = path.at(POINT)
    assert value.x.shape == (60, 3)
    np.testing.assert_allclose(value.y.sum(1), 1, atol=1e-6)
    assert path.extend(cloud(rng, n=9)).at(POINT).x.shape == (9, 3)
    assert np.linalg.eigvalsh(path.gram).min() > -1e-9


def test_what_cannot_be_extended_is_refused(rng, path):
    with pytest.raises(IncompatibleError, match="features and classes"):
        path.extend(cloud(rng, d=4))
    with pytest.raises(IncompatibleError, match="features and classes"):
        path.extend(cloud(rng, k=2))
    with pytest.raises(InvalidInputError, match="epsilon"):
        path.extend(cloud(rng), epsilon=0.0)


@pytest.mark.parametrize("solver", [Stratified(10), Sliced(8)])
def test_a_plan_without_a_common_potential_is_not_extended(rng, solver):
    path = GeneralizedGeodesic.fit(cloud(rng), {"only": cloud(rng)}, solver=solver)
    with pytest.raises(IncompatibleError, match=r"'only' came from Stratified\(\) or Sliced\(\)"):
        path.extend(cloud(rng))


@pytest.mark.parametrize("solver", [Stratified(10), Sliced(8)])
def test_a_plan_whose_estimate_happens_to_have_no_error_is_not_extended_either(solver):
    line = LabelledDataset(np.zeros((30, 1)), np.zeros(30, int))  # each part and each direction tells the same
    path = GeneralizedGeodesic.fit(line, {"only": line}, solver=solver)
    with pytest.raises(IncompatibleError, match="potential"):
        path.extend(line)


@pytest.mark.parametrize("solver", [Stratified(30), Stratified(10)])
def test_a_plan_of_one_part_or_between_classes_is_exact_and_can_be_extended(rng, solver):
    weight = float(solver.size >= 30)
    path = GeneralizedGeodesic.fit(cloud(rng), {"only": cloud(rng)}, solver=solver, feature_weight=weight)
    assert path.extend(cloud(rng, n=7)).at((1.0,)).x.shape == (7, 3)


def test_a_sliced_plan_makes_the_maps_of_hard_labels(rng):
    base, source = cloud(rng), cloud(rng, shift=2.0)
    path = GeneralizedGeodesic.fit(base, {"only": source}, solver=Sliced(8))
    assert path.distance_to_base((1.0,)) ** 2 == pytest.approx(otdd(base, source, solver=Sliced(8)).upper)


def test_a_path_travels_with_its_maps(path):
    sent = pickle.loads(pickle.dumps(path))
    assert (sent.at(POINT).x == path.at(POINT).x).all()


def test_a_batch_reads_its_own_rows_of_the_source_only(rng, monkeypatch):
    source = LabelledDataset(rng.normal(size=(50, 3)).astype(np.float16), np.arange(50) % 2)
    place = Matching(source, np.arange(50, dtype=np.int32)[::-1].copy())
    widened = []
    require = np.require
    monkeypatch.setattr(np, "require", lambda array, *options: widened.append(len(array)) or require(array, *options))
    found = place.features(np.array([0, 7]))
    np.testing.assert_array_equal(found.numpy(), source.x[[49, 42]].astype(np.float32))
    assert widened == [2]
