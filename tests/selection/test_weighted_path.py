"""Weights as a path: the effective sample size is the budget, and rounding is systematic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import IncompatibleError, InvalidInputError
from continuum.selection import SimilaritySource, WeightedPath, inclusion, systematic_counts, systematic_sample

vectors = st.lists(st.floats(0, 10), min_size=1, max_size=30).filter(lambda w: sum(w) > 1e-3)


def embedded(rng, n=40, m=3, d=5):
    return rng.normal(size=(n, d)), rng.normal(size=(m, d))


@given(vectors, st.integers(1, 200), st.integers(0, 100))
def test_rounding_is_less_than_one_away_and_the_total_is_exact(weights, k, seed):
    counts = systematic_counts(weights, k, seed=seed)
    expected = k * np.array(weights) / np.sum(weights)
    assert counts.sum() == k
    assert (counts >= 0).all()
    assert (np.abs(counts - expected) < 1).all()


@pytest.mark.parametrize("n", [3, 7, 49, 1000])
def test_equal_weights_and_as_many_examples_take_each_once(n):
    for seed in range(20):
        assert systematic_counts(np.full(n, 1 / n), n, seed=seed).tolist() == [1] * n


def test_counts_are_right_on_average_over_seeds():
    w = np.array([0.5, 0.3, 0.15, 0.05])
    mean = np.mean([systematic_counts(w, 3, seed=seed) for seed in range(4000)], 0)
    assert np.allclose(mean, 3 * w, atol=0.03)  # three standard errors of a coin


@given(vectors, st.data())
def test_inclusion_is_proportional_to_weights_but_for_those_that_are_cut(weights, data):
    w = np.array(weights)
    k = data.draw(st.integers(1, int((w > 0).sum())))
    found = inclusion(w, k)
    assert math.isclose(found.sum(), k, rel_tol=1e-9)
    assert ((found >= 0) & (found <= 1)).all()
    free = (found < 1) & (w > 1e-9)
    ratios = found[free] / w[free]
    assert np.allclose(ratios, ratios.mean() if len(ratios) else 0, rtol=1e-6)
    assert (np.diff(found[np.argsort(w, kind="stable")]) >= -1e-12).all()


@given(vectors, st.data(), st.integers(0, 20))
def test_a_sample_has_its_size_and_nothing_twice(weights, data, seed):
    w = np.array(weights)
    k = data.draw(st.integers(1, int((w > 0).sum())))
    found = systematic_sample(w, k, seed=seed)
    assert len(set(found.tolist())) == len(found) == k
    assert (w[found] > 0).all()
    assert set(np.flatnonzero(inclusion(w, k) == 1)) <= set(found.tolist())


def test_the_ends_are_the_nearest_alone_and_all_alike(rng):
    pool, query = embedded(rng)
    path = WeightedPath(pool, query)
    nearest = (
        query / np.linalg.norm(query, axis=1)[:, None] @ (pool / np.linalg.norm(pool, axis=1)[:, None]).T
    ).argmax(1)
    assert np.allclose(path.at(0).weights, np.bincount(nearest, minlength=40) / 3)
    assert path.at(0).epsilon == 0
    assert path.at(1).weights.tolist() == [1 / 40] * 40
    assert path.at(1).epsilon is None
    assert path.at(1).effective == pytest.approx(40)


@pytest.mark.parametrize("schedule", ["log", "linear"])
def test_the_effective_sample_size_is_the_budget_everywhere(schedule, rng):
    path = WeightedPath(*embedded(rng), schedule)
    last = 0.0
    for t in np.linspace(0, 1, 9):
        found = path.at(t)
        assert (found.weights >= 0).all()
        assert found.weights.sum() == pytest.approx(1)
        assert found.effective == pytest.approx(path.budget(t), rel=1e-4)  # similarities are of single precision
        assert 1 <= found.effective <= 40 + 1e-9
        assert found.effective > last
        assert path.at_budget(path.budget(t))[0] == pytest.approx(t, abs=1e-9)
        last = found.effective


def test_weights_are_the_mean_of_soft_maxes(rng):
    pool, query = embedded(rng)
    found = WeightedPath(pool, query).at(0.4)
    units = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (pool, query)]
    votes = np.exp(units[1] @ units[0].T / (2 * found.epsilon))
    assert np.allclose(found.weights, (votes / votes.sum(1, keepdims=True)).mean(0), rtol=1e-4)


def test_repeated_queries_change_nothing_and_repeated_candidates_share(rng):
    pool, query = embedded(rng)
    assert np.allclose(WeightedPath(pool, [*query, *query]).at(0.3).weights, WeightedPath(pool, query).at(0.3).weights)
    twice = WeightedPath([*pool, *pool], query)
    for t in (0, 0.3):
        weights = twice.at(t).weights
        assert np.allclose(weights[:40], weights[40:])


def test_similarities_that_are_not_kept_are_computed_anew(rng):
    pool, query = embedded(rng, n=3000)
    kept = WeightedPath(pool, query).at(0.5).weights
    assert np.array_equal(WeightedPath(SimilaritySource(pool, query, block=64, keep=0)).at(0.5).weights, kept)


def test_a_query_to_which_all_are_alike_has_one_weight_everywhere():
    path = WeightedPath(np.ones((5, 2)), [[1.0, 1.0]])
    for t in (0, 0.5, 1):
        assert path.at(t).weights.tolist() == [0.2] * 5
    assert path.at_budget(5) == (1.0,)


def test_counts_and_samples_come_from_the_weights(rng):
    found = WeightedPath(*embedded(rng)).at(0.7)
    assert np.array_equal(found.counts(9, seed=4), systematic_counts(found.weights, 9, seed=4))
    assert np.array_equal(found.sample(9, seed=4), systematic_sample(found.weights, 9, seed=4))


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: WeightedPath(np.eye(3), np.eye(3), "cubic"), InvalidInputError, "'log' or 'linear', got 'cubic'"),
        (lambda: WeightedPath(np.eye(3), np.eye(2)), IncompatibleError, "embeddings of 3 numbers"),
        (lambda: WeightedPath(np.eye(3), [[math.nan, 0, 0]]).at(0.5), InvalidInputError, "must be finite"),
        (lambda: WeightedPath(np.eye(3), [[3.0, 2.0, 1.0]]).at_budget(4), InvalidInputError, "between 1 and 3, got 4"),
        (lambda: systematic_counts([-1.0, 2.0], 3), InvalidInputError, "not negative, with a positive sum"),
        (lambda: systematic_counts([0.0, 0.0], 3), InvalidInputError, "with a positive sum"),
        (lambda: systematic_counts([1.0], 0), InvalidInputError, "`k` must be at least 1"),
        (lambda: systematic_sample([1.0, 0.0], 2), InvalidInputError, "`k` is 2, but only 1 of 2 examples have weight"),
    ],
)
def test_what_has_no_weights_is_refused(ask, error, said):
    with pytest.raises(error, match=said):
        ask()
