"""How far a selection is from the query, in the distances that selectors make small."""

from __future__ import annotations

import math

import numpy as np
import pytest

from continuum.core import IncompatibleError, InvalidInputError, fingerprint
from continuum.measures import Gaussian
from continuum.selection import (
    Ordering,
    Subset,
    SubsetPath,
    WeightedPath,
    mmd2_to,
    nearest_to,
    quantile_groups,
    transport_to,
)

EVERY = [transport_to, mmd2_to, nearest_to]
every = pytest.mark.parametrize("make", EVERY)


def subset(*indices):
    return Subset(np.array(indices, dtype=np.int64), np.zeros(len(indices)))


def units(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@every
def test_the_query_itself_is_at_distance_zero_whatever_the_lengths_of_its_vectors(make, rng):
    query = rng.normal(size=(4, 3))
    pool = np.concatenate([5 * query, rng.normal(size=(6, 3))])
    assert make(pool, query)(subset(0, 1, 2, 3)) == pytest.approx(0, abs=1e-6)
    assert make(pool, query)(subset(5, 6, 7)) > 0.01
    assert make(pool, query).goal == "min"


def test_transport_to_one_query_is_the_mean_distance_and_to_many_is_solved(rng):
    pool, query = rng.normal(size=(8, 3)), rng.normal(size=(1, 3))
    distances = 1 - units(pool) @ units(query)[0]
    assert transport_to(pool, query)(subset(1, 4)) == pytest.approx(distances[[1, 4]].mean(), abs=1e-6)
    query = rng.normal(size=(2, 3))
    costs = 1 - units(pool[[3, 5]]) @ units(query).T
    best = min(costs[0, 0] + costs[1, 1], costs[0, 1] + costs[1, 0]) / 2
    assert transport_to(pool, query)(subset(3, 5)) == pytest.approx(best, abs=1e-6)


def test_the_nearest_distance_is_known_of_each_query(rng):
    pool, query = rng.normal(size=(8, 3)), rng.normal(size=(5, 3))
    found = nearest_to(pool, query).measure(subset(1, 4))
    assert found.values == pytest.approx(1 - (units(query) @ units(pool[[1, 4]]).T).max(1), abs=1e-6)


def test_the_nearest_distance_does_not_grow_with_the_selection(rng):
    pool, query = rng.normal(size=(30, 4)), rng.normal(size=(5, 4))
    path = SubsetPath(pool, Ordering(rng.permutation(30), np.zeros(30), 30))
    found = [nearest_to(pool, query)(path.at(t)) for t in np.linspace(0, 1, 8)]
    assert (np.diff(found) <= 1e-12).all()
    assert found[-1] == pytest.approx((1 - (units(query) @ units(pool).T).max(1)).mean(), abs=1e-6)


@every
def test_equal_weights_are_the_whole_pool(make, rng):
    pool, query = rng.normal(size=(12, 3)), rng.normal(size=(3, 3))
    assert make(pool, query)(WeightedPath(pool, query).at(1)) == pytest.approx(make(pool, query)(subset(*range(12))))


@every
def test_nothing_has_no_distance(make):
    assert math.isnan(make(np.eye(2), np.eye(2))(subset()))


def test_the_kernel_is_a_choice_and_part_of_what_identifies_the_metric(rng):
    pool, query = rng.normal(size=(5, 2)), rng.normal(size=(3, 2))
    gaussian = mmd2_to(pool, query, kernel=Gaussian(1.0))
    x, y = units(pool)[:2], units(query)

    def mean(a, b):
        return np.exp(-((a[:, None] - b) ** 2).sum(2) / 2).mean()

    assert gaussian(subset(0, 1)) == pytest.approx(mean(x, x) - 2 * mean(x, y) + mean(y, y), abs=1e-6)
    assert fingerprint(gaussian) != fingerprint(mmd2_to(pool, query))
    assert fingerprint(mmd2_to(pool, query)) == fingerprint(mmd2_to(pool.copy(), query.copy()))


def test_quantiles_are_equal_parts_of_an_ordering():
    order = np.arange(103)[::-1]
    found = quantile_groups(Ordering(order, order, 103), groups=10, count=4)
    assert [group[0] for group in found] == [order[int(q * 10.3)] for q in range(10)]
    assert all(np.array_equal(group, np.arange(group[0], group[0] - 4, -1)) for group in found)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: transport_to(np.eye(3), np.eye(2)), IncompatibleError, "embeddings of 3 numbers, `query` of 2"),
        (
            lambda: nearest_to(np.eye(3), np.eye(3))([0, 1]),
            InvalidInputError,
            "of a Subset or a Weighted value, got list",
        ),
        (lambda: mmd2_to(np.full((2, 2), np.nan), np.eye(2))(subset(1)), InvalidInputError, "row 1"),
        (
            lambda: quantile_groups(Ordering([0, 1], [0, 1], 2), groups=2, count=2),
            InvalidInputError,
            "2 quantiles of 2 examples have not 2 each",
        ),
    ],
)
def test_what_has_no_distance_is_refused(ask, error, said):
    with pytest.raises(error, match=said):
        ask()
