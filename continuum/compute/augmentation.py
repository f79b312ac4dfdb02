"""Small random changes of point clouds that leave their class as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_weight

from .particles import PointCloudBatch

__all__ = ["Augmentation"]


@dataclass(frozen=True)
class Augmentation:
    r"""Rotation, scale, shear and jitter, drawn anew for each cloud: $p \mapsto R\, H\, S\, p + \epsilon$.

    $S$ multiplies each axis by a number from $1 \pm$ `scale`, $H$ adds a multiple from $\pm$ `shear` of one axis to
    another, $R$ turns by an angle from $\pm$ `rotation`, all uniform; $\epsilon$ is Gaussian, for each point alone. In
    space the second axis is vertical: it is scaled, and $R$ and $H$ act in the horizontal plane of the other two.

    Args:
        rotation: largest angle, in degrees; 180 for objects that may face anywhere.
        scale: largest relative change of an axis, less than 1.
        shear: largest shear.
        jitter: standard deviation of a coordinate, in the units of the points.

    Raises:
        InvalidInputError: if an option is negative or not finite, or `scale` is 1 or more.

    Example:
        >>> batch = PointCloudBatch(torch.ones(1, 3, 2))
        >>> still = Augmentation(rotation=0, scale=0, shear=0, jitter=0)
        >>> torch.equal(still(batch, np.random.default_rng(0)).points, batch.points)
        True
    """

    rotation: float = 8.0
    scale: float = 0.08
    shear: float = 0.12
    jitter: float = 0.01

    def __post_init__(self) -> None:
        for name in ("rotation", "scale", "shear", "jitter"):
            check_weight(name, getattr(self, name))
        if self.scale >= 1:
            raise InvalidInputError(f"`scale` must be less than 1, or clouds could vanish, got {self.scale!r}.")

    def __call__(self, clouds: PointCloudBatch, rng: np.random.Generator) -> PointCloudBatch:
        """Changed clouds, of the plane or of space.

        Raises:
            InvalidInputError: if the clouds have another dimension.
        """
        if clouds.dimension not in (2, 3):
            raise InvalidInputError(f"clouds must be of the plane or of space, got dimension {clouds.dimension}.")
        maps = torch.as_tensor(self._maps(clouds, rng)).to(clouds.points)
        noise = torch.as_tensor(rng.standard_normal(tuple(clouds.points.shape))).to(clouds.points)
        return clouds.moved(clouds.points @ maps.mT + self.jitter * noise)

    def _maps(self, clouds: PointCloudBatch, rng: np.random.Generator) -> NDArray[np.float64]:
        """A linear map for each cloud, (b, d, d)."""
        b, d = len(clouds), clouds.dimension
        angles = rng.uniform(-1, 1, b) * math.radians(self.rotation)
        scales = 1 + self.scale * rng.uniform(-1, 1, (b, d))
        turn, shear = np.tile(np.eye(d), (2, b, 1, 1))
        i, j = 0, d - 1  # the axes of the plane, or the horizontal ones of space
        turn[:, i, i] = turn[:, j, j] = np.cos(angles)
        turn[:, j, i] = np.sin(angles)
        turn[:, i, j] = -turn[:, j, i]
        shear[:, i, j] = self.shear * rng.uniform(-1, 1, b)
        return np.asarray(turn @ shear * scales[:, None, :])
