"""Layers without global state: what torch draws from its global random state, these draw from a generator."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from continuum.core import IncompatibleError

from .labelled import LabelledDataset

__all__ = ["Dropout", "Images", "Standardise", "convolution", "linear"]

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class Standardise(nn.Module):
    """One shift and one scale for all features: mean and standard deviation of all entries of a dataset."""

    def __init__(self, data: LabelledDataset) -> None:
        super().__init__()
        rows = torch.as_tensor(data.x).detach().float().flatten(1)
        variances, means = (part.cpu().double() for part in torch.var_mean(rows, 1, correction=0))
        weights = torch.as_tensor(data.weights)
        mean = weights @ means
        deviation = (weights @ (variances + (means - mean).square())).sqrt()
        self.register_buffer("mean", mean.float())
        self.register_buffer("scale", torch.where(deviation > 0, deviation, 1.0).float())

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.get_buffer("mean")) / self.get_buffer("scale")


class Images(nn.Module):
    """Features (n, h, w) or (n, c, h, w) as a batch of images of one shape."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.shape = (channels, height, width)

    def forward(self, x: Tensor) -> Tensor:
        images = x.unsqueeze(1) if x.ndim == 3 else x
        if tuple(images.shape[1:]) != self.shape:
            raise IncompatibleError(
                f"the network was trained on images {self.shape} (channels, height, width), got {tuple(x.shape[1:])}; "
                "bring both datasets to one shape, as with `resize`."
            )
        return images.contiguous(memory_format=torch.channels_last)  # convolutions on a CPU are faster so


class Dropout(nn.Module):
    """Dropout with masks from its own generator, a CPU's: torch's own cannot be given one.

    Args:
        share: probability of hiding a number.
        generator: source of the masks; may be replaced, to start a new stream.
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share, self.generator = share, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.share
        return x * (kept.to(x.device, x.dtype) / (1 - self.share))


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Linear layer with weights from `generator`."""
    return _initialised(nn.Linear(inputs, outputs, device="meta"), generator)


def convolution(
    inputs: int, outputs: int, generator: torch.Generator, *, kernel: int, stride: int = 1
) -> nn.Sequential:
    """Convolution padded by zeros, with weights from `generator`; batch normalisation; ReLU."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, device="meta")
    layer = _initialised(layer, generator)
    layer.weight = nn.Parameter(layer.weight.detach().contiguous(memory_format=torch.channels_last))
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


def _initialised(layer: Layer, generator: torch.Generator) -> Layer:
    """A layer of the meta device, where torch draws nothing, brought to the CPU and drawn from `generator`."""
    layer = layer.to_empty(device="cpu")
    bound = 1 / math.sqrt(layer.weight[0].numel())  # torch's own default for both kinds
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return layer
