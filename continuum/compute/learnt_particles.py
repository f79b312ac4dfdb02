"""Where particles start, and what tells them apart."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import IncompatibleError, check_count

__all__ = ["LearntParticles"]

_ANCHOR_SCALE = 0.5  # of an entry, beside states whose entries are of size 1


class LearntParticles(nn.Module):
    r"""Particles that start at learnt places, each with a learnt anchor that never moves.

    Made on the meta device and drawn by `initialise`: the start N(0, 1), the anchors N(0, 0.25).

    Args:
        particles: how many.
        width: of a particle.
        anchors: whether they have anchors; otherwise they are exchangeable.
    """

    def __init__(self, particles: int, width: int, *, anchors: bool = True) -> None:
        super().__init__()
        check_count("particles", particles)
        self.first = nn.Parameter(torch.empty(particles, width))
        self.anchors = nn.Parameter(torch.empty(particles, width)) if anchors else None

    def draw(self, generator: torch.Generator) -> None:
        self.first.normal_(generator=generator)
        if self.anchors is not None:
            self.anchors.normal_(0, _ANCHOR_SCALE, generator=generator)

    @property
    def marks(self) -> Float[Tensor, "n p"] | None:
        """The anchors without their gradient; None if there are none."""
        return None if self.anchors is None else self.anchors.detach()

    def start(self, samples: int) -> Float[Tensor, "b n p"]:
        """The start, the same for each sample."""
        return self.first.expand(samples, -1, -1)

    def anchored(self, z: Float[Tensor, "b n p"]) -> Float[Tensor, "b n p"]:
        """Particles, or the first few of them, with their anchors added.

        Raises:
            IncompatibleError: if there are more particles than anchors.
        """
        if self.anchors is None:
            return z
        if z.shape[1] > len(self.anchors):
            raise IncompatibleError(f"{z.shape[1]} particles cannot have {len(self.anchors)} anchors.")
        return z + self.anchors[: z.shape[1]]
