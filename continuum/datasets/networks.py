"""Small networks to pre-train on a dataset and to fine-tune on another.

All randomness comes from the given generator, one stream for each use: initial weights, masks, the last layer, the
order of points. Streams do not know the data, so two datasets of one size are met by one network in one order, however
many labels each has: differences between datasets are paired.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from continuum.core import InvalidInputError, check_count, check_positive, torch_generator

from .labelled import LabelledDataset
from .layers import Dropout, Images, Standardise, convolution, linear

__all__ = ["Convolutional", "Network", "Perceptron", "RawFeatures", "fine_tune", "represent", "with_mass"]

Batch = tuple[Tensor, Tensor, Tensor]  # features, label distributions, weights of mean 1 over the dataset

_CHUNK = 1024  # images through a network at a time: the activations of 10,000 fill a laptop's memory
_FUSED = {"cpu", "cuda"}  # devices whose Adam is one kernel
_SMALLEST_SIDE = 7  # halved by a stride and two pools, with one pixel left


@runtime_checkable
class Network(Protocol):
    """What is pre-trained on a dataset, as far as metrics of transfer are concerned."""

    def train(self, data: LabelledDataset, rng: np.random.Generator, /) -> nn.Module:
        """The representation learnt from `data`, in evaluation mode: float32 features (n, ...) to vectors (n, k)."""
        ...


@dataclass(frozen=True)
class RawFeatures:
    """No network: the features themselves, flattened, whatever the dataset; what a learnt representation must beat."""

    def train(self, data: LabelledDataset, rng: np.random.Generator) -> nn.Module:
        """The flattening; neither `data` nor `rng` is looked at."""
        return nn.Flatten().eval()


@dataclass(frozen=True)
class Perceptron:
    """Network to pre-train: linear, batch normalisation, ReLU, linear; its hidden layer is the representation.

    Features are standardised as in `Convolutional`.

    Args:
        hidden: width of the hidden layer.
        steps: gradient steps; the same for a small set and a large one, so that both get one budget. 0 leaves the
            initial weights.
        batch: points in a step.
        learning_rate: of Adam, halved at each third of training.
    """

    hidden: int = 128
    steps: int = 300
    batch: int = 64
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        check_count("hidden", self.hidden)
        _admit_training(self.steps, self.batch, self.learning_rate)

    def train(self, data: LabelledDataset, rng: np.random.Generator) -> nn.Module:
        """Network trained on `data` with soft-label cross-entropy, in evaluation mode, without its last layer."""
        data, generator = _admit_several(data), torch_generator(rng)
        body = nn.Sequential(
            Standardise(data),
            nn.Flatten(),
            linear(data.dimension, self.hidden, generator),
            nn.BatchNorm1d(self.hidden),
            nn.ReLU(),
        )
        return _pretrain(body, data, rng, self)


@dataclass(frozen=True)
class Convolutional:
    """Network of three convolutions to pre-train on images (n, h, w) or (n, c, h, w) of 7 x 7 pixels or more.

    Kernels of 5, 3 and 3 pixels give 16 channels at half the size, 32 and 64, each followed by batch normalisation and
    ReLU, the last two by max-pooling; then dropout and a linear layer. Its flattened last map, of 576 numbers for 28 x
    28 pixels, is the representation. Sizes and options were tried out on MNIST for two CPU cores; the network of Fan &
    Alvarez-Melis (2023) is some 150 times larger.

    Images are shifted and scaled by one mean and one standard deviation of all pixels that it is trained on: their
    units do not matter, and zero-padding continues an image by the average pixel.

    Args:
        steps: gradient steps; the same for a small set and a large one, so that both get one budget. 0 leaves the
            initial weights.
        batch: images in a step.
        learning_rate: of Adam, halved at each third of training.
        dropout: share of the representation that is hidden from the last layer in training.
    """

    steps: int = 400
    batch: int = 64
    learning_rate: float = 2e-3
    dropout: float = 0.3

    def __post_init__(self) -> None:
        _admit_training(self.steps, self.batch, self.learning_rate)
        if not 0 <= self.dropout < 1:
            raise InvalidInputError(f"`dropout` must be in [0, 1), got {self.dropout!r}.")

    def train(self, data: LabelledDataset, rng: np.random.Generator) -> nn.Module:
        """Network trained on `data` with soft-label cross-entropy, in evaluation mode, without its last layer."""
        shape = _image_shape(data)
        data, generator = _admit_several(data), torch_generator(rng)
        body = nn.Sequential(
            Standardise(data),
            Images(*shape),
            convolution(shape[0], 16, generator, kernel=5, stride=2),
            convolution(16, 32, generator, kernel=3),
            nn.MaxPool2d(2),
            convolution(32, 64, generator, kernel=3),
            nn.MaxPool2d(2),
            nn.Flatten(),
            Dropout(self.dropout, torch_generator(rng)),
        )
        return _pretrain(body, data, rng, self)


def fine_tune(
    body: nn.Module, data: LabelledDataset, rng: np.random.Generator, *, steps: int, learning_rate: float
) -> nn.Module:
    """Classifier of `data`: a new last layer on `body`, then all layers are trained, with all points in each step.

    Args:
        body: representation, float32 features (n, ...) to vectors (n, k); it is trained in place.
        data: points to fine-tune on; the outputs are logits of its classes.
        rng: generator of the last layer and of dropout.
        steps: gradient steps.
        learning_rate: of Adam, constant.
    """
    data = _admit_several(data)
    network = _with_head(body, data, torch_generator(rng))
    masks = torch_generator(rng)
    for part in body.modules():
        if isinstance(part, Dropout):  # how many masks pre-training took must not matter
            part.generator = masks
    batch = _tensors(data, _device(body, data))
    _descend(network, itertools.repeat(batch), itertools.repeat(learning_rate, steps))
    return network.eval()


def represent(encoder: nn.Module, data: LabelledDataset) -> Tensor:
    """What `encoder` makes of the points of `data`, (n, k), on its device; without gradients."""
    x, _, _ = _tensors(data, _device(encoder, data))
    with torch.no_grad():
        return torch.cat([encoder(part) for part in torch.split(x, _CHUNK)])


def with_mass(data: LabelledDataset) -> LabelledDataset:
    """The points of positive weight: the others are no part of the measure, and must not enter batch statistics."""
    return data if data.weights.all() else data.subset(data.weights > 0)


def _pretrain(
    body: nn.Module, data: LabelledDataset, rng: np.random.Generator, options: Perceptron | Convolutional
) -> nn.Module:
    """`body`, trained with a last layer that is then thrown away."""
    network, order = _with_head(body.to(data.device), data, torch_generator(rng)), torch_generator(rng)
    rates = [options.learning_rate / 2 ** (3 * step // options.steps) for step in range(options.steps)]
    _descend(network, _batches(data, options.batch, order), rates)
    return body.eval()


def _with_head(body: nn.Module, data: LabelledDataset, generator: torch.Generator) -> nn.Sequential:
    """`body`, followed by a new linear layer to the classes of `data`."""
    seen = represent(body.eval(), data.subset(slice(0, 1)))
    return nn.Sequential(body, linear(seen.shape[1], len(data.classes), generator).to(seen.device))


def _descend(network: nn.Module, batches: Iterable[Batch], rates: Iterable[float]) -> None:
    """Adam on the weighted cross-entropy with soft labels; a step for each of `rates`."""
    fused = {parameter.device.type for parameter in network.parameters()} <= _FUSED
    optimizer = torch.optim.Adam(network.parameters(), fused=fused)
    network.train()
    with torch.enable_grad():
        for rate, (x, y, weights) in zip(rates, batches, strict=False):
            optimizer.param_groups[0]["lr"] = rate
            losses = functional.cross_entropy(network(x), y, reduction="none")
            optimizer.zero_grad()
            torch.autograd.backward((losses * weights).mean())
            optimizer.step()


def _batches(data: LabelledDataset, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Endless batches: one random order of the points after the other, without ragged ends."""
    x, y, weights = _tensors(data, data.device)
    n, size = len(data), min(size, len(data))
    while True:
        order = torch.randperm(n, generator=generator)
        for rows in torch.split(order[: n - n % size].to(x.device), size):
            yield x[rows], y[rows], weights[rows]


def _tensors(data: LabelledDataset, device: torch.device) -> Batch:
    y, weights = torch.as_tensor(data.probabilities), torch.as_tensor(data.weights * len(data))
    x = torch.as_tensor(data.x).detach()
    return x.to(device, torch.float32), y.to(device, torch.float32), weights.to(device, torch.float32)


def _device(network: nn.Module, data: LabelledDataset) -> torch.device:
    """Where `network` lives; where `data` does, if it has nothing that lives anywhere."""
    return next((held.device for held in itertools.chain(network.parameters(), network.buffers())), data.device)


def _image_shape(data: LabelledDataset) -> tuple[int, int, int]:
    shape = tuple(data.x.shape[1:])
    channels, *sides = shape if len(shape) == 3 else (1, *shape)
    if len(sides) != 2:
        raise InvalidInputError(
            f"`Convolutional` needs images (n, h, w) or (n, c, h, w), got {data!r}; pass `Perceptron()` for vectors."
        )
    if min(sides) < _SMALLEST_SIDE:
        raise InvalidInputError(
            f"`Convolutional` needs images of at least {_SMALLEST_SIDE} x {_SMALLEST_SIDE} pixels, got {sides[0]} x "
            f"{sides[1]} with {channels} channels; `resize` them, or put channels first."
        )
    return channels, sides[0], sides[1]


def _admit_several(data: LabelledDataset) -> LabelledDataset:
    """The points of positive weight, at least two: batch normalisation has no statistics of a single point."""
    data = with_mass(data)
    if len(data) < 2:
        raise InvalidInputError(f"a network cannot be trained on one point, got {data!r} of positive weight.")
    return data


def _admit_training(steps: int, batch: int, learning_rate: float) -> None:
    check_count("steps", steps, least=0)
    check_count("batch", batch, least=2)  # for batch normalisation
    check_positive("learning_rate", learning_rate)
