"""Which class is a cloud of? An equilibrium model beside PointNet, a Point Transformer and networks of fixed depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from clouds import CHANGES, CLASSES, DIMENSIONS, SHOWN, clouds
from pieces import Lab, Piece, Work
from torch import nn
from torch.nn.functional import cross_entropy
from trainings import trained

from continuum.compute import (
    AnchoredNetwork,
    Anytime,
    Budget,
    BudgetPath,
    ClassificationHead,
    Direct,
    DistributionalDEQ,
    Iterations,
    Objective,
    Picard,
    PointCloudBatch,
    PointNet,
    PointTransformer,
    TrainingRecipe,
)

BUDGETS = (1, 2, 4, 8, 24)
"""Applications of F at which equilibrium models are asked."""

_BATCH = 64
_TOGETHER = 250
_ANYTIME = Anytime(steps=3, prefix=4)
_ONCE = Anytime(steps=1, prefix=0)


@dataclass(frozen=True)
class Learner:
    """A model, and how it is trained.

    Attributes:
        data: name of the clouds.
        kind: of model.
        steps: of 64 clouds, in each of which `SHOWN` points are seen.
        seed: of weights and training.
        learning_rate: at its height.
        whole: further steps in which all points are seen, for a model that depends on how dense points lie.
        tested: points of a test cloud; None for all.
    """

    data: str
    kind: str
    steps: int
    seed: int = 0
    learning_rate: float = 1.5e-3
    whole: int = 0
    tested: int | None = None

    @property
    def name(self) -> str:
        return f"{self.data}-{self.kind}-{self.seed}"


def learners() -> list[Learner]:
    """All of them, the longest first."""
    return [
        *(Learner("mnist", "anchored", 28_000, seed) for seed in (2, 1, 0)),
        Learner("mnist", "transformer", 6_000, learning_rate=1e-3, whole=500),
        Learner("mnist", "pointnet", 2_000, learning_rate=1e-3),
        Learner("mnist", "once", 3_000),
        *(Learner("furniture", "anchored", 1_200, seed) for seed in (0, 1, 2)),
        Learner("furniture", "pointnet", 1_000, learning_rate=1e-3),
        Learner("furniture", "transformer", 2_000, learning_rate=1e-3, tested=SHOWN["furniture"]),
        *(Learner("digits", "anchored", 3_000, seed) for seed in (0, 1, 2)),
        Learner("digits", "pointnet", 1_500, learning_rate=1e-3),
        Learner("digits", "transformer", 2_000, learning_rate=1e-3),
    ]


def work(lab: Lab) -> list[Work]:
    return [(f"class-{learner.name}", partial(_learnt, lab, learner)) for learner in learners()]


def made(learner: Learner) -> tuple[nn.Module, Objective]:
    """The model before its training."""
    dimension, classes = DIMENSIONS[learner.data], CLASSES[learner.data]
    if learner.kind == "pointnet":
        return PointNet(dimension, classes, seed=learner.seed), Direct()
    if learner.kind == "transformer":
        return PointTransformer(dimension, classes, seed=learner.seed), Direct()
    network, head = AnchoredNetwork(dimension, seed=learner.seed), ClassificationHead(64, classes, seed=learner.seed)
    model = DistributionalDEQ(network, head, budget=Budget(Picard(), 1e-3, BUDGETS[-1]))
    return model, _ONCE if learner.kind == "once" else _ANYTIME


def _learnt(lab: Lab, learner: Learner) -> Piece:
    model, objective = made(learner)
    recipe = TrainingRecipe(learner.steps, learning_rate=learner.learning_rate, seed=learner.seed)
    draw = partial(_drawn, lab, learner.data, SHOWN[learner.data])
    found = trained(lab, learner.name, model, draw, cross_entropy, recipe, objective)
    before = None
    if learner.whole:
        before = {"steps": found["steps"], "training": found["training"], **_tested(lab, learner, model)}
        recipe = TrainingRecipe(learner.whole, learning_rate=learner.learning_rate / 3, seed=learner.seed)
        draw = partial(_drawn, lab, learner.data, None)
        found = _together(found, trained(lab, f"{learner.name}-whole", model, draw, cross_entropy, recipe, objective))
    about = {"data": learner.data, "kind": learner.kind, "seed": learner.seed, "points": learner.tested}
    return {**found, **about, **_tested(lab, learner, model), "before": before}


def _drawn(lab: Lab, name: str, shown: int | None, rng: np.random.Generator) -> tuple[PointCloudBatch, torch.Tensor]:
    data = clouds(lab, name, "train")
    rows = torch.as_tensor(rng.choice(len(data), min(_BATCH, len(data)), replace=False))
    batch = data[rows] if shown is None else data.window(rows, shown, rng)
    return CHANGES[name](batch, rng), data.labels[rows]


def _together(first: Piece, second: Piece) -> Piece:
    """Two trainings, one after the other, as one."""
    seconds = {clock: first["training"][clock] + second["training"][clock] for clock in first["training"]}
    steps, losses = first["steps"] + second["steps"], first["losses"] + second["losses"]
    return {**first, "steps": steps, "training": seconds, "losses": losses}


@torch.no_grad()
def _tested(lab: Lab, learner: Learner, model: Any) -> Piece:
    """Right answers on all test clouds; of equilibrium models at every budget."""
    data, rng = clouds(lab, learner.data, "test"), np.random.default_rng(learner.seed)
    right: dict[str, list[int]] = {}
    spreads, residuals = [], []
    for rows, batch in data.batches(_TOGETHER):
        seen = batch if learner.tested is None else data.window(rows, learner.tested, rng)
        for name, logits in _answers(learner, model, seen, spreads, residuals).items():
            right.setdefault(name, []).append(int((logits.argmax(1) == data.labels[rows]).sum()))
    found = {"tested": len(data), "accuracy": {name: sum(counts) / len(data) for name, counts in right.items()}}
    if spreads:
        found |= {"spread": float(torch.cat(spreads).median()), "residual": float(torch.cat(residuals).median())}
    return found


def _answers(
    learner: Learner, model: Any, batch: PointCloudBatch, spreads: list[torch.Tensor], residuals: list[torch.Tensor]
) -> Mapping[str, torch.Tensor]:
    if not isinstance(model, DistributionalDEQ):
        return {"all": model(batch)}
    spending = Iterations(1, BUDGETS[-1])
    path = BudgetPath(model, spending)
    found = path.curve(batch, [spending.at_budget(count) for count in BUDGETS])
    last = list(found.values())[-1]
    spreads.append(last.spread)
    residuals.append(last.solution.residual)
    return {str(count): one.output for count, one in zip(BUDGETS, found.values(), strict=True)}
