"""A metric returns one real number, or says that it does not."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch

from continuum import Metric, PerItem, metric
from continuum.core import InvalidInputError, rng_for


@pytest.mark.parametrize(
    "number",
    [
        0.5,
        np.float32(0.5),
        np.array(0.5),
        np.array([[0.5]]),
        Fraction(1, 2),
        torch.tensor(0.5),
        torch.tensor([0.5], requires_grad=True),
        torch.tensor(0.5, dtype=torch.bfloat16),
    ],
    ids=repr,
)
def test_one_number_of_any_library_is_a_number(number):
    got = Metric("half", lambda value: number)(None)
    assert type(got) is float
    assert got == 0.5


@pytest.mark.parametrize(("number", "expected"), [(3, 3.0), (np.int64(3), 3.0), (torch.tensor(3), 3.0)])
def test_counts_are_numbers(number, expected):
    assert Metric("count", lambda value: number)(None) == expected


def test_nan_is_passed_on():
    assert np.isnan(Metric("nan", lambda value: float("nan"))(None))


@pytest.mark.parametrize(
    "result",
    [
        None,
        "0.5",
        b"1",
        np.ones(2),
        [1, 2],
        [[1], [1, 2]],
        {},
        1j,
        10**400,
        object(),
        torch.ones(2),
    ],
    ids=lambda result: type(result).__name__,  # the repr of an object is its address, another one in each process
)
def test_anything_else_is_refused_by_name(result):
    with pytest.raises(InvalidInputError, match="metric 'loss' must return one real number"):
        Metric("loss", lambda value: result)(None)


def test_a_stochastic_metric_needs_a_generator():
    noisy = Metric("noisy", lambda value, rng: rng.normal(), stochastic=True)
    assert noisy(None, rng_for(0, "noisy")) == noisy(None, rng_for(0, "noisy"))
    with pytest.raises(InvalidInputError, match="'noisy' is stochastic: pass `rng`"):
        noisy(None)


def test_a_deterministic_metric_does_not_get_the_generator():
    assert Metric("size", len)("abc", rng_for(0)) == 3


@metric
def mean(x):
    return x.mean()


@metric(name="worst", goal="min", unit="nats", version="2")
def largest(x):
    return x.max()


def test_the_decorator_names_after_the_function_or_as_told():
    assert mean == Metric("mean", mean.fn)
    assert largest == Metric("worst", largest.fn, goal="min", unit="nats", version="2")
    assert largest(np.array([1.0, 3.0])) == 3


def test_a_metric_of_an_importable_function_pickles():
    size = Metric("size", len, goal="min")
    assert pickle.loads(pickle.dumps(size)) == size


@pytest.mark.parametrize(
    "make",
    [
        lambda: Metric("", len),
        lambda: Metric(None, len),
        lambda: Metric("size", 3),
        lambda: Metric("size", len, goal="maximum"),
    ],
)
def test_impossible_metrics_are_refused(make):
    with pytest.raises(InvalidInputError):
        make()


@pytest.mark.parametrize(
    "values", [[True, False, True, True], np.array([1, 0, 1, 1]), torch.tensor([1.0, 0.0, 1.0, 1.0])], ids=type
)
def test_what_was_found_on_items_is_a_number_too(values):
    one = Metric("hits", lambda value: PerItem(values, decisions=torch.tensor([3, 1, 2, 0])))
    assert one(None) == float(one.measure(None)) == 0.75
    assert one.measure(None).values.dtype == np.float64
    assert one.measure(None).decisions.tolist() == [3, 1, 2, 0]


def test_items_of_unlike_masses_have_the_weighted_mean(rng):
    values, masses = rng.normal(size=7), rng.dirichlet(np.ones(7))
    found = PerItem.weighted(values, masses, decisions=np.arange(7))
    assert float(found) == pytest.approx(values @ masses, rel=1e-12)
    assert found.decisions.tolist() == list(range(7))
    assert PerItem.weighted(values, np.full(7, 1 / 7)).values.tolist() == values.tolist()


def test_a_plain_number_is_measured_as_a_number():
    assert Metric("half", lambda value: 0.5).measure(None) == 0.5
    assert (
        Metric("draw", lambda value, rng: rng.random(), stochastic=True).measure(None, rng_for(0))
        == rng_for(0).random()
    )


@pytest.mark.parametrize("values", [[], [[1.0]], "abc", [1j], 1.0], ids=repr)
def test_items_are_a_vector_of_real_numbers(values):
    with pytest.raises(InvalidInputError, match="`values`"):
        PerItem(values)


@pytest.mark.parametrize("decisions", [[1], [0.5, 1.0], ["a", "b"]], ids=repr)
def test_decisions_are_as_many_whole_numbers(decisions):
    with pytest.raises(InvalidInputError, match="`decisions`"):
        PerItem([0.0, 1.0], decisions=decisions)
