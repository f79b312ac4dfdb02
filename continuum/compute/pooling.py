"""What is left of clouds and of particles when they are pooled."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .particles import PointCloudBatch

__all__ = ["pooled_max", "pooled_mean", "support"]


def support(clouds: PointCloudBatch) -> Bool[Tensor, "b m"]:
    """Which rows are points of the measure: those of mass 0 are no part of it."""
    return clouds.weights > 0


def pooled_mean(x: Float[Tensor, "b n p"], masses: Float[Tensor, "b n"] | None) -> Float[Tensor, "b p"]:
    """Mean under masses that sum to 1; None for equal ones."""
    if masses is None:
        return x.mean(1)
    return torch.einsum("bn,bnp->bp", masses.to(x), x)


def pooled_max(x: Float[Tensor, "b n p"], within: Bool[Tensor, "b n"]) -> Float[Tensor, "b p"]:
    """Largest entries among some of the points, at least one of each sample."""
    return x.masked_fill(~within[..., None], -torch.inf).amax(1)
