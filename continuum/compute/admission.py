"""What networks of point clouds accept."""

from __future__ import annotations

from typing import Any

from torch import nn

from continuum.core import IncompatibleError, InvalidInputError

from .particles import PointCloudBatch

__all__ = ["admit_clouds"]


def admit_clouds(clouds: Any, dimension: int, module: nn.Module) -> PointCloudBatch:
    """A batch that a module can be applied to.

    Args:
        clouds: the batch.
        dimension: of the points that the module was made for.
        module: with at least one parameter.

    Raises:
        InvalidInputError: if it is no `PointCloudBatch`.
        IncompatibleError: if dimension, dtype or device differ.
    """
    name = type(module).__name__
    if not isinstance(clouds, PointCloudBatch):
        raise InvalidInputError(
            f"{name} takes a PointCloudBatch, got {type(clouds).__name__}; make one by PointCloudBatch.from_list(...)."
        )
    if clouds.dimension != dimension:
        raise IncompatibleError(f"{name} was made for points of dimension {dimension}, got {clouds.dimension}.")
    weight = next(module.parameters())
    if (clouds.points.dtype, clouds.points.device) != (weight.dtype, weight.device):
        raise IncompatibleError(
            f"{name} is {weight.dtype} on {weight.device} and the clouds are {clouds.points.dtype} on "
            f"{clouds.points.device}; bring them together by `clouds.to(...)`."
        )
    return clouds
