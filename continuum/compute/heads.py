"""What is read out of particles.

A head takes particles (b, n, p) and the context of the network that they belong to. Where particles have masses, as the
points of a cloud do, the context says them by an attribute `masses`, (b, n); without it they are equal.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import check_count, rng_for, torch_generator

from .layers import initialise
from .pooling import pooled_max, pooled_mean

__all__ = ["ClassificationHead", "CompletionHead", "MaxHead", "PointHead"]


class ClassificationHead(nn.Module):
    """Logits of classes, linear in the mean of the particles.

    Args:
        width: of a particle.
        classes: how many.
        seed: of the weights.

    Example:
        >>> head = ClassificationHead(64, 10)
        >>> head(torch.zeros(2, 8, 64), None).shape
        torch.Size([2, 10])
    """

    def __init__(self, width: int, classes: int, *, seed: int = 0) -> None:
        super().__init__()
        self.out = _linear(width, classes, "classes", seed)

    def forward(self, z: Float[Tensor, "b n p"], context: Any) -> Float[Tensor, "b c"]:
        logits: Tensor = self.out(pooled_mean(z, _masses(context)))
        return logits

    def probabilities(self, output: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
        """Of the classes."""
        return output.softmax(-1)


class MaxHead(nn.Module):
    """Logits of classes, linear in the largest entries of the particles, as in Geuter et al. (2025).

    Args:
        width: of a particle.
        classes: how many.
        seed: of the weights.
    """

    def __init__(self, width: int, classes: int, *, seed: int = 0) -> None:
        super().__init__()
        self.out = _linear(width, classes, "classes", seed)

    def forward(self, z: Float[Tensor, "b n p"], context: Any) -> Float[Tensor, "b c"]:
        masses = _masses(context)
        within = torch.ones_like(z[..., 0], dtype=torch.bool) if masses is None else masses > 0
        logits: Tensor = self.out(pooled_max(z, within))
        return logits

    def probabilities(self, output: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
        """Of the classes."""
        return output.softmax(-1)


class PointHead(nn.Module):
    """Logits for each particle: one for yes or no, or several for classes. Those of padded rows mean nothing.

    Args:
        width: of a particle.
        outputs: how many logits.
        seed: of the weights.
    """

    def __init__(self, width: int, outputs: int = 1, *, seed: int = 0) -> None:
        super().__init__()
        self.out = _linear(width, outputs, "outputs", seed)

    def forward(self, z: Float[Tensor, "b n p"], context: Any) -> Float[Tensor, "b n c"]:
        logits: Tensor = self.out(z)
        return logits

    def probabilities(self, output: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Of yes for one logit; of the classes for several."""
        return output.sigmoid() if output.shape[-1] == 1 else output.softmax(-1)


class CompletionHead(nn.Module):
    """Places of free particles, linear in their states; `completed` adds the known points.

    The released code of Geuter et al. (2025) passes states through a normalising flow whose output is, exactly, their
    first coordinates, whatever its weights. A linear map says the same without the flow.

    Args:
        width: of a particle.
        dimension: of the points.
        seed: of the weights.
    """

    def __init__(self, width: int, dimension: int, *, seed: int = 0) -> None:
        super().__init__()
        self.out = _linear(width, dimension, "dimension", seed)

    def forward(self, z: Float[Tensor, "b n p"], context: Any) -> Float[Tensor, "b n d"]:
        places: Tensor = self.out(z)
        return places

    def probabilities(self, output: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """The places themselves: a change of them is judged in their units."""
        return output


def _linear(width: int, outputs: int, name: str, seed: int) -> nn.Linear:
    check_count("width", width)
    check_count(name, outputs)
    return initialise(nn.Linear(width, outputs, device="meta"), torch_generator(rng_for(seed, "head")))


def _masses(context: Any) -> Tensor | None:
    masses: Tensor | None = getattr(context, "masses", None)
    return masses
