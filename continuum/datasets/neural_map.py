r"""A transport map between labelled datasets that is learned, and so defined off its sample.

The map of a plan knows where the points of the plan go, and nothing else. A network T that is trained against a critic
f carries any point; with labels it is the "OTDD neural map" of Fan & Alvarez-Melis (2023).
"""

from __future__ import annotations

import copy
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

from .fitted_map import FittedMap, energies, push
from .frame import Frame, GameCost, Sample, joint
from .labelled import LabelledDataset, admit_datasets
from .layers import linear

__all__ = ["NeuralMap"]

Array = NDArray[Any]

_BETAS = (0.0, 0.9)  # of Adam: momentum makes the players of a min-max game circle (Gidel et al. 2019)
_AVERAGE = 0.99  # decay of the running mean of the map's parameters; the authors use 0.995 and more steps
_CLASSIFIER_STEPS, _CLASSIFIER_BATCH, _CLASSIFIER_RATE = 1000, 256, 1e-3


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
        frame = Frame.fit(base, source, self.components)
        cost = GameCost.of(frame, distances, feature_weight, label_weight)
        start, stop = Sample.of(base, frame, frame.start), Sample.of(source, frame, frame.stop)
        classifier = self._classifier(stop)
        network, values = self._play(start, stop, classifier, cost)
        image = push(network, classifier, start.x, start.p)
        found = FittedMap(
            network,
            classifier,
            frame,
            base.classes,
            tuple(value * cost.unit + cost.shift for value in values),
            float(start.weights.to(frame.axes) @ cost(start.x, start.p, *image)) * cost.unit + cost.shift,
            *energies(start, stop, image, (start.x, classifier(start.x).softmax(1)), self.seed),
        )
        if not found.converged:
            warn(
                f"the learned map ends at squared energy distance {found.energy:.3g} from its target; the shift of the "
                f"mean is at {found.energy_before:.3g} and sampling alone at {found.energy_floor:.3g}; raise `steps`, "
                "or lower `critic_rate`, then `label_weight`.",
                ConvergenceWarning,
            )
        return found

    def _classifier(self, source: Sample) -> nn.Sequential:
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
        self, base: Sample, source: Sample, classifier: nn.Sequential, cost: GameCost
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
                    moved = (cost(x, p, image, labels) - critic(joint(image, labels))[:, 0]).mean()
                    _descend(optimizers[0], moved)
            critic.requires_grad_(True)
            fake, real = joint(image.detach(), labels.detach()), joint(*source.draw(self.batch, generator))
            with torch.enable_grad():
                gain = critic(real).mean()
                _descend(optimizers[1], critic(fake).mean() - gain)
            values.append(float((moved + gain).detach()))
            decay = min(_AVERAGE, (1 + step) / (10 + step))  # the beginning is forgotten faster
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - decay)
            for schedule in schedules:
                schedule.step()
        return mean, values


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
