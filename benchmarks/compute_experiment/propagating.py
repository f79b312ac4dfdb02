"""Does every iteration count? Tasks whose best accuracy after each number of steps is known beforehand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from clouds import clouds
from pieces import Lab, Piece, Work
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from trainings import trained

from continuum.compute import (
    Anytime,
    Budget,
    BudgetPath,
    Changes,
    DistributionalDEQ,
    Iterations,
    LocalNetwork,
    Picard,
    PointHead,
    Propagation,
    TrainingRecipe,
    digit_pairs,
    spiral_arms,
)

COUNTS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40)
"""Applications of F at which accuracy is read."""

CHANGES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
"""Changes of a probability below which a cloud ends."""

MOST = 40
_WIDTH = 32
_BATCH = 32
_TESTED, _CALIBRATED = 1024, 512


@dataclass(frozen=True)
class Walker:
    """A model of a task, and how it is trained.

    Attributes:
        task: "arms", or "pairs" of digits.
        steps: of 32 clouds.
        seed: of weights and training.
        objective: what is minimised.
        kind: "anytime", or "dedicated" to one number of iterations.
    """

    task: str
    steps: int
    seed: int = 0
    kind: str = "anytime"

    @property
    def name(self) -> str:
        return f"{self.task}-{self.kind}-{self.seed}"

    @property
    def objective(self) -> Anytime:
        if self.kind == "dedicated":
            return Anytime(steps=4, prefix=0, emphasis=50)  # all weight is on the fourth application
        return Anytime(steps=8 if self.task == "pairs" else 10, prefix=8, emphasis=1)


def walkers() -> list[Walker]:
    return [
        Walker("arms", 1_700),
        Walker("arms", 1_700, seed=1),
        Walker("pairs", 1_300),
        Walker("pairs", 1_300, seed=1),
        Walker("arms", 1_700, kind="dedicated"),
    ]


def work(lab: Lab) -> list[Work]:
    return [(f"walk-{walker.name}", partial(_walked, lab, walker)) for walker in walkers()]


def task_of(lab: Lab, name: str, count: int, seed: int, split: str) -> Propagation:
    """Clouds of a task."""
    if name == "arms":
        return spiral_arms(count, seed=seed)
    if name == "longer arms":
        return spiral_arms(count, seed=seed, least=24, most=48)
    return digit_pairs(clouds(lab, "mnist", split), count, seed=seed)


def _model(walker: Walker) -> DistributionalDEQ:
    radius = 1.1 if walker.task == "arms" else 0.85
    network = LocalNetwork(radius=radius, seed=walker.seed)
    return DistributionalDEQ(network, PointHead(_WIDTH, seed=walker.seed), budget=Budget(Picard(), 1e-3, MOST))


def _loss(output: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    labels, mask = target
    each = binary_cross_entropy_with_logits(output[..., 0], labels.to(output), reduction="none")
    return each[mask].mean()


def _walked(lab: Lab, walker: Walker) -> Piece:
    model = _model(walker)

    def draw(rng: np.random.Generator) -> tuple[Any, Any]:
        # From two million on: no cloud of a test or a calibration is met in training.
        task = task_of(lab, walker.task, _BATCH, int(rng.integers(2_000_000, 2**31)), "train")
        return task.clouds, (task.labels, task.clouds.mask)

    recipe = TrainingRecipe(
        walker.steps, learning_rate=3e-3, weight_decay=1e-3, warmup=0.05, average=0.0, seed=walker.seed
    )
    found = trained(lab, walker.name, model, draw, _loss, recipe, walker.objective)
    tested = 32 if lab.small else _TESTED
    tasks = {"test": task_of(lab, walker.task, tested, 1, "test")}
    if walker.task == "arms" and walker.kind == "anytime":
        tasks["longer, not trained"] = task_of(lab, "longer arms", tested, 1, "test")
    calibration = task_of(lab, walker.task, 16 if lab.small else _CALIBRATED, 2, "train")
    curves = {name: _curve(model, task) for name, task in tasks.items()}
    found |= {"task": walker.task, "kind": walker.kind, "seed": walker.seed, "curves": curves}
    if walker.kind == "anytime":
        found["chosen change"] = _calibrated(model, calibration)
        for name, task in tasks.items():
            found[f"adaptive, {name}"] = [_adaptive(model, task, change) for change in CHANGES]
            found[f"fixed seconds, {name}"] = _timed(model, task, Iterations(1, MOST), 1.0)[1]
    return found


@torch.no_grad()
def _curve(model: DistributionalDEQ, task: Propagation) -> list[Piece]:
    """Accuracy after so many applications of F, and the most that is possible."""
    spending = Iterations(1, MOST)
    path = BudgetPath(model, spending)
    found = path.curve(task.clouds, [spending.at_budget(count) for count in COUNTS])
    return [
        {
            "count": count,
            "accuracy": task.accuracy(one.output[..., 0]),
            "exact": task.exact(one.output[..., 0]),
            "ceiling": task.ceiling(count),
            "exact ceiling": task.exact_ceiling(count),
            "error": float(task.accuracies(one.output[..., 0]).std() / len(task) ** 0.5),
        }
        for count, one in zip(COUNTS, found.values(), strict=True)
    ]


def _calibrated(model: DistributionalDEQ, task: Propagation) -> float:
    """The largest change with which calibration clouds are answered as with all iterations, up to 0.1 point."""
    full, _ = _timed(model, task, Iterations(1, MOST), 1.0)
    enough = task.accuracy(full.output[..., 0]) - 1e-3
    good = [change for change in CHANGES if _adaptive(model, task, change)["accuracy"] >= enough]
    return max(good, default=CHANGES[-1])


def _adaptive(model: DistributionalDEQ, task: Propagation, change: float) -> Piece:
    """Each cloud ends when no probability changes by as much any more."""
    spending = Changes(change, change / 2, MOST)
    found, seconds = _timed(model, task, spending, 0.0)
    counts = found.solution.evaluations.double()
    hops = task.hops_needed.double()
    return {
        "change": change,
        "mean count": float(counts.mean()),
        "accuracy": task.accuracy(found.output[..., 0]),
        "exact": task.exact(found.output[..., 0]),
        "seconds": seconds,
        "correlation with hops": float(np.corrcoef(counts, hops)[0, 1]),
        "counts by hops": _by_hops(counts, hops),
    }


def _by_hops(counts: Tensor, hops: Tensor) -> list[list[float]]:
    return [[float(h), float(counts[hops == h].mean()), int((hops == h).sum())] for h in hops.unique()]


def _timed(model: DistributionalDEQ, task: Propagation, spending: Any, t: float) -> tuple[Any, float]:
    """The equilibrium and CPU seconds, the least of three."""
    times: Sequence[float] = []
    with BudgetPath(model, spending).lease(t) as member:
        for _ in range(3):
            start = time.process_time()
            found = member.equilibrium(task.clouds)
            times = [*times, time.process_time() - start]
    return found, min(times)
