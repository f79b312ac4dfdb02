"""Greedy selectors take the best step that there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from naive import facility_location, herding, neighbours

from continuum.core import InvalidInputError
from continuum.measures import Gaussian, Laplace, Riesz
from continuum.selection import FacilityLocation, Herding, SimilaritySource


def unit(rows):
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def gram(kernel, x, y):
    if kernel is None:
        return x @ y.T
    squared = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    return kernel.value(torch.from_numpy(squared)).numpy()


@pytest.mark.parametrize("kernel", [None, Gaussian(0.8), Laplace(0.5), Riesz()])
@pytest.mark.parametrize("normalize", [True, False])
def test_herding_takes_the_greedy_minimum_of_the_discrepancy(rng, kernel, normalize):
    pool, query = rng.normal(size=(25, 3)).astype(np.float32), rng.normal(size=(6, 3)).astype(np.float32)
    x, y = (unit(rows.astype(float)) if normalize else rows.astype(float) for rows in (pool, query))
    found = Herding(kernel).order(SimilaritySource(pool, query, normalize=normalize), k_max=12)
    assert found.indices.tolist() == herding(gram(kernel, x, x), gram(kernel, x, y).mean(axis=1), 12)


def distances_of_means(pool, query, k):
    chosen = pool[Herding().order(SimilaritySource(pool, query, normalize=False), k_max=k).indices]
    means = np.cumsum(chosen, axis=0) / np.arange(1, k + 1)[:, None]
    return np.linalg.norm(means - query.mean(axis=0), axis=1)


def test_the_distance_of_means_falls_like_one_over_k(rng):
    pool = np.repeat(np.eye(5), 200, axis=0)  # the corners of a simplex, in which the mean of the query is
    query = rng.dirichlet(np.ones(5), 7)
    found = distances_of_means(pool, query, 150)
    assert (found * np.arange(1, 151) < 2).all()
    assert np.polyfit(np.log(np.arange(1, 151)), np.log(found), 1)[0] < -0.8
    # by chance it would be one over the root of k
    assert found[-20:].mean() < 0.1 * np.sqrt((1 - (query.mean(axis=0) ** 2).sum()) / 150)


def test_herding_takes_nothing_twice_and_equal_points_in_order():
    found = Herding().order(np.ones((5, 2)), np.ones((1, 2)))
    assert found.indices.tolist() == [0, 1, 2, 3, 4]


@given(st.data())
def test_facility_location_takes_the_greedy_maximum(data):
    n, m = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    eta, count = data.draw(st.sampled_from([0.5, 1.0, 100.0])), data.draw(st.integers(1, 25))
    pool, query = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    source = SimilaritySource(pool, query)
    relevance = np.maximum(source.column_max().astype(float), 0)
    between = unit(pool) @ unit(pool).T
    graph = np.zeros((n, n))
    near = neighbours(between, min(count, n))
    np.put_along_axis(graph, near, np.maximum(np.take_along_axis(between, near, axis=1), 0), axis=1)
    found = FacilityLocation(neighbours=count, eta=eta).order(source)
    assert sorted(found.indices.tolist()) == list(range(n))
    coverage, most = np.zeros(n), eta * relevance
    for place, j in enumerate(found.indices):
        gains = np.maximum(np.minimum(graph, most[:, None]) - coverage[:, None], 0).sum(axis=0)
        assert np.isclose(found.scores[place], gains[j], rtol=0, atol=1e-5)  # similarities are rounded to float32
        assert gains[j] >= gains[found.indices[place:]].max() - 1e-5
        coverage = np.maximum(coverage, np.minimum(graph[:, j], most))


def test_facility_location_of_distinct_gains_is_the_naive_order(rng):
    pool, query = rng.normal(size=(60, 4)), rng.normal(size=(5, 4))
    source = SimilaritySource(pool, query)
    relevance = np.maximum(source.column_max().astype(float), 0)
    graph = np.maximum(unit(pool) @ unit(pool).T, 0)
    expected = facility_location(graph, relevance, relevance, 15)
    assert FacilityLocation(neighbours=60).order(source, k_max=15).indices.tolist() == expected


def test_gains_of_facility_location_fall(rng):
    scores = FacilityLocation(neighbours=20).order(rng.normal(size=(400, 5)), rng.normal(size=(7, 5))).scores
    assert (np.diff(scores) <= 1e-12).all()
    assert (scores >= 0).all()


def test_when_all_is_covered_the_most_similar_is_first():
    pool = np.array([[0.6, 0.8], [1.0, 0.0], [1.0, 0.0], [0.8, 0.6]])
    source = SimilaritySource(pool, [[1.0, 0.0]])
    found = FacilityLocation(neighbours=4, eta=0.1).order(source)  # one item covers a tenth of each
    assert found.indices.tolist() == [1, 2, 3, 0]
    assert np.allclose(found.scores[1:], 0)


def test_a_few_candidates_stand_for_many_of_the_same_kind(rng):
    centres = np.eye(8)
    pool = np.repeat(centres, 50, axis=0) + 0.02 * rng.normal(size=(400, 8))
    found = FacilityLocation().order(pool, centres[:5], 5).indices
    assert sorted(found // 50) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("options", [{"neighbours": 0}, {"neighbours": 1.5}, {"eta": 0}])
def test_bad_options_are_refused(options):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(options))}`"):
        FacilityLocation(**options)
