"""Transfer metrics: deterministic for a generator, without traces in global state, and able to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import ConvergenceWarning, IncompatibleError, InvalidInputError, NotConvergedError, rng_for
from continuum.datasets import (
    Bures,
    GeneralizedGeodesic,
    LabelledDataset,
    MeansOnly,
    Perceptron,
    linear_probe,
    nearest_neighbour,
    otdd,
    otdd_to,
)
from continuum.measures import Exact

SMALL = Perceptron(hidden=16, steps=60, batch=16)
METRICS = [linear_probe, nearest_neighbour]


def blobs(rng, n=90, k=3, names=None, noise=0.5) -> LabelledDataset:
    """Separable classes: blob j sits at 4 e_j."""
    codes = np.arange(n) % k
    x = 4 * np.eye(5)[codes] + noise * rng.normal(size=(n, 5))
    return LabelledDataset(x, codes if names is None else [names[c] for c in codes])


@pytest.fixture
def task(rng):
    """Data to pre-train on, few shots and a test set of the target."""
    return blobs(rng, names="pqr"), blobs(rng, n=6), blobs(rng, n=60)


@pytest.mark.parametrize("make", METRICS)
def test_a_separable_problem_is_learnt_and_shuffled_labels_are_not(rng, task, make):
    value, shots, test = task
    assert make(shots, test, network=SMALL)(value, rng_for(0)) > 0.95
    wrong = LabelledDataset(test.x, rng.permutation(test.y))
    assert make(shots, wrong, network=SMALL)(value, rng_for(0)) < 0.6


def test_what_is_learnt_from_the_value_matters(rng):
    """The class is written in the last feature, under noise in the others that outweighs it for a 1-NN."""

    def hidden(n):
        codes = np.arange(n) % 2
        noise = 2 * rng.normal(size=(n, 20))
        noise[:, -1] = 2 * (2 * codes - 1) + 0.5 * rng.normal(size=n)
        return LabelledDataset(noise, codes)

    value, shots, test = hidden(600), hidden(10), hidden(200)
    blind = LabelledDataset(value.x, rng.permutation(value.y))
    metric = nearest_neighbour(shots, test, network=Perceptron(hidden=32, steps=600))
    assert metric(value, rng_for(0)) > metric(blind, rng_for(0)) + 0.15


@pytest.mark.parametrize("make", METRICS)
def test_16_one_generator_gives_one_number_and_leaves_no_trace(task, make):
    value, shots, test = task
    metric = make(shots, test, network=Perceptron(hidden=4, steps=3))
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    numbers = [metric(value, rng_for(seed)) for seed in (1, 1, 2, 3, 4, 5, 1)]
    assert numbers[0] == numbers[1] == numbers[-1]
    assert len(set(numbers)) > 1
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


@pytest.mark.parametrize("make", METRICS)
def test_grad_mode_is_neither_needed_nor_changed(task, make):
    value, shots, test = task
    metric = make(shots, test, network=Perceptron(hidden=4, steps=5))
    expected = metric(value, rng_for(0))
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert metric(value, rng_for(0)) == expected
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("make", METRICS)
def test_values_are_not_changed(task, make):
    value, shots, test = task
    before = [data.x.copy() for data in task]
    make(shots, test, network=SMALL)(value, rng_for(0))
    assert all((data.x == x).all() for data, x in zip(task, before, strict=True))


@pytest.mark.parametrize("make", METRICS)
@pytest.mark.parametrize("kind", ["floats", "declared as an array", "tensor", "soft"])
def test_labels_of_shots_and_test_are_compared_by_equality(task, make, kind):
    value, shots, test = task
    test = {
        "floats": lambda: LabelledDataset(test.x, test.y.astype(float)),
        "declared as an array": lambda: LabelledDataset(test.x, test.y, classes=np.array([2, 1, 0])),
        "tensor": lambda: LabelledDataset(torch.tensor(test.x), torch.tensor(test.y)),
        "soft": lambda: LabelledDataset(test.x, test.probabilities),
    }[kind]()
    assert make(shots, test, network=SMALL)(value, rng_for(0)) > 0.95


def test_a_test_label_without_a_shot_counts_as_an_error(task):
    value, shots, test = task
    renamed = LabelledDataset(test.x, [("new" if y == 2 else int(y)) for y in test.y])
    found = [nearest_neighbour(shots, data, network=SMALL)(value, rng_for(0)) for data in (test, renamed)]
    assert found[1] == pytest.approx(found[0] * 2 / 3, abs=0.03)


def test_weights_of_the_test_set_weigh_its_points(task):
    value, shots, test = task
    wrong = LabelledDataset(test.x, (test.y + 1) % 3)
    both = LabelledDataset(
        np.concatenate([test.x, test.x]), np.concatenate([test.y, wrong.y]), np.repeat([0.75, 0.25], 60) / 60
    )
    assert nearest_neighbour(shots, both, network=SMALL)(value, rng_for(0)) == pytest.approx(0.75, abs=0.05)


def test_points_of_weight_zero_teach_nothing(rng, task):
    value, _, test = task
    noise = LabelledDataset(rng.normal(size=(90, 5)) * 4, rng.permutation(value.y))
    x = np.concatenate([value.x, noise.x])
    network, seen = Perceptron(hidden=8, steps=200, batch=180), []
    for labels in (noise.y, rng.permutation(noise.y)):
        weighted = LabelledDataset(x, np.concatenate([value.y, labels]), np.repeat([1.0, 0.0], 90) / 90)
        seen.append(network.train(weighted, rng_for(0))(torch.tensor(test.x).float()))
    # Their features still enter the batch statistics; their labels must not matter.
    assert torch.equal(*seen)


def test_soft_labels_are_learnt_from(rng, task):
    value, shots, test = task
    path = GeneralizedGeodesic.fit(test, {"value": value, "twin": value})
    assert linear_probe(shots, test, network=SMALL)(path.at((0.5, 0.5)), rng_for(0)) > 0.95


def test_the_distance_metric_is_the_distance_and_takes_its_options(rng):
    value, target = blobs(rng, n=20), blobs(rng, n=16, names="pqr")
    for options in ({}, {"labels": MeansOnly()}, {"label_weight": 0.0}, {"feature_weight": 2.0, "labels": Bures()}):
        metric = otdd_to(target, **options)
        assert metric(value) == otdd(value, target, **options).distance
        assert metric.goal == "min"
        assert not metric.stochastic


def test_the_distance_metric_sweeps_a_path_to_its_ends_without_warnings(rng):
    target = blobs(rng, n=20)
    path = GeneralizedGeodesic.fit(target, {"a": blobs(rng, n=20, names="pqr"), "b": target}, labels=MeansOnly())
    metric = otdd_to(target, labels=MeansOnly())
    assert metric(path.at((0.0, 1.0))) == pytest.approx(0, abs=1e-6)
    assert metric(path.at((1.0, 0.0))) == pytest.approx(path.distance_to_base((1.0, 0.0)), rel=1e-9)


def test_what_cannot_be_learnt_from_or_compared_is_refused(rng):
    with pytest.raises(IncompatibleError, match="as many features"):
        linear_probe(blobs(rng), LabelledDataset(np.zeros((2, 3)), [0, 1]))
    with pytest.raises(InvalidInputError, match="one point"):
        SMALL.train(LabelledDataset(np.zeros((1, 5)), [0]), rng_for(0))
    with pytest.raises(InvalidInputError, match="stochastic"):
        linear_probe(blobs(rng), blobs(rng))(blobs(rng))


def test_an_unconverged_distance_is_a_failure_of_the_metric_and_carries_its_bounds(rng):
    data, other = (LabelledDataset(rng.normal(size=(30, 2)), [0, 1] * 15) for _ in range(2))
    metric = otdd_to(other, solver=Exact(max_iterations=1))
    with pytest.warns(ConvergenceWarning, match="the optimum lies in"), pytest.raises(NotConvergedError) as caught:
        metric(data)
    assert caught.value.result.lower <= otdd(data, other).squared <= caught.value.result.upper
