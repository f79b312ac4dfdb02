"""A metric returns one real number, or says that it does not."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch

from continuum import Metric, metric
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
    ids=repr,
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
