"""Soups: the greedy one is never worse than its best member, and a decay is a weighted average."""

from __future__ import annotations

import math

import pytest
import torch

from continuum import Interval, Metric, from_function, metric
from continuum.core import InvalidInputError
from continuum.models import CheckpointPath
from continuum.models.weights import decay_weights, greedy_soup


def soup_of(values, target=0.0, goal="min"):
    path = CheckpointPath({name: {"w": torch.tensor(value)} for name, value in values.items()})
    sign = 1 if goal == "min" else -1
    return greedy_soup(path, Metric("error", lambda state: sign * abs(float(state["w"]) - target), goal=goal))


@pytest.mark.parametrize("goal", ["min", "max"])
def test_members_join_from_the_best_while_the_soup_gets_no_worse(goal):
    soup = soup_of({"a": 4.0, "b": -1.0, "c": 1.5, "d": 9.0}, goal=goal)
    assert [taste.member.index(1.0) for taste in soup.history] == [1, 2, 0, 3]
    assert [taste.kept for taste in soup.history] == [True, True, False, False]
    assert soup.weights == (0, 0.5, 0.5, 0)
    assert soup.members == ((0, 1, 0, 0), (0, 0, 1, 0))
    assert abs(soup.score) == 0.25
    assert [abs(taste.score) for taste in soup.history] == pytest.approx([1, 0.25, 1.5, 9.5 / 3])


def test_a_soup_is_never_worse_than_the_best_member(rng):
    for _ in range(20):
        values = rng.normal(size=5).astype("float32")
        soup = soup_of({str(i): float(value) for i, value in enumerate(values)}, target=0.3)
        assert soup.score <= min(abs(value - 0.3) for value in values) + 1e-6


def test_an_equal_soup_is_kept():
    assert soup_of({"a": 1.0, "b": 1.0, "c": 1.0}).weights == pytest.approx((1 / 3,) * 3)


def test_two_checkpoints_are_a_path_with_two_members():
    soup = soup_of({"a": 1.0, "b": -1.0})
    assert soup.weights == (0.5,)
    assert soup.members == ((0.0,), (1.0,))


def test_models_are_tasted_one_after_the_other():
    nets = [torch.nn.Linear(1, 1, bias=False) for _ in range(3)]
    for net, value in zip(nets, (1.0, -1.0, 7.0), strict=True):
        net.weight.data.fill_(value)
    models = CheckpointPath([net.state_dict() for net in nets]).as_models(torch.nn.Linear(1, 1, bias=False))
    error = Metric("error", lambda net: float(net(torch.ones(1, 1)).abs().detach()), goal="min")
    assert greedy_soup(models, error).weights == (0.5, 0.5, 0)


def test_a_member_with_nan_stays_out():
    path = CheckpointPath({name: {"w": torch.tensor(value)} for name, value in {"a": 1.0, "b": 3.0, "c": 2.0}.items()})
    broken = Metric("broken", lambda state: math.nan if state["w"] > 2.5 else float(state["w"]), goal="min")
    soup = greedy_soup(path, broken)
    assert soup.weights == (1, 0, 0)
    with pytest.raises(InvalidInputError, match="NaN at all"):
        greedy_soup(path, Metric("none", lambda state: math.nan, goal="min"))


def test_a_stochastic_metric_draws_the_same_numbers_for_all():
    seen = []

    @metric(goal="min", stochastic=True)
    def noisy(state, rng):
        seen.append(rng.random())
        return float(state["w"])

    greedy_soup(CheckpointPath([{"w": torch.tensor(0.0)}, {"w": torch.tensor(1.0)}]), noisy)
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_soup_needs_endpoints_and_a_goal():
    with pytest.raises(InvalidInputError, match="endpoints"):
        greedy_soup(from_function(Interval(), lambda t: t), Metric("m", float, goal="min"))
    with pytest.raises(InvalidInputError, match="goal"):
        greedy_soup(CheckpointPath([{"w": torch.zeros(1)}, {"w": torch.ones(1)}]), Metric("m", lambda state: 0.0))


@pytest.mark.parametrize("kind", ["linear", "cosine", "1-sqrt"])
@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_merged_checkpoints_are_the_run_with_decayed_updates(rng, kind, k):
    decay = {
        "linear": lambda s: 1 - s,
        "cosine": lambda s: 0.5 + 0.5 * math.cos(math.pi * s),
        "1-sqrt": lambda s: 1 - s**0.5,
    }
    start, updates = rng.normal(size=3), rng.normal(size=(k - 1, 3))
    checkpoints = start + updates.cumsum(0).reshape(k - 1, 3)
    merged = decay_weights(kind, k)[0] * start + sum(
        w * theta for w, theta in zip(decay_weights(kind, k)[1:], checkpoints, strict=True)
    )
    decayed = start + sum(decay[kind](i / k) * update for i, update in enumerate(updates, start=1))
    assert merged == pytest.approx(decayed)


@pytest.mark.parametrize("kind", ["linear", "cosine", "1-sqrt"])
def test_decay_weights_are_a_point_of_the_simplex(kind):
    for k in (3, 10):
        path = CheckpointPath([{"w": torch.full((1,), float(i))} for i in range(k)])
        point = decay_weights(kind, k)
        assert path.domain.point(point) == pytest.approx(point)
        assert min(point) > 0


def test_unknown_decays_are_refused():
    with pytest.raises(InvalidInputError, match="`kind` must be one of"):
        decay_weights("step", 3)
    with pytest.raises(InvalidInputError, match="at least 1"):
        decay_weights("linear", 0)
