"""PointNet, a baseline: one feature vector for each point, and the largest entries of all."""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from continuum.core import check_count, rng_for, torch_generator

from .admission import admit_clouds
from .layers import initialise
from .particles import PointCloudBatch
from .pooling import pooled_max, support

__all__ = ["PointNet"]


class PointNet(nn.Module):
    """Classifier of point clouds (Qi et al. 2017), with its input transform and the sizes of its authors.

    LayerNorm takes the place of batch normalisation, so that a cloud does not depend on those beside it, and there is
    no dropout. The transform of features, 1.9 million parameters with a penalty of their own, is left out, as it is
    where PointNet is quoted with 1.6 million parameters.

    Masses are not looked at, but for points of mass 0, which are left out: a maximum does not see how often it occurs.

    Args:
        dimension: of the points.
        classes: how many.
        seed: of the weights.

    Example:
        >>> PointNet(2, 10)(PointCloudBatch(torch.ones(3, 5, 2))).shape
        torch.Size([3, 10])
    """

    def __init__(self, dimension: int, classes: int, *, seed: int = 0) -> None:
        super().__init__()
        check_count("dimension", dimension)
        check_count("classes", classes)
        self.dimension = dimension
        with torch.device("meta"):
            self.transform = _InputTransform(dimension)
            self.points = _layers(dimension, 64, 64, 64, 128, 1024)
            self.classify = nn.Sequential(_layers(1024, 512, 256), nn.Linear(256, classes))
        initialise(self, torch_generator(rng_for(seed, "PointNet")))

    def forward(self, clouds: PointCloudBatch) -> Float[Tensor, "b c"]:
        """Logits."""
        clouds = admit_clouds(clouds, self.dimension, self)
        within = support(clouds)
        x = self.points(clouds.points @ self.transform(clouds.points, within))
        logits: Tensor = self.classify(pooled_max(x, within))
        return logits


class _InputTransform(nn.Module):
    """A matrix (d, d) for each cloud, the identity and what a small PointNet adds to it."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension
        self.points = _layers(dimension, 64, 128, 1024)
        self.matrix = nn.Sequential(_layers(1024, 512, 256), nn.Linear(256, dimension**2))

    def forward(self, x: Float[Tensor, "b m d"], within: Bool[Tensor, "b m"]) -> Float[Tensor, "b d d"]:
        entries = self.matrix(pooled_max(self.points(x), within))
        eye = torch.eye(self.dimension, dtype=x.dtype, device=x.device)
        matrix: Tensor = eye + entries.unflatten(-1, eye.shape)
        return matrix


def _layers(*widths: int) -> nn.Sequential:
    layers = (
        nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU())
        for inputs, outputs in itertools.pairwise(widths)
    )
    return nn.Sequential(*layers)
