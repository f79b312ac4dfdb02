"""What holds for every selector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import similarities

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import Gaussian
from continuum.selection import (
    Alignment,
    DoublyGreedy,
    FacilityLocation,
    Herding,
    KnnKDE,
    KnnUniform,
    MeanSimilarity,
    Ordering,
    Random,
    RoundRobin,
    Selector,
    SimilaritySource,
    SoftmaxUOT,
    Stratified,
)

NESTED = {
    "round robin": RoundRobin(),
    "doubly greedy": DoublyGreedy(),
    "mean similarity": MeanSimilarity(),
    "soft-max": SoftmaxUOT(),
    "sharp soft-max": SoftmaxUOT(epsilon=1e-4),
    "transport": SoftmaxUOT(epsilon=0.05, lam=0.3),
    "neighbours": KnnUniform(2),
    "aligned neighbours": KnnUniform(Alignment(alpha=0.5, scale=1.0)),
    "dense neighbours": KnnKDE(2.0),
    "aligned dense neighbours": KnnKDE(Alignment()),
    "herding": Herding(),
    "kernel herding": Herding(Gaussian(0.7)),
    "facility location": FacilityLocation(neighbours=5),
}
UNNESTED = {"fewest neighbours": KnnUniform(), "lowest level": KnnKDE()}
TARGETED = NESTED | UNNESTED
targeted = pytest.mark.parametrize("selector", TARGETED.values(), ids=TARGETED)
nested = pytest.mark.parametrize("selector", NESTED.values(), ids=NESTED)


def integers(data, most=25):
    """Small vectors of integers: many ties, equal rows, zeros."""
    n, m = data.draw(st.integers(2, most)), data.draw(st.integers(1, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    return rng.integers(-1, 2, (n, 2)).astype(np.float32), rng.integers(-1, 2, (m, 2)).astype(np.float32)


def smooth(rng, n=1300, m=6, d=8):
    return rng.normal(size=(n, d)).astype(np.float32), rng.normal(size=(m, d)).astype(np.float32)


@targeted
@given(st.data())
def test_an_order_of_all_is_a_permutation(selector, data):
    pool, query = integers(data)
    found = selector.order(pool, query)
    assert isinstance(selector, Selector)
    assert sorted(found.indices.tolist()) == list(range(len(pool)))
    assert np.isfinite(found.scores).all()
    assert found.n == len(pool)


@nested
@given(st.data())
def test_a_smaller_budget_has_the_beginning_of_a_larger_one(selector, data):
    pool, query = integers(data)
    whole = selector.order(pool, query)
    k = data.draw(st.integers(1, len(pool)))
    part = selector.order(pool, query, k)
    assert whole.nested
    assert part.indices.tolist() == whole.indices[:k].tolist()
    assert np.array_equal(part.scores, whole.scores[:k])


@pytest.mark.parametrize("selector", UNNESTED.values(), ids=UNNESTED)
def test_what_is_not_nested_says_so(selector, rng):
    pool, query = smooth(rng, 200)
    whole, part = selector.order(pool, query), selector.order(pool, query, 40)
    assert not whole.nested
    assert whole.indices[:40].tolist() != part.indices.tolist()


TIED = ("sharp soft-max", "neighbours", "aligned neighbours", "fewest neighbours")  # scores of smooth points, too


@pytest.mark.parametrize("name", [name for name in TARGETED if name not in TIED])
def test_permuting_the_pool_permutes_the_order(name, rng):
    pool, query = smooth(rng)
    moved = rng.permutation(len(pool))
    expected = TARGETED[name].order(pool, query, 60).indices
    assert np.array_equal(moved[TARGETED[name].order(pool[moved], query, 60).indices], expected)


@pytest.mark.parametrize("name", TIED)
def test_permuting_the_pool_permutes_scores_that_tie(name, rng):
    pool, query = smooth(rng)
    moved = rng.permutation(len(pool))
    before, after = TARGETED[name].order(pool, query), TARGETED[name].order(pool[moved], query)
    assert np.allclose(
        after.scores[np.argsort(moved[after.indices])], before.scores[np.argsort(before.indices)], rtol=1e-6, atol=0
    )


@targeted
def test_the_order_does_not_depend_on_the_block_nor_on_memory(selector, rng):
    pool, query = smooth(rng, 2500)
    found = [
        selector.order(SimilaritySource(pool, query, block=block, keep=keep), k_max=80)
        for block, keep in ((1024, 1 << 27), (1, 0), (2000, 100_000))
    ]
    assert np.array_equal(found[0].indices, found[1].indices)
    assert np.array_equal(found[0].indices, found[2].indices)


@targeted
@pytest.mark.parametrize("times", [2, 3])
def test_repeating_the_whole_query_changes_nothing(selector, rng, times):
    pool, query = smooth(rng)
    once, more = selector.order(pool, query, 70), selector.order(pool, np.tile(query, (times, 1)), 70)
    assert np.array_equal(more.indices, once.indices)
    if isinstance(selector, RoundRobin | DoublyGreedy | SoftmaxUOT):
        assert np.array_equal(more.scores, once.scores)


def planted(rng, size=60, d=32):
    """Twenty clusters and queries from two of them; which candidates are of these."""
    centres = 3 * rng.normal(size=(20, d))
    pool = np.repeat(centres, size, axis=0) + 0.5 * rng.normal(size=(20 * size, d))
    query = np.repeat(centres[:2], 10, axis=0) + 0.5 * rng.normal(size=(20, d))
    moved = rng.permutation(len(pool))
    return pool[moved], query, moved < 2 * size


FAITHFUL = ("round robin", "doubly greedy", "soft-max", "transport", "mean similarity", "fewest neighbours", "herding")


@pytest.mark.parametrize("name", FAITHFUL)
def test_what_is_chosen_for_two_clusters_is_of_these(name, rng):
    pool, query, is_wanted = planted(rng)
    for k in (1, 20, 60):  # as many as one of the clusters has
        found = TARGETED[name].order(pool, query, k).indices
        assert is_wanted[found].mean() >= 0.99


def test_what_is_chosen_at_random_is_of_two_clusters_by_chance(rng):
    pool, query, is_wanted = planted(rng)
    found = [is_wanted[Random().order(pool, query, 60, seed=seed).indices].mean() for seed in range(50)]
    assert abs(np.mean(found) - 0.1) < 0.02  # four standard errors


@targeted
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (lambda p, q: (p, q, len(p) + 1), InvalidInputError, "`k_max`"),
        (lambda p, q: (p, q, 0), InvalidInputError, "`k_max`"),
        (lambda p, q: (p, q, 2.5), InvalidInputError, "`k_max` must be a whole number"),
        (lambda p, q: (p, q[:0]), InvalidInputError, "`query`"),
        (lambda p, q: (p[:0], q), InvalidInputError, "`pool`"),
        (lambda p, q: (p,), InvalidInputError, "`query` is missing"),
        (lambda p, q: (SimilaritySource(p, q), q), IncompatibleError, "`query` must be None"),
        (lambda p, q: (p, q[:, :1]), IncompatibleError, "numbers"),
        (lambda p, q: (np.where(p == p[7, 0], np.nan, p), q), InvalidInputError, "row 7"),
        (lambda p, q: (p, np.where(q == q[1, 0], np.inf, q)), InvalidInputError, "`query` .* row 1"),
    ],
)
def test_bad_input_is_refused(selector, arguments, error, says, rng):
    with pytest.raises(error, match=says):
        selector.order(*arguments(*smooth(rng, 100)))


def test_more_queries_than_candidates_and_a_query_of_one_are_ordinary(rng):
    pool, query = smooth(rng, 5, 40)
    for selector in TARGETED.values():
        assert len(selector.order(pool, query)) == 5
        assert len(selector.order(pool, query[:1], 3)) == 3


@pytest.mark.parametrize("seed", [0, 1])
def test_random_orders_depend_on_the_seed_alone(rng, seed):
    pool, query = smooth(rng, 50)
    whole = Random().order(pool, query, seed=seed)
    assert sorted(whole.indices.tolist()) == list(range(50))
    assert np.array_equal(
        Random().order(SimilaritySource(pool, query), k_max=20, seed=seed).indices, whole.indices[:20]
    )
    assert np.array_equal(Random().order(["text"] * 50, seed=seed).indices, whole.indices)
    assert not np.array_equal(Random().order(pool, seed=seed + 1).indices, whole.indices)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(0, 5))
def test_strata_have_their_share_of_every_prefix(sizes, seed):
    strata = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(strata)
    found = Stratified(strata).order(np.zeros((n, 1)), seed=seed)
    assert sorted(found.indices.tolist()) == list(range(n))
    counts = np.cumsum(np.eye(len(sizes))[strata[found.indices]], axis=0)
    assert (np.abs(counts - np.arange(1, n + 1)[:, None] * np.array(sizes) / n) < 1).all()
    assert Stratified(strata).order(np.zeros((n, 1)), k_max=(n + 1) // 2, seed=seed).indices.tolist() == (
        found.indices[: (n + 1) // 2].tolist()
    )


def test_strata_are_one_for_each_candidate():
    with pytest.raises(IncompatibleError, match="2 labels for 3"):
        Stratified([0, 1]).order(np.zeros((3, 1)))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Ordering([0, 0], [1, 2], 3), InvalidInputError, "distinct, got 0 2 times"),
        (lambda: Ordering([3], [1], 3), InvalidInputError, "3 items, got 3"),
        (lambda: Ordering([-1], [1], 3), InvalidInputError, "got -1"),
        (lambda: Ordering([0, 1], [1], 3), IncompatibleError, r"`scores` have shape \(1,\)"),
        (lambda: Ordering([0.5], [1], 3), InvalidInputError, "float64"),
        (lambda: Ordering([[0]], [[1]], 3), InvalidInputError, "whole numbers"),
        (lambda: Ordering([0], [1], 0), InvalidInputError, "`n`"),
        (lambda: Ordering([0], [1], 2).prefix(2), InvalidInputError, "`k`"),
    ],
)
def test_an_ordering_is_of_distinct_positions(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_an_ordering_is_a_copy_that_cannot_be_written_to():
    indices = np.array([2, 0])
    found = Ordering(indices, [0.5, 0.25], 3)
    indices[0] = 1
    assert found.indices.tolist() == [2, 0]
    with pytest.raises(ValueError, match="read-only"):
        found.indices[0] = 1
    assert len(found.prefix(0)) == 0


def test_the_example_of_four_candidates_and_two_queries():
    source = SimilaritySource(np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]]).T, np.eye(2), normalize=False)
    assert similarities(source).shape == (2, 4)
    expected = {
        "round robin": [0, 1, 2, 3],
        "doubly greedy": [0, 1, 3, 2],
        "mean similarity": [1, 0, 3, 2],
        "soft-max": [1, 0, 3, 2],
    }
    for name, order in expected.items():
        assert NESTED[name].order(source).indices.tolist() == order
    masses = SoftmaxUOT().order(source)
    assert np.allclose(masses.scores[[1, 0, 3, 2]], [0.49693, 0.50307, 3.84e-15, 1.86e-6], rtol=2e-3, atol=0)
    assert np.allclose(source.softmax_mass(0.01), [0.49693, 0.50307, 3.84e-15, 1.86e-6], rtol=2e-3, atol=0)
    published = SoftmaxUOT(lam=1e-4 / (1e-4 + 0.01)).order(source)
    assert np.allclose(published.scores[[1, 0, 3, 2]], [0.496930, 0.503067, 5.3e-15, 2.11e-6], rtol=2e-3, atol=0)
    aligned = KnnUniform(Alignment(alpha=0.5, scale=1.0, most=4)).order(source)
    assert aligned.indices.tolist() == [0, 1, 2, 3]
    assert np.allclose(aligned.scores, [1 / 3, 1 / 3, 1 / 6, 1 / 6], rtol=1e-15)
