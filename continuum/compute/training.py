r"""Training of equilibrium models: at their equilibrium, or so that every iterate is of use."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from tqdm import tqdm

from continuum.core import (
    IncompatibleError,
    InvalidInputError,
    StoreError,
    admit_path,
    check_count,
    check_positive,
    check_share,
    check_weight,
    rng_for,
    whole_file,
)

from .equilibrium import jacobian_penalty

__all__ = ["Anytime", "AtEquilibrium", "Direct", "Fitted", "Objective", "TrainingRecipe", "train_equilibrium"]

Loss = Callable[[Tensor, Any], Tensor]
Draw = Callable[[np.random.Generator], tuple[Any, Any]]


class Objective(Protocol):
    """What is minimised in a step; anything with this method is one."""

    def loss(self, model: Any, inputs: Any, targets: Any, loss: Loss, rng: np.random.Generator, /) -> Tensor:
        """A scalar with gradients.

        Args:
            model: what is trained.
            inputs: of the model.
            targets: what its outputs should be.
            loss: of outputs and targets.
            rng: generator of all that is random in the step.
        """
        ...


@dataclass(frozen=True)
class Anytime:
    r"""The loss of several iterates in a row, after a number of iterations without gradients that is drawn.

    $\sum_{k \le s} w_k\, \ell(h(F^{j + k}(z_0)), y)$ with $w_k \propto k^e$; with probability `share` j is uniform on 0
    to `prefix`, otherwise 0. Without the drawn prefix, accuracy falls beyond the iterations that were trained. A model
    trained so is of use at every budget and comes to rest by itself.

    Args:
        steps: s, iterations with gradients.
        prefix: most iterations without.
        share: of steps that have a prefix.
        emphasis: e; 0 weighs all iterates alike, 2 the last ones more.
    """

    steps: int = 3
    prefix: int = 4
    share: float = 0.5
    emphasis: float = 0.0

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_count("prefix", self.prefix, least=0)
        check_share("share", self.share)
        check_weight("emphasis", self.emphasis)

    def loss(self, model: Any, inputs: Any, targets: Any, loss: Loss, rng: np.random.Generator) -> Tensor:
        problem = model.problem(inputs)
        z = problem.start
        with torch.no_grad():
            for _ in range(int(rng.integers(self.prefix + 1)) if rng.random() < self.share else 0):
                z = problem.f(z)
        weights = np.arange(1, self.steps + 1) ** self.emphasis
        found = []
        for weight in weights / weights.sum():
            z = problem.f(z)
            found.append(float(weight) * loss(problem.output(z), targets))
        return torch.stack(found).sum()


@dataclass(frozen=True)
class AtEquilibrium:
    """The loss at the equilibrium, with the gradient that the model has by its rule.

    Args:
        penalty: weight of `jacobian_penalty`.
        share: of steps in which the penalty is taken.
    """

    penalty: float = 0.0
    share: float = 0.5

    def __post_init__(self) -> None:
        check_weight("penalty", self.penalty)
        check_share("share", self.share)

    def loss(self, model: Any, inputs: Any, targets: Any, loss: Loss, rng: np.random.Generator) -> Tensor:
        found = model.equilibrium(inputs)
        value = loss(found.output, targets)
        if self.penalty > 0 and rng.random() < self.share:
            value = value + self.penalty * jacobian_penalty(model.problem(inputs).f, found.solution.state, rng)
        return value


@dataclass(frozen=True)
class Direct:
    """The loss of what a model says, for models that have no iterations."""

    def loss(self, model: Any, inputs: Any, targets: Any, loss: Loss, rng: np.random.Generator) -> Tensor:
        return loss(model(inputs), targets)


@dataclass(frozen=True)
class TrainingRecipe:
    """AdamW with a linear warm-up, a cosine and an average of the weights.

    Args:
        steps: gradient steps.
        learning_rate: at its height; it falls to 0.002 of it.
        warmup: share of steps in which it rises.
        betas: of AdamW.
        weight_decay: of AdamW.
        clip: largest length of a gradient.
        average: decay of the running mean of the weights, which is what is kept; 0 for the last ones.
        seed: of batches and of all else that is random.
    """

    steps: int
    learning_rate: float = 1.5e-3
    warmup: float = 0.08
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.995
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_positive("learning_rate", self.learning_rate)
        check_share("warmup", self.warmup)
        check_weight("weight_decay", self.weight_decay)
        check_positive("clip", self.clip)
        check_share("average", self.average)
        rng_for(self.seed)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        done, rise = (step + 1) / self.steps, self.warmup
        if done < rise:
            return self.learning_rate * done / rise
        share = (done - rise) / (1 - rise) if rise < 1 else 1.0
        return self.learning_rate * (0.002 + 0.998 * (1 + math.cos(math.pi * share)) / 2)


@dataclass(frozen=True)
class Fitted:
    """How a training went.

    Attributes:
        losses: of each step.
        seconds: "cpu" and "wall", of all steps, also of those before an interruption.
    """

    losses: tuple[float, ...]
    seconds: Mapping[str, float]


def train_equilibrium(
    model: nn.Module,
    draw: Draw,
    loss: Loss,
    recipe: TrainingRecipe,
    *,
    objective: Objective,
    file: str | Path | None = None,
    save_every: float = 60.0,
    progress: bool = True,
) -> Fitted:
    """Train a model in place; killed and called again with the same file it goes on where it was.

    What a step draws depends on the seed and on its number only: an interrupted training ends with the same weights.

    Args:
        model: what is trained; it ends with the averaged weights, in evaluation mode.
        draw: inputs and targets of a step from a generator.
        loss: of outputs and targets, a scalar.
        recipe: how.
        objective: what is minimised.
        file: where the state of the training is kept; None for nowhere.
        save_every: seconds between two states.
        progress: whether a bar is shown on a terminal.

    Raises:
        InvalidInputError: if a loss or a gradient is not finite, or nothing is to be trained.
        IncompatibleError: if `file` belongs to another training.
        StoreError: if `file` is damaged.
    """
    path = None if file is None else admit_path("file", file)
    run = _Training(model, recipe, repr((recipe, objective)), path)
    bar = tqdm(total=recipe.steps, initial=len(run.losses), desc="training", disable=None if progress else True)
    saved = time.monotonic()
    with bar:
        while len(run.losses) < recipe.steps:
            step = len(run.losses)
            rng = rng_for(recipe.seed, "step", step)
            inputs, targets = draw(rng)
            value = objective.loss(model, inputs, targets, loss, rng)
            if value.ndim:
                raise InvalidInputError(f"a loss must be one number, got shape {tuple(value.shape)}; take its mean.")
            if not bool(torch.isfinite(value)):
                raise InvalidInputError(f"the loss of step {step} is {float(value.detach())}; lower the learning rate.")
            run.descend(value)
            bar.update()
            if time.monotonic() - saved > save_every:
                run.save()
                saved = time.monotonic()
    return run.finish()


class _Training:
    """The state of a training: weights, their average, the optimizer, losses and time."""

    def __init__(self, model: nn.Module, recipe: TrainingRecipe, identity: str, file: Path | None) -> None:
        self.model, self.recipe, self.identity, self.file = model.train(), recipe, identity, file
        self.weights = {name: part for name, part in model.named_parameters() if part.requires_grad}
        if not self.weights:
            raise InvalidInputError(f"nothing of this {type(model).__name__} is to be trained: all weights are frozen.")
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
        )
        self.average = {name: part.detach().clone() for name, part in self.weights.items()}
        self.losses: list[float] = []
        self.before = {"cpu": 0.0, "wall": 0.0}
        self.began = {"cpu": time.process_time(), "wall": time.monotonic()}
        if file is not None and file.exists():
            self._load(file)

    def descend(self, value: Tensor) -> None:
        """One step down a loss."""
        step = len(self.losses)
        self.optimizer.param_groups[0]["lr"] = self.recipe.rate(step)
        self.optimizer.zero_grad()
        torch.autograd.backward(value)
        length = nn.utils.clip_grad_norm_(self.weights.values(), self.recipe.clip)
        if not bool(torch.isfinite(length)):
            raise InvalidInputError(
                f"the gradient of step {step} is not finite, though its loss is {float(value.detach()):g}; lower the "
                "learning rate, or look at the loss."
            )
        self.optimizer.step()
        # The first weights are far from the last ones: the average starts short and grows.
        decay = min(self.recipe.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, part in self.weights.items():
                self.average[name].lerp_(part, 1 - decay)
        self.losses.append(float(value.detach()))

    def finish(self) -> Fitted:
        """The averaged weights are those of the model now."""
        self.save()
        with torch.no_grad():
            for name, part in self.weights.items():
                part.copy_(self.average[name])
        self.model.eval()
        return Fitted(tuple(self.losses), self._seconds())

    def save(self) -> None:
        """The state as one file, in place of an older one, if it is to be kept."""
        if self.file is None:
            return
        tensors = {f"weight.{name}": part.detach() for name, part in self.weights.items()}
        tensors |= {f"average.{name}": part for name, part in self.average.items()}
        tensors |= {f"buffer.{name}": part for name, part in self.model.named_buffers()}
        for name, part in self.weights.items():
            tensors |= {f"optimizer.{key}.{name}": value for key, value in self.optimizer.state[part].items()}
        kept = {"identity": self.identity, "losses": json.dumps(self.losses), "seconds": json.dumps(self._seconds())}
        with whole_file(self.file) as file:
            file.write(save({name: part.contiguous() for name, part in tensors.items()}, metadata=kept))

    def _load(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                kept = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- it is no mapping
        except Exception as error:
            raise StoreError(f"{path} cannot be read as the state of a training ({error}); remove it.") from error
        if kept.get("identity") != self.identity:
            raise IncompatibleError(
                f"{path} belongs to another training: {kept.get('identity')}, and this is {self.identity}; choose "
                "another file."
            )
        self._check(path, tensors)
        with torch.no_grad():
            for name, part in self.model.named_buffers():
                part.copy_(tensors[f"buffer.{name}"])
            for name, part in self.weights.items():
                part.copy_(tensors[f"weight.{name}"])
                self.average[name].copy_(tensors[f"average.{name}"])
                state = {
                    key: tensors[f"optimizer.{key}.{name}"]
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"optimizer.{key}.{name}" in tensors
                }
                self.optimizer.state[part] = {
                    key: value if key == "step" else value.to(part) for key, value in state.items()
                }
        self.losses = json.loads(kept["losses"])
        self.before = json.loads(kept["seconds"])

    def _check(self, path: Path, tensors: Mapping[str, Tensor]) -> None:
        """Refuse the tensors of another model, and those that are not finite."""
        ours: dict[str, Tensor] = {f"weight.{name}": part for name, part in self.weights.items()}
        ours |= {f"buffer.{name}": part for name, part in self.model.named_buffers()}
        theirs = {name: part for name, part in tensors.items() if name.partition(".")[0] in ("weight", "buffer")}
        shapes = ({name: (part.shape, part.dtype) for name, part in parts.items()} for parts in (ours, theirs))
        if next(shapes) != next(shapes):
            odd = sorted(set(ours) ^ set(theirs)) or [name for name in ours if ours[name].shape != theirs[name].shape]
            raise IncompatibleError(
                f"{path} is of a model of other tensors: {', '.join(odd[:3])}; choose another file."
            )
        bad = [name for name, part in tensors.items() if part.is_floating_point() and not bool(part.isfinite().all())]
        if bad:
            raise StoreError(f"{path} has NaN or infinite entries in {bad[0]}; remove it.")

    def _seconds(self) -> dict[str, float]:
        now = {"cpu": time.process_time(), "wall": time.monotonic()}
        return {name: self.before[name] + now[name] - self.began[name] for name in now}
