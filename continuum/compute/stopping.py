"""When the search for a fixed point ends, decided for each sample on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool
from torch import Tensor

from continuum.core import check_positive, check_weight

from .solvers import Map, Memory, Step
from .spaces import Space

__all__ = ["DiscrepancyRatio", "PredictionChange", "Residual", "Stop"]


Reached = tuple[Bool[Tensor, " b"], Memory]
"""Which samples end here, and what is remembered for the others."""


class Stop(Protocol):
    """A rule of when to end; anything with these methods is one."""

    @property
    def goal(self) -> float:
        """Below which a residual must be exact; 0 if the rule does not look at it."""
        ...

    def start(self, z: Tensor, /) -> Memory:
        """What is remembered before the first evaluation, samples first."""
        ...

    def reached(self, step: Step, residual: Tensor, space: Space, predict: Map, memory: Memory, /) -> Reached:
        """Which samples end here, and what is remembered for the others.

        Args:
            step: the evaluation of F.
            residual: of each sample, (b,).
            space: what the states are.
            predict: predictions of states.
            memory: what was remembered.
        """
        ...


@dataclass(frozen=True)
class Residual:
    """The state is as near to its image as this, relative to its length: see `Vectors` and `Clouds`.

    Args:
        tolerance: largest residual; 0 never ends but at an exact fixed point.
    """

    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        check_weight("tolerance", self.tolerance)

    @property
    def goal(self) -> float:
        return self.tolerance

    def start(self, z: Tensor) -> Memory:
        return {}

    def reached(self, step: Step, residual: Tensor, space: Space, predict: Map, memory: Memory) -> Reached:
        return residual <= self.tolerance, memory


@dataclass(frozen=True)
class DiscrepancyRatio:
    r"""$\mathrm{MMD}^2(\mu, F(\mu))$ is this share of what it was at the start.

    Args:
        tolerance: largest share.
    """

    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        check_positive("tolerance", self.tolerance)

    @property
    def goal(self) -> float:
        return 0.0

    def start(self, z: Tensor) -> Memory:
        return {"first": z.new_full((len(z),), torch.nan)}

    def reached(self, step: Step, residual: Tensor, space: Space, predict: Map, memory: Memory) -> Reached:
        now = space.mmd2(step.point, step.image)
        first = torch.where(memory["first"].isnan(), now, memory["first"])
        return now <= self.tolerance * first, {"first": first}


@dataclass(frozen=True)
class PredictionChange:
    """No prediction changed by as much as this since the evaluation before.

    Where a wave of news crosses a cloud the residual says little and predictions say all. Predictions are what the
    model reads out of a state: probabilities of classes, or of points.

    Args:
        tolerance: what the largest change of a number must be below.
    """

    tolerance: float = 0.1

    def __post_init__(self) -> None:
        check_positive("tolerance", self.tolerance)

    @property
    def goal(self) -> float:
        return 0.0

    def start(self, z: Tensor) -> Memory:
        return {}

    def reached(self, step: Step, residual: Tensor, space: Space, predict: Map, memory: Memory) -> Reached:
        now = predict(step.image).detach()
        now = now.reshape(len(now), -1).to(residual.dtype)
        before = memory.get("seen", torch.full_like(now, torch.nan))
        return (now - before).abs().amax(1) < self.tolerance, {"seen": now}  # false beside NaN
