"""A transformer taken apart: what comes before its layers, each layer, and what comes after.

No family is known here: parts are run with the arguments that the model itself gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from continuum.core import IncompatibleError

from ..anatomy import Blocks
from ..inference import device_of, logits
from .assembly import Layer, assembled

__all__ = ["Parts", "Prepared"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a model makes of tokens before its layers.

    Attributes:
        hidden: the embedded tokens, (rows, tokens, width).
        calls: what else each layer is called with: masks, rotary embeddings.
    """

    hidden: Tensor
    calls: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]


class Parts:
    """The parts of a model, over its weights.

    Args:
        owner: the model.

    Raises:
        IncompatibleError: if it has no head.
    """

    def __init__(self, owner: Blocks) -> None:
        if owner.head is None:
            raise IncompatibleError(f"{type(owner.model).__name__} has no head; pass a model that predicts tokens.")
        self._owner = owner
        every = [Layer(owner, index) for index in range(len(owner))]
        self._layers = assembled(owner, owner, every).get_submodule(owner.name)
        self._before, self._after = assembled(owner, owner, every), assembled(owner, owner, every[:1])

    @torch.no_grad()
    def prepared(self, ids: Tensor) -> Prepared:
        """Run what comes before the layers on tokens (rows, tokens) without padding."""
        calls, states = [], []

        def record(hidden: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            states.append(hidden)
            calls.append((args, kwargs))
            return hidden

        for layer in self._before.get_submodule(self._owner.name):
            layer.forward = record
        ids = ids.to(device_of(self._before))
        self._before.base_model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
        return Prepared(states[0], tuple(calls))

    @torch.no_grad()
    def layer(self, index: int, hidden: Tensor, prepared: Prepared) -> Tensor:
        """Run a layer on hidden states (rows, tokens, width), with the arguments that it has for as many rows."""
        args, kwargs = prepared.calls[index]
        found = self._layers[index](hidden, *args, **kwargs)
        if not isinstance(found, Tensor):
            raise IncompatibleError(
                f"layers of {type(self._owner.model).__name__} return {type(found).__name__} instead of hidden states."
            )
        return found

    @torch.no_grad()
    def log_probs(self, hidden: Tensor) -> Tensor:
        """Log-probabilities (n, vocabulary) in float32 from states after the last layer, (n, width).

        What comes after the layers treats each position by itself, so each state is a text of one token here.
        """
        (layer,) = self._after.get_submodule(self._owner.name)
        layer.forward = lambda *_, **__: hidden[:, None]
        ids = torch.zeros(len(hidden), 1, dtype=torch.long)
        return logits(self._after, ids, torch.ones_like(ids))[:, 0].float().log_softmax(-1)
