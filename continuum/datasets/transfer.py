"""Metrics of a synthetic dataset: what a network learns from it, and how far it is from a target.

Transfer is measured as the paper's users meet it: a network is trained on the synthetic set, with all labels of the
union as outputs; then a simple classifier is fitted on its hidden layer to a few labelled shots of the target, and
tested on the target.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.nn import functional

from continuum.core import IncompatibleError, InvalidInputError, Metric, NotConvergedError, torch_generator
from continuum.measures import Solver

from .distance import otdd
from .label_geometry import LabelMetric
from .labelled import LabelledDataset, admit_datasets

__all__ = ["Perceptron", "linear_probe", "nearest_neighbour", "otdd_to"]


@dataclass(frozen=True)
class Perceptron:
    """Network to pre-train: linear, batch normalisation, ReLU, linear; its hidden layer is the representation.

    Args:
        hidden: width of the hidden layer.
        steps: gradient steps; the same for a small set and a large one, so that both get one budget.
        batch: points in a step.
        learning_rate: of Adam, halved at each third of training.
    """

    hidden: int = 128
    steps: int = 300
    batch: int = 64
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        # Batch normalisation has no statistics of a single point.
        for name, least in {"hidden": 1, "steps": 1, "batch": 2}.items():
            if getattr(self, name) < least:
                raise InvalidInputError(f"`{name}` must be at least {least}, got {getattr(self, name)!r}.")
        if not 0 < self.learning_rate < math.inf:
            raise InvalidInputError(f"`learning_rate` must be positive and finite, got {self.learning_rate!r}.")

    def train(self, data: LabelledDataset, rng: np.random.Generator) -> nn.Module:
        """Network trained on `data` with soft-label cross-entropy, in evaluation mode, without its last layer."""
        if len(data) < 2:
            raise InvalidInputError(f"a network cannot be trained on one point, got {data!r}.")
        x = data.features().float()
        y = torch.as_tensor(data.probabilities, dtype=torch.float32, device=x.device)
        weights = torch.as_tensor(data.weights * len(data), dtype=torch.float32, device=x.device)
        generator = torch_generator(rng)
        network = _network(x.shape[1], self.hidden, y.shape[1], generator).to(x.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, max(1, self.steps // 3), gamma=0.5)
        with torch.enable_grad():
            for rows in itertools.islice(_batches(len(x), self.batch, generator), self.steps):
                losses = functional.cross_entropy(network(x[rows]), y[rows], reduction="none")
                optimizer.zero_grad()
                (losses * weights[rows]).mean().backward()
                optimizer.step()
                schedule.step()
        return network[:-1].eval()


def linear_probe(
    shots: LabelledDataset, test: LabelledDataset, *, network: Perceptron | None = None, name: str = "transfer accuracy"
) -> Metric:
    """Accuracy on `test` of a logistic regression that was fitted to `shots` on features learnt from the value.

    Args:
        shots: the few labelled points of the target.
        test: labelled points of the target to be tested on.
        network: what to pre-train on the value; None for `Perceptron()`.
        name: name of the metric.
    """
    return _transfer(shots, test, LogisticRegression(max_iter=1000), network or Perceptron(), name)


def nearest_neighbour(
    shots: LabelledDataset, test: LabelledDataset, *, network: Perceptron | None = None, name: str = "1-NN accuracy"
) -> Metric:
    """Accuracy on `test` of the nearest of the `shots`, on features learnt from the value; see `linear_probe`."""
    return _transfer(shots, test, KNeighborsClassifier(1), network or Perceptron(), name)


def otdd_to(
    target: LabelledDataset,
    *,
    labels: LabelMetric | None = None,
    solver: Solver | None = None,
    feature_weight: float = 1.0,
    label_weight: float = 1.0,
    name: str = "OTDD to target",
) -> Metric:
    """Dataset distance of the value to `target`; the options are those of `otdd`.

    A solve that does not converge is a `NotConvergedError`, which carries the result with its bounds.
    """
    admit_datasets(target=target)

    def distance(value: LabelledDataset) -> float:
        found = otdd(
            value,
            target,
            labels=labels,
            solver=solver,
            feature_weight=feature_weight,
            label_weight=label_weight,
        )
        if not found.converged:  # a table has no room for bounds
            raise NotConvergedError(f"{found!r} did not converge; raise `max_iterations`.", found)
        return found.distance

    return Metric(name, distance, goal="min")


def _transfer(shots: LabelledDataset, test: LabelledDataset, head: Any, network: Perceptron, name: str) -> Metric:
    admit_datasets(shots=shots, test=test)
    if shots.dimension != test.dimension:
        raise IncompatibleError(f"`shots` and `test` must have as many features, got {shots!r} and {test!r}.")

    # Labels are compared by equality: 1 in the one set and 1.0 in the other are one label.
    code = {label: place for place, label in enumerate(shots.classes)}
    truth = np.array([code.get(test.classes[k], -1) for k in test.codes])

    def accuracy(value: LabelledDataset, rng: np.random.Generator) -> float:
        encoder = network.train(value, rng)
        with torch.no_grad():
            train, held_out = (
                encoder(part.features().float().to(value.device)).cpu().numpy() for part in (shots, test)
            )
        fitted = clone(head).fit(train, shots.codes)
        return float(np.average(fitted.predict(held_out) == truth, weights=test.weights))

    return Metric(name, accuracy, goal="max", stochastic=True)


def _batches(n: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless batches: one random order of the n points after the other, without ragged ends."""
    size = min(size, n)
    while True:
        order = torch.randperm(n, generator=generator)
        yield from order[: n - n % size].split(size)


def _network(features: int, hidden: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """Network initialised from `generator`; the global random state is neither read nor moved."""
    first = nn.utils.skip_init(nn.Linear, features, hidden)
    last = nn.utils.skip_init(nn.Linear, hidden, outputs)
    for layer in (first, last):
        _initialise(layer, generator)
    return nn.Sequential(first, nn.BatchNorm1d(hidden), nn.ReLU(), last)


def _initialise(layer: nn.Linear, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(layer.in_features)  # torch's own default for a linear layer
    parameter: Tensor
    for parameter in (layer.weight, layer.bias):
        with torch.no_grad():
            parameter.uniform_(-bound, bound, generator=generator)
