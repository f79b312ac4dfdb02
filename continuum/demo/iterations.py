"""How much should a model compute? Points on two spiral arms: which are on the arm that one marked point is on?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from continuum.compute import (
    Anytime,
    Budget,
    BudgetPath,
    DistributionalDEQ,
    Iterations,
    LocalNetwork,
    Picard,
    PointHead,
    Propagation,
    TrainingRecipe,
    spiral_arms,
    train_equilibrium,
)
from continuum.core import Metric, PerItem, from_function
from continuum.harness import Clouds, Results, evaluate, keep_exhibits

__all__ = ["IterationScene"]

_STEPS = 400
_POINTS = 11
_SHOWN = 3  # clouds of the page


class IterationScene:
    """One network at all numbers of iterations, beside the ceiling of breadth-first search."""

    title = "iterations of an equilibrium model"

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """How many points are right after each number of iterations."""
        spending, test = Iterations(1, 32), self._test
        path = BudgetPath(self._model(folder), spending)
        ceiling = from_function(spending.domain, partial(_known, test, spending))
        right = Metric("points that are right", partial(_right, test), goal="max")
        results = evaluate(path, right, points=_POINTS, name=self.title, baselines={"ceiling": ceiling}, store=store)
        keep_exhibits(path, partial(_drawn, test), store=store, study=self.title, points=_POINTS)
        return results

    def pictures(self) -> Mapping[str, Any]:
        """None: clouds are shown beside the numbers."""
        return {}

    @cached_property
    def _test(self) -> Propagation:
        return spiral_arms(200, seed=1)

    def _model(self, folder: Path) -> DistributionalDEQ:
        model = DistributionalDEQ(
            LocalNetwork(radius=self._test.radius), PointHead(32), budget=Budget(Picard(), 1e-3, 40)
        )
        recipe = TrainingRecipe(_STEPS, learning_rate=3e-3, weight_decay=1e-3, average=0.0)
        objective = Anytime(steps=8, prefix=8, emphasis=1)
        file = folder / "equilibrium.safetensors"
        train_equilibrium(model, _batch, _loss, recipe, objective=objective, file=file)
        return model


def _batch(rng: np.random.Generator) -> tuple[Any, Propagation]:
    task = spiral_arms(32, seed=int(rng.integers(1_000_000, 2**31)))
    return task.clouds, task


def _loss(output: torch.Tensor, task: Propagation) -> torch.Tensor:
    each = binary_cross_entropy_with_logits(output[..., 0], task.labels.float(), reduction="none")
    return each[task.clouds.mask].mean()


def _known(test: Propagation, spending: Iterations, t: float) -> Any:
    """What is known after so many hops, as a model would answer."""
    known = test.known(math.ceil(spending.count(t)))
    return lambda clouds: known[..., None]


def _right(test: Propagation, answer: Any) -> PerItem:
    return PerItem(test.accuracies(answer(test.clouds)[..., 0]).numpy())


def _drawn(test: Propagation, answer: Any) -> Clouds:
    """A few clouds, with the points that are said to be on the marked arm."""
    with torch.no_grad():
        said = (answer(test.clouds)[..., 0] > 0).long()
    masks = test.clouds.mask[:_SHOWN]
    points = tuple(cloud[mask].numpy() for cloud, mask in zip(test.clouds.points, masks, strict=False))
    return Clouds(points, tuple(one[mask].numpy() for one, mask in zip(said, masks, strict=False)))
