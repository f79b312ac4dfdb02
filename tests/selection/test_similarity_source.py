"""Similarities do not depend on how the pool is read, and are those of the definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import neighbours, similarities

from continuum.core import IncompatibleError, InvalidInputError
from continuum.selection import SimilaritySource
from continuum.selection.keys import best_first, pack, places_of, values_of
from continuum.selection.sample import Sample


def cosines(pool, query):
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (np.asarray(query, float), np.asarray(pool, float))]
    return unit[0] @ unit[1].T


def embedded(rng, n=2500, m=7, d=24):
    return rng.normal(size=(n, d)).astype(np.float32), rng.normal(size=(m, d)).astype(np.float32)


@pytest.mark.parametrize("normalize", [True, False])
def test_similarities_are_cosines_or_inner_products(rng, normalize):
    pool, query = embedded(rng)
    expected = cosines(pool, query) if normalize else query.astype(float) @ pool.T.astype(float)
    found = similarities(SimilaritySource(pool, query, normalize=normalize))
    assert np.allclose(found, expected, rtol=0, atol=2e-5 if not normalize else 5e-7)  # float32


@pytest.mark.parametrize("block", [1, 100, 1024, 1500, 4096])
def test_similarities_do_not_depend_on_the_block_bit_for_bit(rng, block):
    pool, query = embedded(rng)
    expected = similarities(SimilaritySource(pool, query))
    assert np.array_equal(similarities(SimilaritySource(pool, query, block=block)), expected)


@pytest.mark.parametrize("m", [1, 2, 7, 33])
@pytest.mark.parametrize("d", [1, 3, 24, 130])
def test_a_candidate_has_the_same_similarities_wherever_it_stands_bit_for_bit(rng, m, d):
    pool, query = embedded(rng, 2500, m, d)
    moved = rng.permutation(len(pool))
    source, other = SimilaritySource(pool, query), SimilaritySource(pool[moved], query)
    assert np.array_equal(similarities(other), similarities(source)[:, moved])
    some = rng.choice(len(pool), 1300, replace=False)
    assert np.array_equal(source.products.of(some)[:, source.distinct], similarities(source).T[some])


def test_equal_queries_are_computed_once_and_equal(rng):
    pool, query = embedded(rng)
    source = SimilaritySource(pool, np.concatenate([query, query, -query[:1] * 0, query[:1] * -0.0]))
    assert source.products.u == len(query) + 1
    assert source.repeats.tolist() == [2] * len(query) + [2]
    assert np.array_equal(similarities(source)[:7], similarities(SimilaritySource(pool, query)))


def kinds_of_pools(pool, folder):
    np.save(folder / "pool.npy", pool)
    half = pool.astype(np.float16)
    np.save(folder / "half.npy", half)
    yield "memory map", np.load(folder / "pool.npy", mmap_mode="r"), pool
    yield "tensor", torch.from_numpy(pool), pool
    yield "float64", pool.astype(np.float64), pool
    yield "columns first", np.asfortranarray(pool), pool
    yield "list", pool.tolist(), pool
    yield "half", half, half.astype(np.float32)
    yield "map of halves", np.load(folder / "half.npy", mmap_mode="r"), half.astype(np.float32)
    yield "bfloat16", torch.from_numpy(pool).bfloat16(), torch.from_numpy(pool).bfloat16().float().numpy()
    yield "needs a gradient", torch.from_numpy(pool).requires_grad_(), pool
    yield "integers", (pool * 10).astype(np.int16), (pool * 10).astype(np.int16).astype(np.float32)


def test_any_kind_of_pool_has_the_similarities_of_its_numbers(rng, tmp_path):
    pool, query = embedded(rng, 1100)
    for kind, data, plain in kinds_of_pools(pool, tmp_path):
        expected = similarities(SimilaritySource(plain, query))
        assert np.array_equal(similarities(SimilaritySource(data, query, block=600)), expected), kind
        some = np.array([3, 1, 1099])
        directions = [SimilaritySource(either, query).directions(some) for either in (data, plain)]
        assert np.array_equal(*directions), kind


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-15, 1e15, 1e30])
def test_cosines_do_not_depend_on_the_length_of_vectors(rng, scale):
    pool, query = embedded(rng, 1500)
    expected = similarities(SimilaritySource(pool, query))
    scaled = pool.copy()
    scaled[::3] *= np.float32(scale)
    tolerance = 1e-6 if scale > 1e-37 else 1e-2  # numbers this small have few digits themselves
    assert np.allclose(similarities(SimilaritySource(scaled, query)), expected, rtol=0, atol=tolerance)
    assert np.array_equal(similarities(SimilaritySource(scaled, query))[:, 1::3], expected[:, 1::3])


def test_a_vector_of_zeros_has_similarity_zero_to_everything(rng):
    pool, query = embedded(rng, 50)
    pool[7], query[2] = 0, 0
    found = similarities(SimilaritySource(pool, query))
    assert not found[:, 7].any()
    assert not found[2].any()


def test_very_many_queries_are_taken_with_fewer_candidates_at_a_time(rng):
    pool, query = embedded(rng, 300, 9000, 3)
    source = SimilaritySource(pool, query)
    assert source.products.tile < 1024
    assert np.allclose(similarities(source), cosines(pool, query), rtol=0, atol=5e-7)


@given(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 1e-30, 0.5, 3e38, -3e38]), min_size=1, max_size=30))
def test_keys_are_in_the_order_of_values_and_then_of_places(values):
    values = np.array(values, np.float32)
    keys = pack(values, np.arange(len(values)))
    expected = np.lexsort((np.arange(len(values)), -values))
    assert places_of(np.sort(keys)[::-1]).tolist() == expected.tolist()
    assert np.array_equal(values_of(keys), values)
    for k in range(1, len(values) + 1):
        assert best_first(values, k).tolist() == expected[:k].tolist()


@given(st.data())
def test_the_nearest_are_those_of_a_stable_sort(data):
    n, m = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    source = SimilaritySource(rng.integers(-1, 2, (n, 2)), rng.integers(-1, 2, (m, 2)))
    count = data.draw(st.integers(1, n))
    s, found = similarities(source), source.top(count)
    assert found.indices.tolist() == neighbours(s, count).tolist()
    assert np.array_equal(found.values, np.take_along_axis(s, found.indices, axis=1).astype(np.float32))


def large_pools(rng):
    """Pools of which a sample is smaller than they are."""
    n, d = 6000, 3
    yield "smooth", rng.normal(size=(n, d)), rng.normal(size=(5, d))
    yield "ties", rng.integers(-1, 2, (n, d)), rng.integers(-1, 2, (5, d))
    yield "all equal", np.ones((n, d)), np.eye(d)
    yield "mostly zero", np.where(rng.random((n, 1)) < 0.99, 0, rng.normal(size=(n, d))), rng.normal(size=(5, d))
    yield "sorted", np.sort(rng.normal(size=(n, d)), axis=0), rng.normal(size=(5, d))


@pytest.mark.parametrize("misleads", [False, True])
@pytest.mark.parametrize("count", [1, 40, 900, 6000])
def test_the_nearest_do_not_depend_on_what_a_sample_says(rng, monkeypatch, misleads, count):
    threshold = Sample.threshold

    def too_high(sample, count, deviations):
        return threshold(sample, count, deviations) if deviations == np.inf else sample.keys.max(axis=1)

    if misleads:
        monkeypatch.setattr(Sample, "threshold", too_high)
    for kind, pool, query in large_pools(rng):
        source = SimilaritySource(pool, query)
        assert np.array_equal(source.top(count).indices, neighbours(similarities(source), count)), kind


def test_columns_are_summed_up(rng):
    pool, query = embedded(rng)
    source = SimilaritySource(pool, np.concatenate([query, query[:2]]))
    s = similarities(source)
    assert np.array_equal(source.column_max(), s.max(axis=0).astype(np.float32))
    assert np.allclose(source.column_mean(), s.mean(axis=0), rtol=0, atol=1e-6)
    assert np.isclose(source.softmax_mass(0.01).sum(), 1, rtol=1e-6)


def nan_in(x, row):
    x = x.copy()
    x[row, 1] = np.nan
    return x


good = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: SimilaritySource(np.zeros((0, 2)), good), InvalidInputError, r"`pool` .* shape \(0, 2\)"),
        (lambda: SimilaritySource(good, np.zeros((0, 2))), InvalidInputError, r"`query` .* shape \(0, 2\)"),
        (lambda: SimilaritySource(good, np.ones(2)), InvalidInputError, r"`query` .* shape \(2,\)"),
        (lambda: SimilaritySource(good, np.ones((3, 5))), IncompatibleError, "of 2 numbers, `query` of 5"),
        (lambda: SimilaritySource(good.astype(complex), good), InvalidInputError, "real numbers, got complex128"),
        (lambda: SimilaritySource([["a", "b"]], good), InvalidInputError, "real numbers"),
        (lambda: SimilaritySource(good, good, block=0), InvalidInputError, "`block`"),
        (lambda: SimilaritySource(good, good, keep=-1), InvalidInputError, "`keep`"),
        (lambda: SimilaritySource(good, good).top(4), InvalidInputError, "between 1 and 3"),
        (lambda: SimilaritySource(good, good).softmax_mass(0), InvalidInputError, "`epsilon`"),
        (lambda: SimilaritySource(good, nan_in(good, 2)).top(1), InvalidInputError, "`query` .* row 2"),
        (lambda: SimilaritySource(nan_in(np.ones((2000, 2)), 1700), good).top(1), InvalidInputError, "row 1700"),
        (lambda: SimilaritySource(np.full((2, 2), 1e39), good).top(1), InvalidInputError, "row 0"),
        (lambda: SimilaritySource(np.full((2, 2), 1e30), good, normalize=False).top(1), InvalidInputError, "too long"),
    ],
)
def test_bad_embeddings_are_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()
