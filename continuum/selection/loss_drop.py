"""Candidates that become easier while a model learns the task: a score without gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from continuum.core import InvalidInputError, check_count

from .examples import Inputs, Loss, as_tensors, batches, evaluating
from .ordering import Ordering
from .ranking import admitted_count, ranked

__all__ = ["LossDrop", "PathLosses"]


@dataclass(frozen=True, eq=False)
class PathLosses:
    """The loss of each example at several states of a model, as its coordinates: forward passes only.

    With the states of a short training on the query it is what `LossDrop` orders by.

    Args:
        model: any module; not changed, and in evaluation mode meanwhile.
        loss: `loss(model, *tensors)`, the loss of each example, (n,).
        states: values of parameters, by name, first that before the training; what a state leaves out is the model's.
        inputs: makes tensors of some examples; see `GradientFeatures`.
        batch_size: examples at a time.

    Raises:
        InvalidInputError: if there are no states, or a name is no parameter.
    """

    model: nn.Module
    loss: Loss
    states: Sequence[Mapping[str, Tensor]]
    inputs: Inputs = as_tensors
    batch_size: int = 64

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        known = self.model.state_dict().keys()
        strange = sorted({name for state in self.states for name in state} - known)
        if not self.states or strange:
            seen = f"the unknown name {strange[0]!r}" if strange else "none"
            raise InvalidInputError(f"`states` must be values of parameters of the model, at least one, got {seen}.")

    @property
    def name(self) -> str:
        """Losses."""
        return "losses along a path"

    def fit(self, pool: Any, query: Any = None) -> Self:
        """Itself: there is nothing to be learnt."""
        return self

    def encode(self, items: Any) -> NDArray[np.float64]:
        """Losses (n, states).

        Raises:
            InvalidInputError: if the loss is not one number for each example.
        """
        device = next((values.device for values in self.model.parameters()), torch.device("cpu"))
        with evaluating(self.model), torch.no_grad():
            found = [
                torch.stack([self._losses(state, tensors) for state in self.states], 1)
                for tensors in batches(items, self.inputs, self.batch_size, device)
            ]
        return np.asarray(torch.cat(found).double().cpu().numpy())

    def _losses(self, state: Mapping[str, Tensor], tensors: tuple[Tensor, ...]) -> Tensor:
        def model(*args: Any, **options: Any) -> Any:
            return functional_call(self.model, dict(state), args, options)

        losses = self.loss(model, *tensors)
        if losses.shape != (len(tensors[0]),):
            raise InvalidInputError(f"`loss` must give one number for each example, got {tuple(losses.shape)}.")
        return losses


@dataclass(frozen=True)
class LossDrop:
    r"""Order candidates by how much of their loss goes while a model learns the query: $(L_0 - L_T) / L_0$.

    The score of target-aligned paths (Yang, He & Cheng 2026) :cite:`yang2026`: what a short training on the query makes
    easier is of its kind. A candidate without loss at first has nothing to lose, and score 0.

    Example:
        >>> LossDrop().order([[2.0, 1.5], [1.0, 0.1], [0.5, 0.6]]).indices
        array([1, 0, 2])
    """

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """Order candidates by the losses of the first and the last state.

        Args:
            pool: losses (n, states), such as `PathLosses` gives; at least two states.
            query: not used: the path was made of it.
            k_max: how many to choose; None orders the whole pool.
            seed: not used.

        Raises:
            InvalidInputError: if losses are no such matrix, negative or not finite.
        """
        losses = np.asarray(pool, float)
        if losses.ndim != 2 or losses.shape[1] < 2 or len(losses) == 0:
            raise InvalidInputError(f"losses must be (n, states) with at least two states, got shape {losses.shape}.")
        if not (np.isfinite(losses).all() and (losses >= 0).all()):
            bad = int((~(np.isfinite(losses) & (losses >= 0))).any(1).argmax())
            raise InvalidInputError(
                f"losses must be finite and not negative; those of candidate {bad} are {losses[bad]}."
            )
        k = admitted_count(k_max, len(losses))
        first, last = losses[:, 0], losses[:, -1]
        return ranked(np.where(first > 0, (first - last) / np.where(first > 0, first, 1), 0.0), k)
