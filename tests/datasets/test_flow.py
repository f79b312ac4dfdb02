"""Gradient flows of datasets: closed forms, the slope of the objective by differences, descent, and the ends."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from continuum.core import DomainError, IncompatibleError, InvalidInputError
from continuum.datasets import (
    Bures,
    ExactLabels,
    GradientFlow,
    LabelledDataset,
    McCann,
    MeansOnly,
    noise_floor,
    otdd,
)
from continuum.measures import LedoitWolf, Sinkhorn

METRICS = [Bures(), Bures(unbiased=False), ExactLabels(), MeansOnly()]


def clusters(rng, n=18, d=3, k=3, shift=0.0, weighted=False) -> LabelledDataset:
    y = np.arange(n) % k
    weights = rng.dirichlet(np.full(n, 5.0)) if weighted else None
    return LabelledDataset(rng.normal(size=(n, d)) + 2.0 * y[:, None] + shift, y, weights)


def digits(first, last) -> LabelledDataset:
    x, y = load_digits(return_X_y=True)
    return LabelledDataset(x[first:last] / 16, y[first:last])


# Closed forms


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0), (1.0, 0.0), (0.0, 1.0)], ids=str)
def test_a_point_decays_to_a_point(metric, weights):
    start, goal = LabelledDataset(np.zeros((1, 2)), ["a"]), LabelledDataset([[4.0, -8.0]], ["b"])
    metric = Bures(unbiased=False) if metric == Bures() else metric  # which warns of a class of one sample
    flow = GradientFlow(
        start, goal, steps=5, step_size=0.1, labels=metric, feature_weight=weights[0], label_weight=weights[1]
    )
    for k in range(6):
        left = (1 - 2 * sum(weights) * 0.1) ** k
        np.testing.assert_allclose(flow.at(k * 0.1).x, (1 - left) * goal.x, atol=1e-14)
        assert flow.objective[k] == pytest.approx(sum(weights) * 80 * left**2, abs=1e-13)


@pytest.mark.parametrize("metric", METRICS, ids=repr)
def test_a_translation_is_followed_along_straight_lines(rng, metric):
    source, v = clusters(rng, weighted=True), np.array([5.0, 0.0, -1.0])
    target = LabelledDataset(source.x + v, ["abc"[label] for label in source.y], source.weights)
    flow = GradientFlow(source, target, steps=6, step_size=0.04, labels=metric, feature_weight=2.0)
    for k in range(7):
        moved = source.x + (1 - (1 - 2 * 3.0 * 0.04) ** k) * v
        np.testing.assert_allclose(flow.at(k * 0.04).x, moved, atol=1e-9)
    assert flow.converged


def test_small_steps_approach_the_exponential(rng):
    source = clusters(rng)
    target = LabelledDataset(source.x + 1.0, source.y)
    errors = []
    for steps in (10, 20, 40):
        flow = GradientFlow(source, target, steps=steps, step_size=0.2 / steps, labels=MeansOnly())
        errors.append(np.abs(flow.at(0.2).x - source.x - (1 - np.exp(-4 * 0.2))).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)  # Euler is of first order
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


# The slope and the descent


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 2.0)], ids=str)
def test_the_velocity_is_the_slope_of_the_objective(rng, metric, weights):
    source, target = clusters(rng, n=8, d=2, k=2, weighted=True), clusters(rng, n=9, d=2, shift=1.0)
    options = {"labels": metric, "feature_weight": weights[0], "label_weight": weights[1]}
    flow = GradientFlow(source, target, steps=1, step_size=0.01, **options)
    velocity = (flow.at(0.01).x - source.x) / 0.01
    step = 1e-5
    for i in range(len(source)):
        for k in range(2):
            ends = []
            for sign in (1, -1):
                x = source.x.copy()
                x[i, k] += sign * step
                ends.append(otdd(LabelledDataset(x, source.y, source.weights), target, **options).squared)
            slope = (ends[0] - ends[1]) / (2 * step)
            assert -source.weights[i] * velocity[i, k] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_steps_up_to_the_bound_never_increase_the_objective(rng, metric, share):
    source, target = clusters(rng, k=3, weighted=True), clusters(rng, n=25, k=4, shift=2.0)
    # The factor of `Bures()`: n / (n - 1) of the smallest class, with weights 1 / (1 - sum w^2).
    sizes = [source.weights[source.y == label] for label in range(3)]
    s = max(1 / (1 - np.square(w / w.sum()).sum()) for w in sizes) if metric == Bures() else 1.0
    flow = GradientFlow(source, target, steps=8, step_size=share / (1 + 0.5 * s), labels=metric, label_weight=0.5)
    assert (np.diff(flow.objective) <= 1e-10).all()
    start = otdd(source, target, labels=metric, label_weight=0.5).squared
    assert flow.objective[0] == pytest.approx(start, rel=1e-14)  # sums of strided and of dense rows round differently
    if share < 1:
        assert flow.objective[-1] < flow.objective[0]


@pytest.mark.parametrize("metric", [Bures(unbiased=False), ExactLabels()], ids=repr)
def test_digits_flow_to_within_the_noise_of_the_target(metric):
    source, target = digits(0, 100), digits(1000, 1200)
    dimmed = LabelledDataset(0.5 * source.x, source.y)
    flow = GradientFlow(dimmed, target.subset(slice(0, 100)), steps=8, step_size=0.1, labels=metric)
    floor = noise_floor(target, n=100, splits=2, labels=metric)
    assert flow.objective[0] > 1.5 * floor.squared
    assert (np.diff(flow.objective) < 0).all()
    assert flow.objective[-1] < floor.squared


def test_blurred_plans_descend_too(rng):
    source, target = clusters(rng), clusters(rng, shift=3.0)
    flow = GradientFlow(source, target, steps=5, solver=Sinkhorn(0.2, "mean", tolerance=1e-4), labels=MeansOnly())
    assert flow.objective[-1] < flow.objective[0] / 2


def test_a_flow_rests_at_its_target(rng):
    data = clusters(rng)
    flow = GradientFlow(data, data, steps=3, labels=ExactLabels())
    assert (flow.at(0.15).x == data.x).all()
    assert (flow.objective == 0).all()


# Values


@pytest.mark.parametrize("kind", ["float32", "float64", "tensor", "images"])
def test_the_start_is_the_source_bit_for_bit_and_values_are_of_its_kind(rng, kind):
    data, target = clusters(rng, d=4), clusters(rng, d=4, shift=1.0)
    x = {
        "float32": lambda: data.x.astype(np.float32),
        "float64": lambda: data.x,
        "tensor": lambda: torch.tensor(data.x).half(),
        "images": lambda: data.x.reshape(-1, 2, 2),
    }[kind]()
    if kind == "images":
        target = LabelledDataset(target.x.reshape(-1, 2, 2), target.y)
    source = LabelledDataset(x, ["abc"[label] for label in data.y])
    flow = GradientFlow(source, target, steps=2, labels=MeansOnly())
    start, later = flow.at(0.0), flow.at(0.07)
    assert (start.x == x).all()
    assert (start.y == source.y).all()
    for value in (start, later):
        assert (type(value.x), value.x.dtype, value.x.shape) == (type(x), x.dtype, x.shape)
        assert value.classes == ("a", "b", "c")
        np.testing.assert_allclose(value.weights, source.weights, rtol=1e-15)
    assert not (later.x == x).all()


def test_between_steps_points_move_in_straight_lines(rng):
    flow = GradientFlow(clusters(rng), clusters(rng, shift=2.0), steps=3, step_size=0.1)
    assert flow.domain.vertices() == ((0.0,), (3 * 0.1,))
    ends = [flow.at(t).x for t in (0.1, 0.2)]
    for share in (0.25, 0.5):
        np.testing.assert_allclose(flow.at(0.1 + 0.1 * share).x, (1 - share) * ends[0] + share * ends[1], atol=1e-13)
    with pytest.raises(DomainError, match="t must lie in"):
        flow.at(0.4)


def test_a_value_does_not_depend_on_earlier_calls_and_may_be_written_to(rng):
    pair = clusters(rng), clusters(rng, shift=2.0)
    first, second = (GradientFlow(*pair, steps=3) for _ in range(2))
    late = first.at(0.12).x
    for t in (0.0, 0.03, 0.12):
        value = second.at(t)
        value.x[:], value.y[:], value.weights[:] = 7, 0, 0
        second.objective[:] = 7
    assert second.at(0.12).x.tobytes() == late.tobytes()
    assert (second.objective == first.objective).all()


def test_points_without_weight_stay_and_do_not_count(rng):
    data, target = clusters(rng, n=9), clusters(rng, n=9, shift=1.0)
    weights = np.where(np.arange(9) < 6, 1 / 6, 0.0)
    whole = GradientFlow(LabelledDataset(data.x, data.y, weights), target, steps=3)
    without = GradientFlow(data.subset(slice(0, 6)), target, steps=3)
    np.testing.assert_allclose(whole.at(0.15).x[:6], without.at(0.15).x, atol=1e-12)
    assert (whole.at(0.15).x[6:] == data.x[6:]).all()


def test_a_flow_travels_with_its_trajectory(rng, monkeypatch):
    flow = GradientFlow(clusters(rng), clusters(rng, shift=2.0), steps=2)
    sent = pickle.dumps(flow)
    monkeypatch.setattr("continuum.datasets.flow.otdd", None)  # would be called by a second run
    assert (pickle.loads(sent).at(0.07).x == flow.at(0.07).x).all()


def test_what_cannot_flow_is_refused(rng):
    data, other = clusters(rng), clusters(rng, shift=1.0)
    with pytest.raises(IncompatibleError, match="one feature shape"):
        GradientFlow(data, clusters(rng, d=4))
    with pytest.raises(InvalidInputError, match="hard labels"):
        GradientFlow(McCann(data, other).at(0.5), other)
    with pytest.raises(InvalidInputError, match="`steps` must be at least 1"):
        GradientFlow(data, other, steps=0)
    with pytest.raises(InvalidInputError, match=r"`step_size` must be positive and finite, got nan"):
        GradientFlow(data, other, step_size=float("nan"))
    with pytest.raises(InvalidInputError, match="`labels` must know its gradient"):
        GradientFlow(data, other, labels="exact")
    with pytest.raises(InvalidInputError, match="LedoitWolf"):
        GradientFlow(data, other, labels=Bures(shrinkage=LedoitWolf())).at(0.5)
