"""A learned map, and how well it hits its target."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from continuum.core import IncompatibleError, rng_for

from .frame import Batch, Frame, Sample, joint
from .labelled import LabelledDataset, admit_datasets

__all__ = ["FittedMap", "energies", "push"]

Array = NDArray[Any]
_JUDGED, _SPLITS = 1000, 5  # most points on either side of an energy distance, and halvings of the source to average
_LEFT = 0.02  # share of the excess of the energy distance that a converged map may leave


@dataclass(frozen=True, eq=False)
class FittedMap:
    """A learned map, and how well it hits its target.

    Energies are squared energy distances (Székely & Rizzo 2013) to a half of the source, of scaled components and
    labels together: means over five halvings, of at most 1,000 of the points that the map was learned from.

    Attributes:
        network: T on components.
        classifier: the frozen classifier on components; logits.
        frame: the components.
        classes: labels of the base.
        trace: value of the game at each step of the critic; where it converges, the squared distance in components.
        cost: mean cost of moving the base, in the same unit; far from the end of `trace` the game is not over.
        energy: of the image of the base.
        energy_floor: of the other half of the source: no map is expected to come nearer.
        energy_before: of the base moved to the mean of the source, where learning starts.
    """

    network: nn.Module
    classifier: nn.Module
    frame: Frame
    classes: tuple[Hashable, ...]
    trace: tuple[float, ...]
    cost: float
    energy: float
    energy_floor: float
    energy_before: float

    @property
    def converged(self) -> bool:
        """Whether `energy` is below twice its floor, or 98 % of its way from `energy_before` down to it."""
        excess, before = self.energy - self.energy_floor, self.energy_before - self.energy_floor
        return excess <= max(self.energy_floor, _LEFT * before)

    @property
    def explained(self) -> float:
        """Share of the variance of the source that its components keep; the rest is missing in images."""
        return self.frame.explained

    def push(self, data: LabelledDataset) -> tuple[Tensor, Array]:
        """Images of points, of the base or not, and their label distributions over the classes of the source.

        Args:
            data: points with the features and classes of the base; labels may be soft.

        Returns:
            Features (n, d) float64 on the device of `data`, and labels (n, l).

        Raises:
            IncompatibleError: if the number of features differs, or a class is none of the base.
        """
        admit_datasets(data=data)
        if data.dimension != len(self.frame.start):
            raise IncompatibleError(f"`data` must have the {len(self.frame.start)} features of the base, got {data!r}.")
        if unknown := [label for label in data.classes if label not in self.classes]:
            raise IncompatibleError(f"`data` must have classes of the base, {self.classes}, got also {unknown[:5]}.")
        columns = np.eye(len(self.classes))[[self.classes.index(label) for label in data.classes]]
        x = self.frame.reduce(data.features().to(self.frame.axes), self.frame.start)
        image, labels = push(self.network, self.classifier, x, torch.as_tensor(data.probabilities @ columns).to(x))
        return self.frame.restore(image).to(data.device), labels.cpu().numpy()

    def __repr__(self) -> str:
        energies = f"energy={self.energy:.3g}, energy_floor={self.energy_floor:.3g}"
        return f"FittedMap(cost={self.cost:.6g}, {energies}, converged={self.converged})"


@torch.no_grad()
def push(network: nn.Module, classifier: nn.Module, x: Tensor, p: Tensor) -> Batch:
    """Images and their labels, float64."""
    image = network(x, p)
    return image.double(), classifier(image).double().softmax(1)


def energies(base: Sample, source: Sample, image: Batch, before: Batch, seed: int) -> tuple[float, float, float]:
    """Squared energy distance to one half of the source: of the image, of the other half, of the base before."""
    real, ends = joint(source.x, source.p), (joint(*image), joint(*before))
    found = []
    for split in range(_SPLITS):
        rng = rng_for(seed, "neural map", "energies", split)
        order, some = rng.permutation(len(real))[: 2 * _JUDGED], rng.permutation(len(base.x))
        half = (len(order) + 1) // 2
        one, other, some = order[:half], order[-half:], some[:half]
        target = real[one], source.weights[one]
        moved, unmoved = (_energy(end[some], base.weights[some], *target) for end in ends)
        found.append((moved, _energy(real[other], source.weights[other], *target), unmoved))
    energy, floor, first = np.mean(found, axis=0)
    return float(energy), float(floor), float(first)


def _energy(x: Tensor, a: Tensor, y: Tensor, b: Tensor) -> float:
    """$2 E|X - Y| - E|X - X'| - E|Y - Y'|$."""
    x, y = x.double(), y.double()
    a, b = (a / a.sum()).to(x), (b / b.sum()).to(x)
    return float(2 * a @ torch.cdist(x, y) @ b - a @ torch.cdist(x, x) @ a - b @ torch.cdist(y, y) @ b)
