"""Transfer metrics: deterministic for a generator, without traces in global state, and able to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum import evaluate
from continuum.core import ConvergenceWarning, IncompatibleError, InvalidInputError, NotConvergedError, rng_for
from continuum.datasets import (
    Bures,
    Convolutional,
    GeneralizedGeodesic,
    LabelledDataset,
    McCann,
    MeansOnly,
    Perceptron,
    RawFeatures,
    fine_tuned,
    linear_probe,
    nearest_neighbour,
    otdd,
    otdd_to,
    pseudo_labels,
)
from continuum.harness import churn
from continuum.measures import Exact

SMALL = Perceptron(hidden=16, steps=60, batch=16)
METRICS = [linear_probe, nearest_neighbour, fine_tuned]


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


@pytest.mark.parametrize("make", METRICS)
def test_an_accuracy_tells_which_test_points_are_right_and_what_each_is_taken_for(task, make):
    value, shots, test = task
    metric = make(shots, test, network=SMALL)
    found = metric.measure(value, rng_for(0))
    assert found.values.tolist() == (found.decisions == test.codes).tolist()
    assert metric(value, rng_for(0)) == found.values.sum() / len(test)


def test_weighted_test_points_have_the_accuracy_of_their_weights(rng, task):
    value, shots, test = task
    weights = rng.dirichlet(np.ones(len(test)))
    wrong = np.where(np.arange(len(test)) % 4 == 0, (test.y + 1) % 3, test.y)
    found = linear_probe(shots, LabelledDataset(test.x, wrong, weights), network=SMALL).measure(value, rng_for(0))
    assert float(found) == pytest.approx((found.decisions == wrong) @ weights, rel=1e-12)


def test_intervals_and_churn_of_transfer_come_from_its_items(rng):
    value, shots, test = (blobs(rng, n=n, noise=2.0) for n in (90, 6, 60))
    path = McCann(shots, value)
    metric = nearest_neighbour(shots, test, network=Perceptron(hidden=4, steps=3))
    results = evaluate(path, metric, points=3, seeds=2, name="path", progress=False)
    assert results.items("path", metric.name).shape == (6, len(test))
    curve = results.curve("path", metric.name)
    assert (curve["low"] < curve["mean"]).all()
    flips = churn(results, "path", metric.name)
    assert flips["items"].tolist() == [60, 60]
    assert (abs(np.diff(curve["mean"])) <= flips["churn"] + 1e-12).all()


@pytest.mark.parametrize("make", METRICS)
def test_shots_of_weight_zero_teach_nothing(task, make):
    value, shots, test = task
    wrong = LabelledDataset(
        np.concatenate([shots.x, shots.x]), np.concatenate([shots.y, (shots.y + 1) % 3]), np.repeat([1.0, 0.0], 6) / 6
    )
    expected = make(shots, test, network=SMALL)(value, rng_for(0))
    assert make(wrong, test, network=SMALL)(value, rng_for(0)) == expected
    assert pseudo_labels(wrong, test).y.tolist() == pseudo_labels(shots, test).y.tolist()


def test_soft_labels_are_learnt_from(rng, task):
    value, shots, test = task
    path = GeneralizedGeodesic.fit(test, {"value": value, "twin": value})
    assert linear_probe(shots, test, network=SMALL)(path.at((0.5, 0.5)), rng_for(0)) > 0.95


def test_fine_tuning_keeps_what_the_value_taught(rng):
    """The class is the sign of one of many noisy features: six shots cannot tell which, six hundred points can."""

    def hidden(n):
        codes = np.arange(n) % 2
        x = rng.normal(size=(n, 40))
        x[:, 7] = 2 * (2 * codes - 1) + 0.5 * rng.normal(size=n)
        return LabelledDataset(x, codes)

    value, shots, test = hidden(600), hidden(6), hidden(300)
    blind = LabelledDataset(value.x, rng.permutation(value.y))
    metric = fine_tuned(shots, test, network=Perceptron(hidden=32, steps=200), steps=20)
    assert metric(value, rng_for(0)) > metric(blind, rng_for(0)) + 0.15


def test_without_pretraining_only_the_units_of_the_value_are_seen(rng, task):
    value, shots, test = task
    metric = fine_tuned(shots, test, network=Perceptron(hidden=8, steps=0), steps=3)
    relabelled = LabelledDataset(value.x, np.arange(len(value)))
    assert metric(value, rng_for(0)) == metric(relabelled, rng_for(0))
    assert metric(shots, rng_for(0)) != metric(shots, rng_for(1))


def test_fine_tuning_does_not_depend_on_what_pretraining_drew(task):
    class Spendthrift:
        def train(self, data, rng):
            rng.normal(size=100)
            return RawFeatures().train(data, rng)

    value, shots, test = task
    one, other = (fine_tuned(shots, test, network=network, steps=2) for network in (RawFeatures(), Spendthrift()))
    assert one(value, rng_for(0)) == other(value, rng_for(0))


@pytest.mark.parametrize("shape", [(8, 8), (2, 8, 8)])
def test_images_are_transferred_by_a_convolutional_network(rng, shape):
    def patches(n, names):
        codes = np.arange(n) % 3
        x = rng.random(size=(n, *shape))
        for image, code in zip(x, codes, strict=True):
            image[..., 2 * code : 2 * code + 3, 1:7] += 1.0
        return LabelledDataset(x.astype(np.float32), [names[code] for code in codes])

    value, shots, test = patches(90, "pqr"), patches(6, "abc"), patches(60, "abc")
    network = Convolutional(steps=20, batch=16)
    assert fine_tuned(shots, test, network=network, steps=30)(value, rng_for(0)) > 0.95
    assert linear_probe(shots, test, network=network)(value, rng_for(0)) > 0.95
    flat = LabelledDataset(value.x.reshape(90, -1), value.y)
    with pytest.raises(InvalidInputError, match="needs images"):
        fine_tuned(shots, test, network=network)(flat, rng_for(0))
    narrow = [LabelledDataset(part.x.reshape(len(part), *shape[:-2], 4, 16), part.y) for part in (shots, test)]
    with pytest.raises(IncompatibleError, match="one shape"):
        fine_tuned(*narrow, network=network)(value, rng_for(0))


def test_the_nearest_in_raw_features_ignores_the_value_and_is_what_pseudo_labels_says(rng):
    shots, test, value = (blobs(rng, n=n, noise=3) for n in (15, 200, 30))
    metric = nearest_neighbour(shots, test, network=RawFeatures(), name="1-NN in pixels")
    accuracy = float((pseudo_labels(shots, test).y == test.y).mean())
    assert metric(value, rng_for(0)) == metric(shots, rng_for(1)) == pytest.approx(accuracy)
    assert 0.3 < accuracy < 0.9


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_pseudo_labels_are_those_of_the_nearest_shot(rng, offset):
    shots, data = (LabelledDataset(offset + rng.normal(size=(n, 3, 2)), rng.integers(4, size=n)) for n in (20, 300))
    found = pseudo_labels(shots, data)
    distances = np.square(data.x[:, None] - shots.x[None]).sum((2, 3))
    assert (found.y == shots.y[distances.argmin(1)]).all()
    assert found.classes == shots.classes
    assert found.x is data.x


def test_pseudo_labels_keep_the_kind_of_labels_the_weights_and_all_classes(rng):
    shots = LabelledDataset(np.eye(3), [("a", 1), ("b", 2), ("a", 1)], classes=[("c", 3), ("b", 2), ("a", 1)])
    data = LabelledDataset(torch.eye(3), [0, 0, 0], [0.5, 0.25, 0.25])
    found = pseudo_labels(shots, data)
    assert found.y.tolist() == [("a", 1), ("b", 2), ("a", 1)]
    assert found.classes == shots.classes
    assert found.weights.tolist() == [0.5, 0.25, 0.25]
    soft = LabelledDataset(np.eye(3), np.eye(3)[[2, 1, 0]] * 0.4 + 0.2, classes="pqr")
    assert pseudo_labels(soft, data).y.tolist() == ["r", "q", "p"]


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
    with pytest.raises(IncompatibleError, match="as many features"):
        pseudo_labels(blobs(rng), LabelledDataset(np.zeros((2, 3)), [0, 1]))
    for make in METRICS:
        with pytest.raises(IncompatibleError, match="`value` must have as many"):
            make(blobs(rng), blobs(rng), network=SMALL)(LabelledDataset(np.zeros((2, 3)), [0, 1]), rng_for(0))
        with pytest.raises(InvalidInputError, match="one point"):
            make(blobs(rng), blobs(rng), network=SMALL)(blobs(rng, n=1), rng_for(0))
    with pytest.raises(InvalidInputError, match="two `shots`"):
        fine_tuned(blobs(rng, n=1), blobs(rng))
    for options in ({"steps": 0}, {"learning_rate": 0.0}, {"learning_rate": np.nan}):
        with pytest.raises(InvalidInputError, match="fine-tuning needs"):
            fine_tuned(blobs(rng), blobs(rng), **options)
    with pytest.raises(InvalidInputError, match="stochastic"):
        linear_probe(blobs(rng), blobs(rng))(blobs(rng))


def test_an_unconverged_distance_is_a_failure_of_the_metric_and_carries_its_bounds(rng):
    data, other = (LabelledDataset(rng.normal(size=(30, 2)), [0, 1] * 15) for _ in range(2))
    metric = otdd_to(other, solver=Exact(max_iterations=1))
    with pytest.warns(ConvergenceWarning, match="the optimum lies in"), pytest.raises(NotConvergedError) as caught:
        metric(data)
    assert caught.value.result.lower <= otdd(data, other).squared <= caught.value.result.upper


@pytest.mark.parametrize(
    ("few", "many"), [(np.float32, np.float64), (np.float64, np.float32), (np.float16, np.float64)]
)
def test_pseudo_labels_take_any_two_precisions(few, many):
    shots = LabelledDataset(np.array([[0.0], [1.0]], few), ["low", "high"])
    data = LabelledDataset(np.array([[0.2], [0.9]], many), [0, 0])
    assert pseudo_labels(shots, data).y.tolist() == ["low", "high"]
