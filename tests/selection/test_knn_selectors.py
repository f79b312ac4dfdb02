"""Nearest-neighbour selectors are what the algorithms of TSDS define."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import (
    aligned_count,
    covering_count,
    density,
    kde_level,
    kde_masses,
    knn_uniform,
    neighbours,
    ranked,
    similarities,
)

from continuum.core import InvalidInputError
from continuum.selection import Alignment, KnnKDE, KnnUniform, SimilaritySource
from continuum.selection.density import densities
from continuum.selection.embeddings import Embeddings

PUBLISHED = Alignment()


def drawn(data, most=50):
    n, m = data.draw(st.integers(2, most)), data.draw(st.integers(1, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    draw = rng.normal if data.draw(st.booleans()) else lambda size: rng.integers(-1, 2, size)
    return SimilaritySource(draw(size=(n, 3)), draw(size=(m, 3)))


def unit(rows):
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


@given(st.data())
def test_votes_are_counted(data):
    source = drawn(data)
    s, k = similarities(source), data.draw(st.integers(1, source.n))
    count = data.draw(st.integers(1, source.n))
    votes = knn_uniform(s, count)
    found = KnnUniform(count).order(source, k_max=k)
    assert found.indices.tolist() == ranked(votes, k)
    assert np.allclose(found.scores, votes[found.indices], rtol=1e-12)


@given(st.data())
def test_the_smallest_count_that_covers_the_budget_is_taken(data):
    source = drawn(data)
    s, k = similarities(source), data.draw(st.integers(1, source.n))
    votes = knn_uniform(s, covering_count(s, k))
    found = KnnUniform().order(source, k_max=k)
    assert found.indices.tolist() == ranked(votes, k)
    assert (found.scores > 0).all()


@given(st.data())
def test_the_aligned_count_is_that_of_the_loop(data):
    source = drawn(data)
    s, alpha = similarities(source), data.draw(st.sampled_from([0.2, 0.5, 0.9, 0.99]))
    rule = Alignment(alpha, data.draw(st.sampled_from([0.1, 1.0, 5.0])), data.draw(st.integers(1, 60)))
    count = aligned_count(s, rule.alpha, rule.scale, min(rule.most, source.n))
    votes = knn_uniform(s, count)
    assert KnnUniform(rule).order(source).indices.tolist() == ranked(votes, source.n)


def test_large_pools_have_the_naive_order(rng):
    for rows in (rng.normal(size=(6000, 8)), rng.integers(-1, 2, (6000, 3))):
        source = SimilaritySource(rows, rows[:30] + 0.1 * rng.normal(size=rows[:30].shape))
        s = similarities(source)
        aligned = aligned_count(s, PUBLISHED.alpha, PUBLISHED.scale, PUBLISHED.most)
        for rule, count in ((70, 70), ("budget", covering_count(s, 900)), (PUBLISHED, aligned)):
            assert KnnUniform(rule).order(source, k_max=900).indices.tolist() == ranked(knn_uniform(s, count), 900)


def test_the_published_constants_take_all_neighbours_where_cosines_are_close(rng):
    assert PUBLISHED.slack(1) == pytest.approx(495)
    pool, query = rng.normal(size=(6000, 384)), rng.normal(size=(5, 384))
    s = similarities(SimilaritySource(pool, query))
    nearest = -np.sort(-s, axis=1)[:, : PUBLISHED.most]
    assert (nearest.max(axis=1) - nearest.min(axis=1)).max() < 0.5  # even this far apart
    assert aligned_count(s, PUBLISHED.alpha, PUBLISHED.scale, PUBLISHED.most) == PUBLISHED.most
    found = KnnUniform("published").order(pool, query)
    assert KnnUniform("published") == KnnUniform(PUBLISHED)
    assert (found.scores > 0).sum() == len(np.unique(neighbours(s, PUBLISHED.most)))


@given(st.data())
def test_density_counts_what_is_near(data):
    n = data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    points = rng.integers(-1, 2, (n, 3)).astype(np.float32) if data.draw(st.booleans()) else rng.normal(size=(n, 3))
    some = np.sort(rng.choice(n, data.draw(st.integers(1, n)), replace=False))
    sigma = data.draw(st.sampled_from([0.3, 0.75, 2.0]))
    for normalize in (True, False):
        expected = density(unit(points[some]) if normalize else points[some], sigma)
        found = densities(Embeddings(points), some, sigma, normalize=normalize)
        assert np.allclose(found, expected, rtol=0, atol=2e-5 / sigma**2 * n)


def test_density_of_many_points_is_summed_over_blocks(rng):
    points = np.repeat(rng.normal(size=(450, 4)), 3, axis=0)[rng.permutation(1350)]
    found = densities(Embeddings(points), np.arange(1350), 0.75, normalize=True)
    assert np.allclose(found, density(unit(points), 0.75), rtol=1e-5)


def test_a_point_that_is_there_c_times_has_density_c(rng):
    alone = np.eye(30)
    points = np.concatenate([np.repeat(alone[:1], 7, axis=0), alone[1:]])[rng.permutation(36)]
    found = densities(Embeddings(points), np.arange(36), 0.75, normalize=True)
    assert np.array_equal(found, np.where(points[:, 0] == 1, 7, 1))


def test_copies_share_the_mass_of_one(rng):
    pool, query = rng.normal(size=(300, 24)), rng.normal(size=(4, 24))
    first = SimilaritySource(pool, query).top(1).indices[0, 0]
    masses = []
    for copies in (1, 5):
        rows = np.concatenate([pool, np.repeat(pool[first : first + 1], copies - 1, axis=0)])
        found = KnnKDE(10, neighbours=64).order(rows, query)
        is_copy = (rows[found.indices] == pool[first]).all(axis=1)
        masses.append(found.scores[is_copy].sum())
    assert np.isclose(masses[0], masses[1], rtol=1e-5)


@given(st.data())
def test_mass_flows_as_in_the_loop(data):
    source = drawn(data)
    s, count = similarities(source), data.draw(st.integers(2, source.n))
    level = data.draw(st.floats(0.1, 5))
    near = np.unique(neighbours(s, count))
    rho = np.ones(source.n)
    rho[near] = densities(source.products.pool, near, 0.75, normalize=True)
    highest = min(np.cumsum(1 / rho[row])[-1] for row in neighbours(s, count))
    expected = kde_masses(s, rho, count, min(level, highest))
    found = KnnKDE(level, neighbours=count).order(source)
    assert np.allclose(found.scores, expected[found.indices], rtol=0, atol=1e-9)
    assert np.allclose(found.scores, np.sort(expected)[::-1], rtol=0, atol=1e-9)
    assert np.isclose(found.scores.sum(), 1)


@given(st.data())
def test_the_level_is_where_the_heap_stops(data):
    source = drawn(data)
    s, count = similarities(source), data.draw(st.integers(2, source.n))
    rule = Alignment(data.draw(st.sampled_from([0.2, 0.5, 0.9, 0.99])), data.draw(st.sampled_from([0.1, 1.0, 5.0])))
    near = np.unique(neighbours(s, count))
    rho = np.ones(source.n)
    rho[near] = densities(source.products.pool, near, 0.75, normalize=True)
    level = kde_level(s, rho, count, rule.alpha, rule.scale)
    found = KnnKDE(rule, neighbours=count).order(source)
    assert np.allclose(found.scores, np.sort(kde_masses(s, rho, count, level))[::-1], rtol=0, atol=1e-9)


def test_without_near_copies_density_changes_nothing(rng):
    pool = rng.permutation(np.eye(40))
    query = rng.normal(size=(3, 40))
    for level in (1, 4, 11):
        dense, uniform = KnnKDE(level).order(pool, query), KnnUniform(level).order(pool, query)
        assert dense.indices.tolist() == uniform.indices.tolist()
        assert np.allclose(dense.scores, uniform.scores, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("k", [5, 40, 300])
def test_the_budget_is_covered_when_there_are_as_many_neighbours(rng, k):
    pool, query = rng.normal(size=(800, 6)), rng.normal(size=(12, 6))
    assert (KnnKDE(neighbours=200).order(pool, query, k).scores > 0).all()


def test_fewer_neighbours_than_the_budget_are_no_error(rng):
    found = KnnKDE(Alignment(), neighbours=3).order(rng.normal(size=(200, 4)), rng.normal(size=(2, 4)), 150)
    assert len(found) == 150
    assert (found.scores[6:] == 0).all()
    assert (np.diff(found.indices[6:]) > 0).all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: KnnUniform(0), "`count`"),
        (lambda: KnnUniform(2.5), "`count`"),
        (lambda: KnnUniform("all"), 'a number, "budget", "published" or an Alignment'),
        (lambda: KnnUniform(5).order(np.ones((4, 2)), np.ones((1, 2))), "between 1 and 4"),
        (lambda: KnnKDE(0), "`level`"),
        (lambda: KnnKDE("all"), 'a number, "budget", "published" or an Alignment'),
        (lambda: KnnKDE(sigma=-1), "`sigma`"),
        (lambda: KnnKDE(neighbours=1), "`neighbours`"),
        (lambda: Alignment(alpha=1.0), "`alpha`"),
        (lambda: Alignment(scale=0), "`scale`"),
        (lambda: Alignment(most=0), "`most`"),
    ],
)
def test_bad_options_are_refused(make, says):
    with pytest.raises(InvalidInputError, match=says):
        make()
