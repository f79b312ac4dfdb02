"""Clouds as features of their points, each of which has seen the others."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import check_count, check_positive

from .layers import PreNormBlock, log_masses
from .particles import PointCloudBatch

__all__ = ["CloudEncoder", "FourierFeatures"]


class FourierFeatures(nn.Module):
    r"""$x \mapsto (x, \sin xB, \cos xB)$ with fixed Gaussian frequencies B (Tancik et al. 2020).

    Args:
        dimension: of x.
        frequencies: number of columns of B.
        scale: standard deviation of the entries of B, in radians per unit of x.
    """

    frequencies: Tensor

    def __init__(self, dimension: int, frequencies: int, scale: float) -> None:
        super().__init__()
        check_count("dimension", dimension)
        check_count("frequencies", frequencies)
        check_positive("frequency_scale", scale)
        self.scale = scale
        self.register_buffer("frequencies", torch.empty(dimension, frequencies))

    def draw(self, generator: torch.Generator) -> None:
        self.frequencies.normal_(0, self.scale, generator=generator)

    def forward(self, x: Float[Tensor, "b m d"]) -> Float[Tensor, "b m k"]:
        angles = x @ self.frequencies
        return torch.cat([x, angles.sin(), angles.cos()], -1)


class CloudEncoder(nn.Module):
    """Fourier features of points, a network for each, and blocks in which the points look at one another.

    Made on the meta device and drawn by `initialise`.

    Args:
        dimension: of the points.
        width: of the features.
        heads: of the attention.
        layers: number of blocks; with 0 no point sees another.
        frequencies: see `FourierFeatures`.
        frequency_scale: see `FourierFeatures`.
    """

    def __init__(
        self, dimension: int, width: int, heads: int, layers: int, frequencies: int, frequency_scale: float
    ) -> None:
        super().__init__()
        check_count("encoder_layers", layers, least=0)
        fourier = FourierFeatures(dimension, frequencies, frequency_scale)
        self.points = nn.Sequential(
            fourier,
            nn.Linear(dimension + 2 * frequencies, width),
            nn.GELU(),
            nn.LayerNorm(width),
            nn.Linear(width, width),
        )
        self.blocks = nn.ModuleList(PreNormBlock(width, heads, 2 * width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, clouds: PointCloudBatch) -> Float[Tensor, "b m p"]:
        """Features of the points; padded rows are 0."""
        x, bias = self.points(clouds.points), log_masses(clouds.weights)
        for block in self.blocks:
            x = block(x, bias)
        features: Tensor = self.norm(x)
        return torch.where(clouds.mask[..., None], features, 0)
