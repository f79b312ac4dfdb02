"""Round robin, mean and largest similarity are what they are defined as."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import ranked, round_robin, similarities

from continuum.core import IncompatibleError
from continuum.selection import DoublyGreedy, MeanSimilarity, RoundRobin, SimilaritySource
from continuum.selection.sample import Sample


@given(st.data())
def test_round_robin_takes_the_best_that_is_left_in_turn(data):
    n, m, d = data.draw(st.integers(1, 80)), data.draw(st.integers(1, 90)), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    draw = rng.normal if data.draw(st.booleans()) else lambda size: rng.integers(-1, 2, size)
    source = SimilaritySource(draw(size=(n, d)), draw(size=(m, d)))
    k = data.draw(st.integers(1, n))
    found = RoundRobin().order(source, k_max=k)
    s = similarities(source)
    assert found.indices.tolist() == round_robin(s, k)
    assert np.array_equal(found.scores, s[np.arange(k) % m, found.indices])


def pools(rng, n=5000, m=20, d=6):
    """Pools that are larger than a sample."""
    yield "smooth", rng.normal(size=(n, d)), rng.normal(size=(m, d))
    yield "ties", rng.integers(-1, 2, (n, 3)), rng.integers(-1, 2, (m, 3))
    yield "all equal", np.ones((n, d)), rng.normal(size=(m, d))
    yield "one query", rng.normal(size=(n, d)), rng.normal(size=(1, d))
    yield "one direction", rng.normal(size=(n, d)), np.ones((m, d)) + 0.01 * rng.normal(size=(m, d))
    yield "equal queries", rng.normal(size=(n, d)), np.repeat(rng.normal(size=(4, d)), 5, axis=0)
    yield "copies", np.repeat(rng.normal(size=(n // 10, d)), 10, axis=0)[rng.permutation(n)], rng.normal(size=(m, d))
    yield "a query of zeros", rng.normal(size=(n, d)), np.concatenate([np.zeros((1, d)), rng.normal(size=(3, d))])


@pytest.mark.parametrize("k", [1, 700, 5000])
def test_round_robin_of_large_pools_is_what_it_is_defined_as(rng, k):
    for kind, pool, query in pools(rng):
        source = SimilaritySource(pool, query)
        assert RoundRobin().order(source, k_max=k).indices.tolist() == round_robin(similarities(source), k), kind


def test_lists_that_are_too_short_are_drawn_up_again(rng, monkeypatch):
    threshold = Sample.threshold
    passes = []

    def too_high(sample, count, deviations):
        passes.append(count)
        return sample.keys.max(axis=1) if len(passes) < 4 else threshold(sample, count, deviations)

    monkeypatch.setattr(Sample, "threshold", too_high)
    source = SimilaritySource(rng.normal(size=(5000, 6)), rng.normal(size=(20, 6)))
    assert RoundRobin().order(source, k_max=500).indices.tolist() == round_robin(similarities(source), 500)
    assert len(passes) >= 4


def test_another_order_of_queries_is_another_order():
    s = np.array([[0.9, 0.8, 0.1], [0.95, 0.2, 0.3]])
    for rows, expected in (([0, 1], [0, 2, 1]), ([1, 0], [0, 1, 2])):
        source = SimilaritySource(s[rows].T, np.eye(2), normalize=False)
        assert RoundRobin().order(source).indices.tolist() == expected


def test_a_query_that_is_there_twice_in_a_row_chooses_twice():
    s = np.array([[0.9, 0.8, 0.1, 0.0], [0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
    source = SimilaritySource(s.T, np.eye(3), normalize=False)
    assert source.products.u == 3
    equal = SimilaritySource(np.eye(4), np.repeat([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]], [2, 1], axis=0))
    assert equal.products.u == 2
    assert RoundRobin().order(source).indices.tolist() == [0, 1, 3, 2]
    assert RoundRobin().order(equal).indices.tolist() == [0, 1, 3, 2]


@given(st.data())
def test_doubly_greedy_and_mean_are_sorts(data):
    n, m = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    # small integers: means are exact
    source = SimilaritySource(rng.integers(-2, 3, (n, 2)), rng.integers(-2, 3, (m, 2)) * m, normalize=False)
    s, k = similarities(source), data.draw(st.integers(1, n))
    assert DoublyGreedy().order(source, k_max=k).indices.tolist() == ranked(s.max(axis=0), k)
    found = MeanSimilarity().order(source, k_max=k)
    assert found.indices.tolist() == ranked(np.float32(s.mean(axis=0)), k)
    assert np.allclose(found.scores, s.mean(axis=0)[found.indices], rtol=1e-6)


def test_groups_take_the_largest_mean_of_a_subtask(rng):
    pool, query = rng.normal(size=(300, 5)), rng.normal(size=(9, 5))
    query[4] = query[0]  # in two subtasks
    groups = ["a", "b", "a", "c", "b", "b", "c", "a", "c"]
    source = SimilaritySource(pool, query)
    means = [similarities(source)[[g == name for g in groups]].mean(axis=0) for name in "abc"]
    found = DoublyGreedy(groups).order(source)
    assert found.indices.tolist() == ranked(np.max(means, axis=0), 300)
    assert np.allclose(found.scores, np.sort(np.max(means, axis=0))[::-1], rtol=0, atol=1e-6)
    alone = DoublyGreedy(np.arange(9)).order(source)
    assert alone.indices.tolist() == DoublyGreedy().order(source).indices.tolist()
    with pytest.raises(IncompatibleError, match="2 labels for 9 queries"):
        DoublyGreedy([0, 1]).order(source)


def test_memory_is_that_of_lists_and_of_a_tile(rng, tmp_path):
    n, m, d, k = 60_000, 50, 16, 5000
    np.save(tmp_path / "pool.npy", rng.normal(size=(n, d)).astype(np.float32))
    source = SimilaritySource(np.load(tmp_path / "pool.npy", mmap_mode="r"), rng.normal(size=(m, d)))
    tile = source.products.tile * (m + d) * 4
    lists = 2 * m * (4 * k // m) * 8
    for selector in (RoundRobin(), DoublyGreedy()):
        selector.order(source, k_max=k)  # what is computed once
        tracemalloc.start()
        selector.order(source, k_max=k)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < lists + 32 * n + 4 * tile
