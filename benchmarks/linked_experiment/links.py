"""Two continua linked: models trained on points of a dataset path, and what lies between the two ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from pieces import Piece
from torch import Tensor

from continuum import Interpolant, Interval, Metric, PerItem, from_function, link
from continuum.harness import Link, Pairwise
from continuum.models.distributions import arithmetic_mixture, geometric_mixture, jensen_shannon

V = TypeVar("V")

WEIGHTS = "weights"
ENSEMBLES: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "arithmetic ensemble": arithmetic_mixture,
    "geometric ensemble": geometric_mixture,
}
UNTUNED = "untuned"
VALUE, DISTANCE = "value", "divergence"

_AT_ONCE = 2**20  # numbers
_OPTIONS = {"draws": 200, "progress": False}


@dataclass(frozen=True)
class Reader:
    """What is read off predictions, log-probabilities (n, classes).

    Args:
        owner: the item that each row belongs to, (n,).
        value: a number of the whole that tells the two ends apart.
    """

    owner: Tensor
    value: Metric

    @property
    def items(self) -> int:
        return int(self.owner.max()) + 1

    def divergence(self, log_p: Tensor, log_q: Tensor) -> PerItem:
        """Mean Jensen-Shannon divergence of the rows of each item, in nats."""
        sums = torch.bincount(self.owner, _divergences(log_p, log_q))
        return PerItem((sums / torch.bincount(self.owner)).numpy())

    def likenesses(self) -> dict[str, Metric | Pairwise]:
        return {VALUE: self.value, DISTANCE: Pairwise(DISTANCE, self.divergence, unit="nats")}


def apart(log_p: Tensor, log_q: Tensor) -> float:
    """Mean divergence of two models, in nats."""
    return float(_divergences(log_p, log_q).mean())


def _divergences(log_p: Tensor, log_q: Tensor) -> Tensor:
    # What a few rows of a large vocabulary need fits into the cache: four times as fast.
    rows = max(1, _AT_ONCE // log_p.shape[1])
    pairs = zip(log_p.split(rows), log_q.split(rows), strict=True)
    return torch.cat([jensen_shannon(*pair) for pair in pairs]).double()


def remembered(path: Interpolant[V]) -> Interpolant[V]:
    """A path whose values are made once, to be read only."""
    return from_function(path.domain, cache(path.at))


def links(
    trained: Interpolant[Tensor],
    weights: Interpolant[Tensor],
    untuned: Tensor,
    reader: Reader,
    *,
    points: Sequence[float],
    points_b: int,
) -> Piece:
    """The models of a dataset path linked with the weights between its ends, and with both ensembles of its ends."""
    trained, weights = remembered(trained), remembered(weights)
    first, last = trained.at(points[0]), trained.at(points[-1])
    ensembles = {
        name: remembered(from_function(Interval(axis="weight"), lambda w, mix=mix: mix(last, first, w)))
        for name, mix in ENSEMBLES.items()
    }
    found: Piece = {}
    for name, likeness in reader.likenesses().items():
        options: dict[str, Any] = {"points": points, "points_b": points_b, "name": name, **_OPTIONS}
        main = link(trained, weights, likeness, baselines=ensembles, references={UNTUNED: untuned}, **options)
        others = {label: link(trained, path, likeness, **options) for label, path in ensembles.items()}
        found[name] = {label: _told(one, points_b, reader.items) for label, one in {WEIGHTS: main, **others}.items()}
    gaps = {name: [apart(weights.at(a), path.at(a)) for a in points] for name, path in ensembles.items()}
    return {**found, "weights to ensembles": gaps}


def _told(found: Link, points_b: int, items: int) -> Piece:
    """The map with its interval over items, and distances by label; what was measured besides."""
    columns = {name: found.map[name].tolist() for name in ("a", "alpha", "low", "high")}
    distances = {label: _numbers(found.distances[label]) for label in found.distances}
    measured = _measured(found, points_b, items)
    return {**columns, "is_increasing": found.is_increasing, "distances": distances, **measured}


def _numbers(column: Any) -> list[float | None]:
    return [None if np.isnan(x) else float(x) for x in column]


def _measured(found: Link, points_b: int, items: int) -> Piece:
    """Distances between all points of both paths, (points, points of the other); of a metric, its values on both."""
    if found.metric == DISTANCE:
        rows = found.results.items(DISTANCE, f"{DISTANCE} to the other path").to_numpy()
        return {"between": rows.reshape(len(rows), -1, items).mean(2)[:, :points_b].tolist()}
    frame = found.results.select(metric=found.metric, role="path").frame
    labels = {"on a": f"{VALUE}: a", "on b": f"{VALUE}: b"}
    return {key: frame[frame["label"] == label]["value"].tolist() for key, label in labels.items()}
