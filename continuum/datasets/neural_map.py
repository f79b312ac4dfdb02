r"""A transport map between labelled datasets that is learned, and so defined off its sample.

The map of a plan knows where the points of the plan go, and nothing else. A network T that is trained against a critic
f carries any point; with labels it is the "OTDD neural map" of Fan & Alvarez-Melis (2023).
"""

from __future__ import annotations

import copy
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from continuum.core import (
    ConvergenceWarning,
    IncompatibleError,
    InvalidInputError,
    check_count,
    check_positive,
    check_weight,
    rng_for,
    torch_generator,
    warn,
)
from continuum.measures import admit_array

from .labelled import LabelledDataset, admit_datasets
from .layers import linear

__all__ = ["FittedMap", "NeuralMap"]

Array = NDArray[Any]
Batch = tuple[Tensor, Tensor]  # components (b, k) and labels (b, c)

_BETAS = (0.0, 0.9)  # of Adam: momentum makes the players of a min-max game circle (Gidel et al. 2019)
_AVERAGE = 0.99  # decay of the running mean of the map's parameters; the authors use 0.995 and more steps
_LABEL_SCALE = 3.0  # of one-hot labels beside features of unit variance, so that the critic does not overlook them
_CLASSIFIER_STEPS, _CLASSIFIER_BATCH, _CLASSIFIER_RATE = 1000, 256, 1e-3
_JUDGED, _SPLITS = 1000, 5  # most points on either side of an energy distance, and halvings of the source to average
_LEFT = 0.02  # share of the excess of the energy distance that a converged map may leave


@dataclass(frozen=True)
class NeuralMap:
    r"""Transport map T(x, y) learned against a critic f: perceptrons on principal components.

    $$\sup_f \inf_T\; E_Q\big[\lambda_x \|x - T(x, y)\|^2 + \lambda_y \sum_c w(y, c)\, \ell_c(T(x, y))
    - f(T(x, y), \ell(T(x, y)))\big] + E_P[f(x', y')],$$

    w the squared distances of labels, $\ell$ a classifier of the source P, trained first and then frozen. Fan, Liu, Ma,
    Zhou & Chen (2023) for the game, Fan & Alvarez-Melis (2023) for the labels; costs are not halved. Their networks are
    convolutional and T is first trained to be the identity; here T starts as the shift of the mean, which for squared
    distances is a part of any optimal map. A large $\lambda_y$ can make the image collapse to few classes.

    Args:
        components: components of the pooled centred datasets in which the map works, at most; None for all. An image
            lies in their span: what else the base point has belongs to the base, and is not carried over.
        hidden: width of the hidden layers of map, critic and classifier.
        layers: hidden layers of map and critic.
        steps: gradient steps of the critic.
        inner_steps: gradient steps of the map to each of the critic.
        batch: points in a step, drawn by their weights.
        learning_rate: of Adam for the map; falls to 0 along a cosine.
        critic_rate: the same for the critic. Twice both rates come nearer to a source that is large and balanced, and
            lose classes of one that is not; with half the rate of the map or more, the two can circle for ever.
        seed: of initial weights and batches.
    """

    components: int | None = 64
    hidden: int = 256
    layers: int = 2
    steps: int = 1200
    inner_steps: int = 4
    batch: int = 128
    learning_rate: float = 1e-3
    critic_rate: float = 3e-4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("hidden", "layers", "steps", "inner_steps", "batch", "components"):
            value = getattr(self, name)
            if not (value is None and name == "components"):
                check_count(name, value)
        for name in ("learning_rate", "critic_rate"):
            check_positive(name, getattr(self, name))
        rng_for(self.seed)  # refuses what is no seed

    def fit(
        self,
        base: LabelledDataset,
        source: LabelledDataset,
        table: Array | None,
        *,
        feature_weight: float,
        label_weight: float,
    ) -> FittedMap:
        r"""Learn the map from `base` to `source`.

        Args:
            base: where the map starts, Q.
            source: where it ends, P, with as many features.
            table: squared distances between the classes of the base and of the source, (k, l), such as
                `LabelTable.block`; None if labels have weight 0.
            feature_weight: $\lambda_x$.
            label_weight: $\lambda_y$; with 0 images still have the labels that the classifier gives them.

        Returns:
            A `FittedMap`. If its `converged` is false a `ConvergenceWarning` was given.

        Raises:
            IncompatibleError: if the numbers of features differ, or the table does not fit the classes.
            InvalidInputError: if a weight is negative or not finite, or a table is missing.
        """
        admit_datasets(base=base, source=source)
        base, source = (data.subset(data.weights > 0) for data in (base, source))
        distances = _admit_table(base, source, table, feature_weight, label_weight)
        frame = _Frame.fit(base, source, self.components)
        cost = _Cost.of(frame, distances, feature_weight, label_weight)
        start, stop = _Sample.of(base, frame, frame.start), _Sample.of(source, frame, frame.stop)
        classifier = self._classifier(stop)
        network, values = self._play(start, stop, classifier, cost)
        image = _push(network, classifier, start.x, start.p)
        found = FittedMap(
            network,
            classifier,
            frame,
            base.classes,
            tuple(value * cost.unit + cost.shift for value in values),
            float(start.weights.to(frame.axes) @ cost(start.x, start.p, *image)) * cost.unit + cost.shift,
            *_energies(start, stop, image, (start.x, classifier(start.x).softmax(1)), self.seed),
        )
        if not found.converged:
            warn(
                f"the learned map ends at squared energy distance {found.energy:.3g} from its target; the shift of the "
                f"mean is at {found.energy_before:.3g} and sampling alone at {found.energy_floor:.3g}; raise `steps`, "
                "or lower `critic_rate`, then `label_weight`.",
                ConvergenceWarning,
            )
        return found

    def _classifier(self, source: _Sample) -> nn.Sequential:
        """Logits of the source's classes, trained and frozen."""
        generator = torch_generator(rng_for(self.seed, "neural map", "classifier"))
        network = _perceptron(source.x.shape[1], source.p.shape[1], self.hidden, 1, generator).to(source.x.device)
        optimizer = torch.optim.AdamW(network.parameters(), _CLASSIFIER_RATE)
        for _ in range(_CLASSIFIER_STEPS):
            x, p = source.draw(_CLASSIFIER_BATCH, generator)
            with torch.enable_grad():
                _descend(optimizer, functional.cross_entropy(network(x), p))
        return network.requires_grad_(False)

    def _play(
        self, base: _Sample, source: _Sample, classifier: nn.Sequential, cost: _Cost
    ) -> tuple[nn.Module, list[float]]:
        """The game of map and critic: the running mean of the map, and the value at each step."""
        generator = torch_generator(rng_for(self.seed, "neural map", "game"))
        d, classes, device = base.x.shape[1], base.p.shape[1], base.x.device
        network = _Residual(_perceptron(d + classes, d, self.hidden, self.layers, generator)).to(device)
        critic = _perceptron(d + source.p.shape[1], 1, self.hidden, self.layers, generator).to(device)
        mean = copy.deepcopy(network).requires_grad_(False)
        players = ((network, self.learning_rate), (critic, self.critic_rate))
        optimizers = [torch.optim.Adam(part.parameters(), rate, betas=_BETAS) for part, rate in players]
        schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps) for optimizer in optimizers]
        values = []
        for step in range(self.steps):
            critic.requires_grad_(False)
            for _ in range(self.inner_steps):
                x, p = base.draw(self.batch, generator)
                with torch.enable_grad():
                    image = network(x, p)
                    labels = classifier(image).softmax(1)
                    moved = (cost(x, p, image, labels) - critic(_joint(image, labels))[:, 0]).mean()
                    _descend(optimizers[0], moved)
            critic.requires_grad_(True)
            fake, real = _joint(image.detach(), labels.detach()), _joint(*source.draw(self.batch, generator))
            with torch.enable_grad():
                gain = critic(real).mean()
                _descend(optimizers[1], critic(fake).mean() - gain)
            values.append(float((moved + gain).detach()))
            decay = min(_AVERAGE, (1 + step) / (10 + step))  # the beginning is forgotten faster
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - decay)
            for schedule in schedules:
                schedule.step()
        return mean, values


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
    frame: _Frame
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
        image, labels = _push(self.network, self.classifier, x, torch.as_tensor(data.probabilities @ columns).to(x))
        return self.frame.restore(image).to(data.device), labels.cpu().numpy()

    def __repr__(self) -> str:
        energies = f"energy={self.energy:.3g}, energy_floor={self.energy_floor:.3g}"
        return f"FittedMap(cost={self.cost:.6g}, {energies}, converged={self.converged})"


@dataclass(frozen=True, eq=False)
class _Frame:
    """Principal components of two centred datasets of equal mass, scaled to variance 1 on average."""

    start: Tensor  # mean of the base, (d,)
    stop: Tensor  # mean of the source, (d,)
    axes: Tensor  # (d, k)
    scale: float
    explained: float

    @classmethod
    def fit(cls, base: LabelledDataset, source: LabelledDataset, components: int | None) -> _Frame:
        x, y = base.features().double(), source.features().to(base.device).double()
        a, b = (torch.as_tensor(data.weights).to(x) for data in (base, source))
        start, stop = a @ x, b @ y
        first, second = a.sqrt()[:, None] * (x - start), b.sqrt()[:, None] * (y - stop)
        axes = _axes(torch.cat([first, second]), components)
        kept, whole = (second @ axes).square().sum(), second.square().sum()
        variance = ((first @ axes).square().sum() + kept) / 2 / axes.shape[1]
        # Of constant features only the rounding of their means is left, which must not be scaled up.
        scale = float(torch.maximum(variance, 1e-20 * (start.square().sum() + stop.square().sum())).sqrt()) or 1.0
        return cls(start, stop, axes, scale, float(kept / whole) if whole > 0 else 1.0)

    def reduce(self, x: Tensor, mean: Tensor) -> Tensor:
        """Components of `x` around a mean, in the float32 of the networks."""
        return ((x - mean) @ self.axes / self.scale).float()

    def restore(self, image: Tensor) -> Tensor:
        return self.stop + self.scale * image @ self.axes.T


@dataclass(frozen=True, eq=False)
class _Sample:
    """Points as the networks see them."""

    x: Tensor  # (n, k)
    p: Tensor  # (n, c)
    weights: Tensor  # (n,), on the CPU, where batches are drawn

    @classmethod
    def of(cls, data: LabelledDataset, frame: _Frame, mean: Tensor) -> _Sample:
        x = frame.reduce(data.features().to(mean), mean)
        return cls(x, torch.as_tensor(data.probabilities).to(x), torch.as_tensor(data.weights))

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """A batch with replacement, each point by its weight."""
        mass = self.weights.cumsum(0)
        places = mass[-1] * torch.rand(size, generator=generator, dtype=torch.float64)
        rows = torch.searchsorted(mass[:-1], places, right=True).to(self.x.device)
        return self.x[rows], self.p[rows]


@dataclass(frozen=True, eq=False)
class _Cost:
    r"""Cost between centred points in units of its own, so that rates of learning suit all data.

    Centring takes $\lambda_x |m - m'|^2$ from the cost of every plan, m and m' the means.
    """

    feature: float
    table: Tensor  # (k, l)
    unit: float
    shift: float

    @classmethod
    def of(cls, frame: _Frame, table: Tensor, feature_weight: float, label_weight: float) -> _Cost:
        feature, label = feature_weight * frame.scale**2, label_weight * table
        unit = max(feature * frame.axes.shape[1], float(label.std(correction=0))) or 1.0
        shift = feature_weight * float((frame.start - frame.stop).square().sum())
        return cls(feature / unit, (label / unit).float(), unit, shift)

    def __call__(self, x: Tensor, p: Tensor, image: Tensor, labels: Tensor) -> Tensor:
        return self.feature * (image - x).square().sum(1) + ((p @ self.table) * labels).sum(1)


class _Residual(nn.Module):
    """x plus a network of x and its label; the identity at the start."""

    def __init__(self, change: nn.Sequential) -> None:
        super().__init__()
        self.change = change
        for parameter in change[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, p: Tensor) -> Tensor:
        change: Tensor = self.change(torch.cat([x, p], 1))
        return x + change


def _perceptron(inputs: int, outputs: int, hidden: int, layers: int, generator: torch.Generator) -> nn.Sequential:
    widths = [inputs] + [hidden] * layers
    stack = [part for width in widths[:-1] for part in (linear(width, hidden, generator), nn.SiLU())]
    return nn.Sequential(*stack, linear(hidden, outputs, generator))


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


def _joint(x: Tensor, labels: Tensor) -> Tensor:
    return torch.cat([x, _LABEL_SCALE * labels], 1)


@torch.no_grad()
def _push(network: nn.Module, classifier: nn.Module, x: Tensor, p: Tensor) -> Batch:
    """Images and their labels, float64."""
    image = network(x, p)
    return image.double(), classifier(image).double().softmax(1)


def _axes(rooted: Tensor, components: int | None) -> Tensor:
    """Leading right singular vectors, (d, k), at least one; none of a direction in which nothing varies."""
    tall = rooted.shape[0] >= rooted.shape[1]
    # eigh of the smaller Gram matrix: much faster than an SVD of thousands of images.
    values, vectors = torch.linalg.eigh(rooted.T @ rooted if tall else rooted @ rooted.T)
    kept = max(1, int((values > 1e-10 * values[-1]).sum()))
    leading = vectors.flip(1)[:, : min(kept, components or kept)]
    axes: Tensor = leading if tall else torch.linalg.qr(rooted.T @ leading).Q
    return axes


def _energies(base: _Sample, source: _Sample, image: Batch, before: Batch, seed: int) -> tuple[float, float, float]:
    """Squared energy distance to one half of the source: of the image, of the other half, of the base before."""
    real, ends = _joint(source.x, source.p), (_joint(*image), _joint(*before))
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


def _admit_table(
    base: LabelledDataset, source: LabelledDataset, table: Any, feature_weight: float, label_weight: float
) -> Tensor:
    """The table on the device of the base; zeros for none."""
    if base.dimension != source.dimension:
        raise IncompatibleError(
            f"`base` has {base.dimension} features and `source` has {source.dimension}; embed both into one space."
        )
    for name, weight in (("feature_weight", feature_weight), ("label_weight", label_weight)):
        check_weight(name, weight)
    if table is None and label_weight > 0:
        raise InvalidInputError(f"`label_weight` is {label_weight} but `table` is None; pass a table, or weight 0.")
    shape = len(base.classes), len(source.classes)
    admitted = admit_array(np.zeros(shape) if table is None else table, "table", ndim=2).to(base.device)
    if tuple(admitted.shape) != shape:
        raise IncompatibleError(f"`table` must be {shape}, classes of base by source, got {tuple(admitted.shape)}.")
    return admitted
