"""A small convolutional network, trained the same way wherever it is trained."""

from __future__ import annotations

import copy

import numpy as np
import torch
from data_paths import CLASSES, Examples
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from continuum.core import rng_for

_BATCH = 50


def network(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 3 * 3, 64),
            nn.ReLU(),
            nn.Linear(64, CLASSES),
        )


def trained(start: nn.Module, data: Examples, *, epochs: int, seed: int, rate: float = 1e-3) -> nn.Module:
    """A copy of a network after some epochs of Adam; batches hold the same places for the same seed and size."""
    model, rng = copy.deepcopy(start).train(), rng_for(seed, "batches")
    optimiser = torch.optim.Adam(model.parameters(), rate)
    weights = data.weights * len(data.weights)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(weights)), max(1, len(weights) // _BATCH)):
            optimiser.zero_grad()
            losses = cross_entropy(model(data.x[rows]), data.y[rows], reduction="none")
            (losses * weights[rows]).mean().backward()
            optimiser.step()
    return model.eval()


@torch.no_grad()
def predicted(model: nn.Module, x: Tensor) -> Tensor:
    """Log-probabilities of the classes, (n, 10)."""
    return model(x).log_softmax(1)
