"""What a partial cloud lacks: free particles at an equilibrium, beside PCN and beside the partial cloud as it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from clouds import clouds
from pieces import Lab, Piece, Work
from torch import Tensor, nn
from trainings import trained

from continuum.compute import (
    PCN,
    Anytime,
    Budget,
    CompletionHead,
    CompletionNetwork,
    Direct,
    DistributionalDEQ,
    Objective,
    Picard,
    PointCloudBatch,
    TrainingRecipe,
    completed,
    partial_view,
)
from continuum.core import rng_for
from continuum.measures import Exact, SquaredEuclidean, chamfer, mmd2, solve

HOLES = {"mnist": (0.6, 2), "furniture": (0.7, 2)}
"""Radius and number of the holes, in units of the root mean square of a coordinate."""

_POINTS = {"mnist": 96, "furniture": 128}
_FREE = {"mnist": 32, "furniture": 40}
_DIMENSIONS = {"mnist": 2, "furniture": 3}
_BATCH = 32
_SHOWN = 6
_SHARE = 0.275 / 1.275


@dataclass(frozen=True)
class Completer:
    """A model, and how it is trained."""

    data: str
    kind: str
    steps: int
    seed: int = 0

    @property
    def name(self) -> str:
        return f"complete-{self.data}-{self.kind}-{self.seed}"


def completers() -> list[Completer]:
    return [
        Completer("mnist", "equilibrium", 2_000),
        Completer("furniture", "equilibrium", 700),
        Completer("furniture", "pcn", 2_000),
        Completer("mnist", "pcn", 2_000),
    ]


def work(lab: Lab) -> list[Work]:
    return [(completer.name, partial(_completed, lab, completer)) for completer in completers()]


def _made(completer: Completer) -> tuple[nn.Module, Objective]:
    d, free = _DIMENSIONS[completer.data], _FREE[completer.data]
    if completer.kind == "pcn":
        return PCN(d, code=256, coarse=_POINTS[completer.data] // 4, grid=2, seed=completer.seed), Direct()
    network = CompletionNetwork(d, particles=free, share=_SHARE, seed=completer.seed)
    head = CompletionHead(64, d, seed=completer.seed)
    return DistributionalDEQ(network, head, budget=Budget(Picard(), 1e-3, 24)), Anytime(steps=3, prefix=4)


def _completed(lab: Lab, completer: Completer) -> Piece:
    model, objective = _made(completer)
    data = clouds(lab, completer.data, "train")
    radius, holes = HOLES[completer.data]

    def draw(rng: np.random.Generator) -> tuple[PointCloudBatch, Any]:
        rows = torch.as_tensor(rng.choice(len(data), min(_BATCH, len(data)), replace=False))
        whole = data.window(rows, _POINTS[completer.data], rng)
        part = partial_view(whole, rng, radius=radius, seeds=holes)
        return part, (part, whole)

    recipe = TrainingRecipe(completer.steps, learning_rate=1e-3, seed=completer.seed)
    found = trained(lab, completer.name, model, draw, _loss, recipe, objective)
    return {**found, "data": completer.data, "kind": completer.kind, **_tested(lab, completer, model)}


def _loss(output: Any, target: tuple[PointCloudBatch, PointCloudBatch]) -> Tensor:
    part, whole = target
    if isinstance(output, Tensor):
        made = completed(part, output, share=_SHARE)
        return mmd2(made.points, whole.points, made.weights, whole.weights).mean()
    coarse, dense = (PointCloudBatch(points) for points in (output.coarse, output.dense))
    return _chamfer(coarse, whole).mean() + _chamfer(dense, whole).mean()


def _chamfer(one: PointCloudBatch, other: PointCloudBatch) -> Tensor:
    return chamfer(one.points, other.points, one.weights, other.weights)


@torch.no_grad()
def _tested(lab: Lab, completer: Completer, model: Any) -> Piece:
    """Distances of completed clouds to whole ones, and of partial ones: the same holes for every model."""
    data = clouds(lab, completer.data, "test")
    count = min(len(data), 8 if lab.small else 200)
    rng = rng_for(0, "holes", completer.data)
    whole = data.prefix(torch.arange(count), _POINTS[completer.data])
    radius, holes = HOLES[completer.data]
    part = partial_view(whole, rng, radius=radius, seeds=holes)
    output = model(part)
    made = completed(part, output, share=_SHARE) if isinstance(output, Tensor) else PointCloudBatch(output.dense)
    return {
        "tested": count,
        "completed": _distances(made, whole),
        "partial": _distances(part, whole),
        "shown": [_drawn(cloud, i) for i in range(min(_SHOWN, count)) for cloud in (part, made, whole)],
    }


def _distances(one: PointCloudBatch, other: PointCloudBatch) -> dict[str, list[float]]:
    """For each cloud: energy distance, Chamfer distance, and the exact transport distance."""
    transport = []
    for x, y, a, b in zip(one.points, other.points, one.weights, other.weights, strict=True):
        cost = SquaredEuclidean(x[a > 0], y[b > 0])
        plan = solve(cost, *(masses[masses > 0].double() / masses.double().sum() for masses in (a, b)), solver=Exact())
        transport.append(max(float(plan.value), 0.0) ** 0.5)
    return {
        "mmd2": mmd2(one.points, other.points, one.weights, other.weights).tolist(),
        "chamfer": _chamfer(one, other).tolist(),
        "w2": transport,
    }


def _drawn(cloud: PointCloudBatch, row: int) -> list[list[float]]:
    return [[round(float(x), 3) for x in point] for point in cloud.points[row][cloud.mask[row]].tolist()]
