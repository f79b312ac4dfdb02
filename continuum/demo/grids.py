"""Datasets in between for decisions: shortest paths over grids of handwritten digits, whose costs change on the way.

Two tasks differ in what each digit costs. Between them every grid is decided anew. What does a predictor that is learnt
from the datasets on the way lose on the target, and how much do decisions drift?
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from continuum.core import Interval, Metric, from_function, rng_for
from continuum.datasets import load
from continuum.decisions import DecisionPath, GridShortestPath, PtODataset, decision_drift, regret
from continuum.harness import Results, evaluate

__all__ = ["GridScene"]

_SIDE, _N, _TESTS = 6, 60, 200


class GridScene:
    """From a task of other costs to the target task."""

    title = "decisions on grids of digits"

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """Regret on the target of what is learnt on the way."""
        source, target, test = self._tasks
        path = DecisionPath(source, target)
        metrics = [Metric("regret on the target", partial(_lost, test), goal="min"), decision_drift(path.at(0))]
        union = from_function(Interval(), partial(_union, source, target))
        return evaluate(
            path, metrics[:1], points=9, name=self.title, baselines={"union of both": union}, store=store, n_jobs=n_jobs
        )

    def pictures(self) -> Mapping[str, Any]:
        """None."""
        return {}

    @cached_property
    def _tasks(self) -> tuple[PtODataset, PtODataset, PtODataset]:
        data = load("digits", split="all", seed=0)
        images, digits = data.to_numpy()[0].reshape(len(data), -1), data.codes
        rng = rng_for(0, "grids")
        costs = rng.uniform(1, 10, (2, 10))
        half = len(images) // 2
        parts = (slice(0, half), slice(0, half), slice(half, None))
        sizes = (_N, _N, _TESTS)
        return tuple(  # type: ignore[return-value]
            _task(images[part], digits[part], cost, size, rng)
            for part, cost, size in zip(parts, (costs[0], costs[1], costs[1]), sizes, strict=True)
        )


def _task(images: Any, digits: Any, costs: Any, count: int, rng: np.random.Generator) -> PtODataset:
    cells = rng.integers(len(images), size=(count, _SIDE * _SIDE))
    return PtODataset(images[cells], costs[digits[cells]], GridShortestPath(_SIDE))


def _union(source: PtODataset, target: PtODataset, t: float) -> PtODataset:
    """The instances of both ends, with weights 1 - t and t."""
    x, y = (np.concatenate([a, b]) for a, b in ((source.x, target.x), (source.y, target.y)))
    weights = np.concatenate([(1 - t) * source.weights, t * target.weights])
    return PtODataset(x, y, source.problem, weights=weights)


def _lost(test: PtODataset, data: PtODataset) -> float:
    """Normalised regret on test grids of a ridge regression of a cell's cost on its pixels."""
    cells, kept = data.x.shape[1], data.weights > 0
    weights = np.repeat(data.weights[kept], cells)
    model = Ridge(1e-3).fit(data.x[kept].reshape(-1, data.x.shape[-1]), data.y[kept].ravel(), weights / weights.mean())
    predicted = model.predict(test.x.reshape(-1, test.x.shape[-1])).reshape(test.y.shape)
    # A path over cells of negative cost would go round in circles.
    return float(regret(test.problem, np.maximum(predicted, 0.1), test.y, optimal=test.z))
