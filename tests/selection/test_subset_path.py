"""Budgets as a path: exact sizes, exact nesting, and tokens that are never exceeded."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import DomainError, IncompatibleError, Interpolant, InvalidInputError, SupportsEndpoints
from continuum.datasets import LabelledDataset
from continuum.selection import Ordering, SubsetPath


def ordering(n, k=None, seed=0):
    order = np.random.default_rng(seed).permutation(n)[:k]
    return Ordering(order, -np.arange(len(order)), n)


def path(n=100, **options):
    return SubsetPath(range(n), ordering(n), **options)


budgets = st.fixed_dictionaries({"schedule": st.sampled_from(["log", "linear"]), "n": st.integers(1, 60)})


@given(budgets, st.data())
def test_every_number_of_examples_has_a_coordinate_and_is_found_there(options, data):
    n = options["n"]
    least = data.draw(st.integers(1 if options["schedule"] == "log" else 0, n))
    found = path(**options, k_min=least)
    for k in range(least, n + 1):
        t = found.t_for(k)
        assert 0 <= t <= 1
        assert found.count(t) == found.budget(t) == len(found.at(t)) == found.at(t).examples == k
        assert found.at_budget(k) == (t,)
        assert found.t_for(found.count(t)) == t


@given(budgets, st.integers(0, 5), st.lists(st.integers(0, 40), min_size=60, max_size=60).filter(lambda x: any(x[:1])))
def test_subsets_are_nested_and_grow_with_the_coordinate(options, seed, costs):
    n = options["n"]
    costs = np.array(costs[:n]) + (1 if options["schedule"] == "log" else 0)
    for unit in ("examples", "tokens"):
        found = SubsetPath(range(n), ordering(n, seed=seed), options["schedule"], unit, costs=costs)
        subsets = [found.at(t).indices for t in np.linspace(0, 1, 23)]
        for smaller, larger in itertools.pairwise(subsets):
            assert np.array_equal(larger[: len(smaller)], smaller)
        assert np.array_equal(subsets[-1], found.ordering.indices)


@pytest.mark.parametrize("schedule", ["log", "linear"])
def test_the_ends_are_the_smallest_budget_and_everything(schedule):
    found = path(schedule=schedule, k_min=7)
    assert (len(found.at(0)), len(found.at(1))) == (7, 100)
    assert {point: len(value) for point, value in found.endpoints.items()} == {(0.0,): 7, (1.0,): 100}
    assert len(path(schedule=schedule).at(0)) == 1
    assert isinstance(found, Interpolant)
    assert isinstance(found, SupportsEndpoints)
    with pytest.raises(DomainError):
        found.at(1.1)


def test_schedules_are_geometric_and_arithmetic_and_round_half_up():
    assert [path(1000).budget(t) for t in (0, 1 / 3, 2 / 3, 1)] == [1, 10, 100, 1000]
    assert [path(10, schedule="linear", k_min=0).budget(t) for t in (0, 0.04, 0.05, 0.15, 0.5, 1)] == [
        0,
        0,
        1,
        2,
        5,
        10,
    ]


def test_training_on_nothing_is_the_start_of_a_linear_path():
    found = path(10, schedule="linear", k_min=0)
    assert found.at(0).indices.tolist() == found.items(0) == []
    with pytest.raises(InvalidInputError, match="`k_min` must be between 1 and 10, got 0"):
        path(10, k_min=0)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.floats(0, 1), st.sampled_from(["log", "linear"]))
def test_a_budget_of_tokens_is_never_exceeded_and_the_next_example_would_exceed_it(costs, t, schedule):
    n = len(costs)
    found = SubsetPath(range(n), ordering(n), schedule, "tokens", costs=costs)
    subset, budget = found.at(t), found.budget(t)
    spent = np.array(costs)[found.ordering.indices]
    assert subset.tokens == spent[: len(subset)].sum() <= budget
    if len(subset) < n:
        assert subset.tokens + spent[len(subset)] > budget
    for k in range(1, n + 1):
        assert len(found.at(found.t_for(k))) == k


@given(st.lists(st.integers(1, 9), min_size=2, max_size=20), st.data())
def test_a_budget_that_is_asked_for_is_the_one_that_is_used(costs, data):
    found = SubsetPath(range(len(costs)), ordering(len(costs)), unit="tokens", costs=costs)
    budget = data.draw(st.integers(int(np.array(costs)[found.ordering.indices[0]]), sum(costs)))
    assert found.budget(found.at_budget(budget)) == budget


def test_tokens_are_told_whatever_the_unit():
    assert path(4, costs=[1, 2, 3, 4]).at(1).tokens == 10
    assert path(4).at(1).tokens is None


def test_a_part_that_was_ordered_is_where_the_path_ends():
    found = SubsetPath(range(50), ordering(50, k=20))
    assert np.array_equal(found.at(1).indices, found.ordering.indices)
    with pytest.raises(InvalidInputError, match="between 1 and 20 examples, got 21"):
        found.at_budget(21)


def test_what_is_given_out_is_the_callers():
    found = path(10)
    first = found.at(1)
    first.indices[:], first.scores[:] = 0, 7
    assert np.array_equal(found.at(1).indices, found.ordering.indices)
    assert np.array_equal(found.at(1).scores, found.ordering.scores)


def test_pools_of_any_kind_give_their_examples(rng):
    pd, torch = pytest.importorskip("pandas"), pytest.importorskip("torch")
    order = Ordering([2, 0, 1], np.zeros(3), n=3)
    x = rng.normal(size=(3, 2))
    at = {"texts": ["a", "b", "c"], "array": x, "tensor": torch.from_numpy(x), "table": pd.DataFrame({"a": [5, 6, 7]}),
          "data": LabelledDataset(x, ["u", "v", "w"])}  # fmt: skip
    found = {kind: SubsetPath(pool, order, k_min=2).items(0) for kind, pool in at.items()}
    assert found["texts"] == ["c", "a"]
    assert np.array_equal(found["array"], x[[2, 0]])
    assert np.array_equal(found["tensor"], x[[2, 0]])
    assert found["table"]["a"].tolist() == [7, 5]
    assert found["data"].y.tolist() == ["w", "u"]


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: path(schedule="cubic"), InvalidInputError, "`schedule` must be 'log' or 'linear', got 'cubic'"),
        (lambda: path(unit="bytes"), InvalidInputError, "`unit` must be 'examples' or 'tokens', got 'bytes'"),
        (lambda: path(10, k_min=11), InvalidInputError, "between 1 and 10, got 11"),
        (lambda: path(unit="tokens"), InvalidInputError, "needs `costs`, the tokens of each example"),
        (lambda: path(2, costs=[1, -1]), InvalidInputError, "`costs` must be whole numbers of tokens, not negative"),
        (lambda: path(2, costs=[1.5, 1]), InvalidInputError, "got float64"),
        (lambda: path(2, costs=[1, 1, 1]), InvalidInputError, "one for each of 2 examples"),
        (lambda: path(2, costs=[0, 0], unit="tokens"), InvalidInputError, "whole numbers of tokens"),
        (lambda: SubsetPath([], ordering(3)), InvalidInputError, "`pool` must hold at least one example"),
        (lambda: SubsetPath("abc", ordering(3)), InvalidInputError, "got 'abc'"),
        (lambda: SubsetPath([1, 2], ordering(3)), IncompatibleError, "is of 3 examples, and the pool has 2"),
        (lambda: SubsetPath([1, 2], [0, 1]), InvalidInputError, "`ordering` must be an Ordering, got list"),
        (lambda: SubsetPath([1], Ordering([], [], n=1)), InvalidInputError, "at least one example"),
        (
            lambda: SubsetPath([1, 2], Ordering([0, 1], [1, 0], 2, nested=False)),
            IncompatibleError,
            "prefixes of this ordering are not what",
        ),
        (
            lambda: SubsetPath([1, 2], Ordering([1, 0], [1, 0], 2), unit="tokens", costs=[3, 7]).at_budget(6),
            InvalidInputError,
            "`budget` must be between 7 and 10 tokens, got 6",
        ),
        (
            lambda: SubsetPath([1, 2], Ordering([1, 0], [1, 0], 2), unit="tokens", costs=[3, 0]),
            InvalidInputError,
            "the first example has no tokens: choose `k_min`",
        ),
        (lambda: path(5).t_for(6), InvalidInputError, "`k` must be between 0 and 5"),
        (lambda: path(5).t_for(0), InvalidInputError, "between 1 and 5 examples, got 0"),
    ],
)
def test_what_makes_no_path_is_refused(ask, error, said):
    with pytest.raises(error, match=said):
        ask()
