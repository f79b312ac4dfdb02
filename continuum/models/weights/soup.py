"""Soups: choosing which checkpoints to average, and how to weigh those of one run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from continuum.core import Interpolant, InvalidInputError, Metric, Point, SupportsEndpoints, check_count, lease, rng_for

__all__ = ["Soup", "Taste", "decay_weights", "greedy_soup"]


@dataclass(frozen=True)
class Taste:
    """One step of a greedy soup.

    Attributes:
        member: the endpoint that was tried.
        point: the soup with it.
        score: its metric.
        kept: whether it stayed in the soup.
    """

    member: Point
    point: Point
    score: float
    kept: bool


@dataclass(frozen=True)
class Soup:
    """An average of some endpoints of a path.

    Attributes:
        weights: the point of the soup on the path.
        score: its metric.
        members: the endpoints in it, the best first.
        history: all that was tried, in order.
    """

    weights: Point
    score: float
    members: tuple[Point, ...]
    history: tuple[Taste, ...]


def greedy_soup(path: Interpolant[Any], metric: Metric) -> Soup:
    """The greedy soup of the endpoints of a path: recipe 1 of :cite:t:`wortsman2022soups`.

    Endpoints are tried from the best to the worst, and one stays if the average with it is no worse. So the soup is at
    least as good as the best endpoint on what `metric` measures, which should be held-out data that no test uses.

    Args:
        path: a path with endpoints, of which it has the averages, such as `CheckpointPath(...).as_models(model)` with
            method "linear".
        metric: what to measure on a value; it must have a goal.

    Raises:
        InvalidInputError: if the path has no endpoints, or the metric has no goal or is NaN at all of them.

    Example:
        >>> from continuum.models import CheckpointPath
        >>> from torch import tensor
        >>> path = CheckpointPath({"a": {"w": tensor(-1.0)}, "b": {"w": tensor(2.0)}, "c": {"w": tensor(9.0)}})
        >>> greedy_soup(path, Metric("error", lambda state: abs(state["w"]), goal="min")).weights
        (0.5, 0.5, 0.0)
    """
    ends = tuple(path.endpoints) if isinstance(path, SupportsEndpoints) else ()
    if not ends or metric.goal is None:
        raise InvalidInputError("a greedy soup needs a path with endpoints, and a metric with goal 'max' or 'min'.")
    alone = {end: _score(path, metric, end) for end in ends}
    best, *others = sorted(ends, key=lambda end: _merit(metric, alone[end]), reverse=True)
    if math.isnan(alone[best]):
        raise InvalidInputError(f"metric {metric.name!r} is NaN at all endpoints.")
    soup = Soup(best, alone[best], (best,), (Taste(best, best, alone[best], True),))
    for end in others:
        soup = _tasted(path, metric, soup, end)
    return soup


def _tasted(path: Interpolant[Any], metric: Metric, soup: Soup, member: Point) -> Soup:
    members = (*soup.members, member)
    point = path.domain.point([math.fsum(c) / len(members) for c in zip(*members, strict=True)])
    score = _score(path, metric, point)
    kept = _merit(metric, score) >= _merit(metric, soup.score)
    history = (*soup.history, Taste(member, point, score, kept))
    return Soup(point, score, members, history) if kept else Soup(soup.weights, soup.score, soup.members, history)


def _score(path: Interpolant[Any], metric: Metric, point: Point) -> float:
    with lease(path, point) as value:
        return metric(value, rng_for(0, metric.name))  # common random numbers, as in `evaluate`


def _merit(metric: Metric, score: float) -> float:
    if math.isnan(score):
        return -math.inf
    return score if metric.goal == "max" else -score


_DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda s: 1 - s,
    "cosine": lambda s: (1 + math.cos(math.pi * s)) / 2,
    "1-sqrt": lambda s: 1 - math.sqrt(s),
}  # the learning rate, relative to that before, after a share s of the decay


def decay_weights(kind: Literal["linear", "cosine", "1-sqrt"], k: int) -> Point:
    r"""Weights of the last k checkpoints of a run whose average emulates a decay of the learning rate to 0.

    With $g_i = \theta_i - \theta_{i-1}$, $\sum_j w_j \theta_j = \theta_1 + \sum_{i \ge 2} f_i g_i$ where
    $f_i = \sum_{j \ge i} w_j$: an average has each update scaled by the weights of all checkpoints after it. A decay
    with factors $f_1 = 1, \dots, f_k, f_{k+1} = 0$ is therefore emulated by $w_j = f_j - f_{j+1}$; here $f_i$ is the
    decay after the share $(i - 1) / k$ of it. Tian et al. (2025) :cite:`tian2025wsm`. It is exact for the updates that
    were made; a run that had decayed would have made others on its way. Linear decay is the uniform average.

    Args:
        kind: course of the decay: "linear", "cosine", or "1-sqrt".
        k: number of checkpoints, at equal intervals, the oldest first.

    Returns:
        A point of the simplex of the checkpoints.

    Example:
        >>> decay_weights("linear", 4)
        (0.25, 0.25, 0.25, 0.25)
    """
    if kind not in _DECAYS:
        raise InvalidInputError(f"`kind` must be one of {sorted(_DECAYS)}, got {kind!r}.")
    check_count("k", k)
    factors = [_DECAYS[kind](i / k) for i in range(k)] + [0.0]
    return tuple(a - b for a, b in pairwise(factors))
