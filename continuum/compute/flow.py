r"""Wasserstein gradient flow of the discrepancy between a measure and its image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from continuum.core import InvalidInputError, check_positive, check_weight, rng_for, torch_generator
from continuum.measures import Kernel, Riesz
from continuum.measures.mmd import discrepancy_with_gradients

from .solvers import Map, Memory, Step
from .spaces import Clouds, Space

__all__ = ["Euler", "Momentum", "Polyak", "StepRule", "WassersteinFlow"]

_ENERGY = Riesz()
_CLOUDS = Clouds()


class StepRule(Protocol):
    """How far to go; anything with this method is one."""

    def move(self, velocity: Tensor, value: Tensor, squared: Tensor, memory: Memory, /) -> Tensor:
        """The displacement of the particles, (b, n, p).

        Args:
            velocity: minus the Wasserstein gradient, (b, n, p).
            value: G of each sample, (b,).
            squared: mean squared length of the velocity, (b,).
            memory: with the displacement before this one as "move".
        """
        ...


@dataclass(frozen=True)
class Euler:
    """Explicit steps of one size, in the units of the states for the energy distance.

    The energy distance pulls as hard from nearby as from far away, so particles end in a cycle as wide as a step.

    Args:
        size: of a step.
    """

    size: float = 1.0

    def __post_init__(self) -> None:
        check_positive("size", self.size)

    def move(self, velocity: Tensor, value: Tensor, squared: Tensor, memory: Memory) -> Tensor:
        return self.size * velocity


@dataclass(frozen=True)
class Momentum:
    """Heavy-ball steps (Polyak 1964).

    Args:
        size: of a step.
        decay: share of the displacement before that is added.
    """

    size: float = 0.5
    decay: float = 0.9

    def __post_init__(self) -> None:
        check_positive("size", self.size)
        check_weight("decay", self.decay)
        if self.decay >= 1:
            raise InvalidInputError(f"`decay` must be below 1, got {self.decay!r}.")

    def move(self, velocity: Tensor, value: Tensor, squared: Tensor, memory: Memory) -> Tensor:
        return self.size * velocity + self.decay * memory["move"]


@dataclass(frozen=True)
class Polyak:
    r"""Steps of the size $G / \|\nabla G\|^2$, since the least value is known: 0 (Polyak 1969).

    For kernels that pull from any distance, such as `Riesz`: where the gradient vanishes far from the goal, as with a
    narrow `Gaussian`, such steps have no bound.

    Args:
        factor: of this size; 1 is right for convex G.
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        check_positive("factor", self.factor)

    def move(self, velocity: Tensor, value: Tensor, squared: Tensor, memory: Memory) -> Tensor:
        size = torch.where(squared > 0, value / torch.where(squared > 0, squared, 1), 0)
        return self.factor * size[:, None, None] * velocity


_POLYAK = Polyak()


@dataclass(frozen=True)
class WassersteinFlow:
    r"""Particles follow minus the Wasserstein gradient of $G(\mu) = \frac12 \mathrm{MMD}^2(\mu, F(\mu))$.

    With masses w, A the gradient of the witness at the particles and B minus that at their images, the gradient is
    $A_i + w_i^{-1} (J_F^\top (w B))_i$: F moves too, and all its particles at once (Geuter et al. 2025; formulas in
    :doc:`/theory_compute`). Each step takes one evaluation of F and one product with its transposed Jacobian: F must be
    differentiable, or it counts as a constant.

    With noise the gradient is taken at $z + \beta_k u$, u standard normal and the same for all samples,
    $\beta_k = \beta / \sqrt{k + 1}$ (Arbel et al. 2019, algorithm 1).

    Args:
        rule: how far to go.
        noise: $\beta$.
        kernel: of the discrepancy.
        seed: of the noise.
    """

    rule: StepRule = _POLYAK
    noise: float = 0.0
    kernel: Kernel = _ENERGY
    seed: int = 0

    def __post_init__(self) -> None:
        check_weight("noise", self.noise)
        rng_for(self.seed)  # refuses what is no seed

    @property
    def space(self) -> Space:
        return _CLOUDS

    def start(self, z: Tensor) -> Memory:
        return {"move": torch.zeros_like(z), "count": torch.zeros(len(z), dtype=torch.long, device=z.device)}

    def step(self, f: Map, z: Tensor, memory: Memory, space: Space) -> Step:
        if not isinstance(space, Clouds):
            raise InvalidInputError(f"WassersteinFlow() moves measures, got `space={space!r}`; pass `space=Clouds()`.")
        if torch.is_inference_mode_enabled():
            raise InvalidInputError("WassersteinFlow() takes gradients; use `torch.no_grad()`, not inference mode.")
        masses = space.masses(z)
        point = self._disturbed(z, memory["count"], masses)
        image, velocity, value = self._velocity(f, point, masses, space)
        squared = (masses * velocity.square().sum(-1)).sum(-1)
        move = self.rule.move(velocity, value, squared, memory)
        return Step(point, image, z + move, {"move": move, "count": memory["count"] + 1})

    def _velocity(self, f: Map, point: Tensor, masses: Tensor, space: Clouds) -> tuple[Tensor, Tensor, Tensor]:
        """F of a state, minus the gradient of G there, and G."""
        with torch.enable_grad():
            state = point.detach().requires_grad_()
            image = f(state)
        x, y = space.marked(point), space.marked(image.detach())
        value, gradients = discrepancy_with_gradients(x, y, masses, masses, self.kernel)
        ours, theirs = (part[..., -point.shape[-1] :] for part in gradients)
        pulled = _pulled(image, state, masses[..., None] * theirs)
        real = masses[..., None] > 0
        gradient = ours + pulled / torch.where(real, masses[..., None], 1)
        return image.detach(), torch.where(real, -gradient, 0), value / 2

    def _disturbed(self, z: Tensor, count: Tensor, masses: Tensor) -> Tensor:
        """The states with the noise of their steps: what a sample gets does not depend on the others."""
        if self.noise == 0:
            return z
        noise = torch.empty_like(z)
        for k in sorted(set(count.tolist())):
            generator = torch_generator(rng_for(self.seed, "flow", k))
            drawn = torch.randn(z.shape[1:], generator=generator, dtype=torch.float64).to(z)
            noise[count == k] = self.noise / (k + 1) ** 0.5 * drawn
        return z + torch.where(masses[..., None] > 0, noise, 0)


def _pulled(image: Tensor, state: Tensor, weights: Tensor) -> Tensor:
    """The product of the transposed Jacobian with some weights; 0 where F does not depend on its state."""
    if not image.requires_grad:
        return torch.zeros_like(state)
    (found,) = torch.autograd.grad(image, state, weights, allow_unused=True)
    return torch.zeros_like(state) if found is None else found
