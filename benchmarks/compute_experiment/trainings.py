"""One way to train everything, kept in a file that a killed run goes on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from pieces import Lab, Piece
from torch import Tensor, nn

from continuum.compute import Objective, TrainingRecipe, train_equilibrium

Draw = Callable[[np.random.Generator], tuple[Any, Any]]

_SMALL_STEPS = 6


def trained(
    lab: Lab,
    name: str,
    model: nn.Module,
    draw: Draw,
    loss: Callable[[Tensor, Any], Tensor],
    recipe: TrainingRecipe,
    objective: Objective,
) -> Piece:
    """Train a model in place; what its training took."""
    recipe = replace(recipe, steps=_SMALL_STEPS) if lab.small else recipe
    found = train_equilibrium(
        model, draw, loss, recipe, objective=objective, file=lab.model(name), save_every=60, progress=False
    )
    return {
        "parameters": sum(part.numel() for part in model.parameters() if part.requires_grad),
        "steps": recipe.steps,
        "training": dict(found.seconds),
        "losses": [round(float(np.mean(part)), 5) for part in np.array_split(found.losses, min(50, recipe.steps))],
    }
