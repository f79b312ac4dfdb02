"""What a training step holds for its backward pass, at few and at many iterations, beside the unrolled network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from continuum.compute import Budget, DistributionalDEQ, Implicit, Phantom, Picard, Unrolled
from continuum.compute.backward import Backward
from continuum.compute.heads import MaxHead
from continuum.compute.networks import PaperNetwork

from .solving import Row, inputs, row

FEW, MANY = 5, 50


def memory_rows() -> Iterator[Row]:
    """Megabytes of tensors kept for the backward pass, and their ratio from few iterations to many."""
    rules: dict[str, Backward] = {"phantom gradient": Phantom(1), "implicit gradient": Implicit()}
    unrolled = {steps: _held(Unrolled(), steps) for steps in (FEW, MANY)}
    for name, rule in rules.items():
        held = {steps: _held(rule, steps) for steps in (FEW, MANY)}
        ours, theirs = (found[MANY] / found[FEW] for found in (held, unrolled))
        note = f"x {ours:.3f} from {FEW} to {MANY} iterations; unrolled x {theirs:.1f}"
        found = row(
            f"kept for the backward pass in MB, {name}", held[MANY] / 1e6, unrolled[MANY] / 1e6, "unrolled", note
        )
        yield {**found, "growth": ours}


def _held(rule: Backward, steps: int) -> int:
    """Bytes of different storages that autograd keeps."""
    model = DistributionalDEQ(PaperNetwork(2), MaxHead(128, 10), budget=Budget(Picard(), 0.0, steps), backward=rule)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> Any:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(inputs())
    return sum(kept.values())
