"""Selection in one call: the budget is exact, nothing is chosen twice, and contamination is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import ContinuumWarning, IncompatibleError, InvalidInputError
from continuum.datasets import LabelledDataset
from continuum.selection import (
    DSIR,
    Ordering,
    Precomputed,
    RoundRobin,
    TfidfSVD,
    distinct,
    drop_near_duplicates,
    overlap,
    select,
)

TEXTS = ["stocks fell", "the cat sat", "a dog and a cat", "the cat sat", "bond prices fell again", "a cat and a dog"]
QUERY = ["the cat and the dog"]


class First:
    """Chooses in the order of the pool, and notes what it was given."""

    nested = True

    def order(self, pool, query=None, k_max=None, *, seed=0):
        self.pool, self.query, self.seed = pool, query, seed
        k = len(pool) if k_max is None else k_max
        return Ordering(np.arange(k), -np.arange(k), len(pool), self.nested)


class Whole(First):
    nested = False


def test_texts_are_embedded_chosen_and_counted():
    found = select(TEXTS, QUERY, representation=TfidfSVD(4), selector=RoundRobin(), budget=3)
    assert len(found) == found.examples == 3
    assert set(found.indices) == {1, 2, 5}
    assert found.tokens is None


def test_of_equal_candidates_the_first_alone_is_chosen_unless_all_are_asked_for():
    dropped = select(TEXTS, QUERY, selector=DSIR(noise=0), budget=5)
    assert sorted(dropped.indices) == [0, 1, 2, 4, 5]
    kept = select(TEXTS, QUERY, selector=DSIR(noise=0), budget=6, repeats="keep")
    assert sorted(kept.indices) == list(range(6))
    with pytest.raises(InvalidInputError, match="`budget` is 6 examples, and the pool has 5 different ones"):
        select(TEXTS, QUERY, selector=DSIR(), budget=6)


def test_positions_are_those_in_the_pool_that_was_given(rng):
    x = rng.normal(size=(6, 3))
    pool = x[[0, 0, 1, 2, 1, 3, 4, 5]]
    selector = First()
    found = select(pool, x[:1] + 1, selector=selector, budget=4, seed=7)
    assert found.indices.tolist() == [0, 2, 3, 5]
    assert np.array_equal(selector.pool, x)
    assert selector.seed == 7


@pytest.mark.parametrize("budget", [4, 5, 11, 12, 30, 300])
def test_a_budget_of_tokens_is_not_exceeded(budget):
    costs = np.array([4, 1, 7, 7, 9, 2])
    found = select([f"text {c}" for c in range(6)], ["x"], selector=First(), budget=budget, unit="tokens", costs=costs)
    k = len(found)
    assert found.tokens == costs[:k].sum() <= budget
    assert k == 6 or found.tokens + costs[k] > budget


def test_examples_are_counted_in_tokens_too_where_costs_are_known():
    assert select(["a", "b"], ["x"], selector=First(), budget=2, costs=[3, 4]).tokens == 7


def test_examples_that_are_in_the_query_too_are_said():
    with pytest.warns(ContinuumWarning, match="2 of 6 candidates are in the query too"):
        select(TEXTS, ["the cat sat"], selector=DSIR(), budget=2)


def test_repeated_queries_are_legitimate(rng):
    pool, query = rng.normal(size=(9, 4)), rng.normal(size=(1, 4))
    once = select(pool, query, selector=RoundRobin(), budget=5)
    assert np.array_equal(select(pool, np.repeat(query, 3, 0), selector=RoundRobin(), budget=5).indices, once.indices)


def test_vectors_that_were_computed_before_are_used(rng):
    x, q = rng.normal(size=(6, 3)), rng.normal(size=(1, 3))
    of = Precomputed(x, q)
    found = select(list("abcdef"), ["query"], representation=of, selector=RoundRobin(), budget=2)
    assert np.array_equal(found.indices, RoundRobin().order(x, q, 2).indices)


@pytest.mark.parametrize(
    ("pool", "kept"),
    [
        (["a", "b", "a", "A"], [0, 1, 3]),
        (np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]), [0, 2]),
        (torch.tensor([[1, 2], [1, 2], [2, 1]]), [0, 2]),
        (np.array(["a", "b", "a"], object), [0, 1]),
        (LabelledDataset(np.array([[1.0], [1.0], [1.0]]), ["u", "v", "u"]), [0, 1]),
        ([{"text": "a"}, {"text": "b"}, {"text": "a"}], [0, 1]),
        ([(torch.ones(2), 0), (torch.ones(2), 1), (torch.ones(2), 0)], [0, 1]),
    ],
    ids=["texts", "array", "tensor", "objects", "data set", "dicts", "pairs"],
)
def test_equal_examples_are_found_in_pools_of_any_kind(pool, kept):
    assert distinct(pool).tolist() == kept
    assert overlap(pool, pool).tolist() == list(range(len(pool)))


def test_near_duplicates_are_left_out_and_prefixes_stay_prefixes(rng):
    centres = np.eye(5)[rng.integers(0, 5, 60)]
    pool = 3 * (centres + 0.01 * rng.normal(size=(60, 5)))
    ordering = Ordering(rng.permutation(60), np.arange(60.0), 60)
    found = drop_near_duplicates(ordering, pool, 0.95)
    assert len(found) == 5
    units = pool[found.indices] / np.linalg.norm(pool[found.indices], axis=1, keepdims=True)
    assert (units @ units.T - 2 * np.eye(5)).max() < 0.95
    for k in range(1, 6):
        assert np.array_equal(drop_near_duplicates(ordering, pool, 0.95, k_max=k).indices, found.indices[:k])
    assert np.array_equal(drop_near_duplicates(ordering, pool, 1.0).indices, ordering.indices)
    assert found.scores.tolist() == [ordering.scores[ordering.indices.tolist().index(i)] for i in found.indices]


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: select([], QUERY, selector=First(), budget=1), InvalidInputError, "`pool` must hold at least one"),
        (lambda: select(TEXTS, [], selector=First(), budget=1), InvalidInputError, "`query` must hold at least one"),
        (lambda: select(TEXTS, "query", selector=First(), budget=1), InvalidInputError, "got 'query'"),
        (lambda: select(TEXTS, QUERY, selector=First(), budget=0), InvalidInputError, "`budget` must be at least 1"),
        (lambda: select(TEXTS, QUERY, selector=First(), budget=1.5), InvalidInputError, "must be a whole number"),
        (lambda: select(TEXTS, QUERY, selector=First(), budget=1, unit="kg"), InvalidInputError, "got .kg."),
        (lambda: select(TEXTS, QUERY, selector=First(), budget=1, repeats="no"), InvalidInputError, "got .no."),
        (lambda: select(TEXTS, QUERY, selector=First(), budget=9, unit="tokens"), InvalidInputError, "needs `costs`"),
        (
            lambda: select(["a", "b"], QUERY, selector=First(), budget=4, unit="tokens", costs=[5, 1]),
            InvalidInputError,
            "`budget` is 4 tokens, and the first example has 5",
        ),
        (
            lambda: select(["a", "b"], QUERY, selector=Whole(), budget=9, unit="tokens", costs=[5, 1]),
            IncompatibleError,
            "prefixes of this ordering",
        ),
        (
            lambda: select(TEXTS[:2], QUERY, representation=Precomputed(np.full((2, 2), np.nan), np.ones((1, 2))),
                           selector=RoundRobin(), budget=1),
            InvalidInputError,
            "must be finite",
        ),
        (
            lambda: select(TEXTS[:2], QUERY, representation=Precomputed(np.eye(2), np.ones((1, 3))),
                           selector=RoundRobin(), budget=1),
            IncompatibleError,
            "encodes the pool in 2 coordinates and the query in 3",
        ),
        (lambda: drop_near_duplicates(Ordering([0], [0], 1), [[1.0]], 2.0), InvalidInputError, r"in \[0, 1\]"),
    ],
)  # fmt: skip
def test_what_cannot_be_selected_is_refused(ask, error, said):
    with pytest.raises(error, match=said):
        ask()
