"""A network of fixed depth all of whose layers are one: an equilibrium model that does not look for its equilibrium."""

from __future__ import annotations

from typing import Any

from torch import nn

from continuum.core import InvalidInputError, check_count

from .particles import PointCloudBatch

__all__ = ["WeightTied"]


class WeightTied(nn.Module):
    r"""$h(F^k(z_0, \rho), \rho)$ with k always the same, and a gradient through all k applications.

    Args:
        network: F, see `MeasureNetwork`; a module.
        head: h, a module of particles and a context.
        steps: k.

    Example:
        >>> import torch
        >>> from continuum.compute import AnchoredNetwork, ClassificationHead
        >>> model = WeightTied(AnchoredNetwork(2), ClassificationHead(64, 10), steps=4)
        >>> model(PointCloudBatch(torch.ones(3, 5, 2))).shape
        torch.Size([3, 10])
    """

    def __init__(self, network: Any, head: nn.Module, steps: int) -> None:
        super().__init__()
        if not all(hasattr(network, name) for name in ("encode", "start", "step")):
            raise InvalidInputError(f"`network` must have `encode`, `start` and `step`, got {type(network).__name__}.")
        check_count("steps", steps)
        self.network = network
        self.head = head
        self.steps = steps

    def forward(self, clouds: PointCloudBatch) -> Any:
        """What the head reads out of the last state."""
        context = self.network.encode(clouds)
        z = self.network.start(context)
        for _ in range(self.steps):
            z = self.network.step(z, context)
        return self.head(z, context)
