"""What stacks of layers say about held-out rows, with all that they have in common computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from models import half_precision
from torch import Tensor

from continuum.models.anatomy import Blocks
from continuum.models.distributions import kullback_leibler
from continuum.models.size.assembly import Layer
from continuum.models.size.parts import Parts, Prepared

Stack = tuple[Layer, ...]
"""Layers between the embedding and the final norm of the teacher: all members, and all that is pruned, are such."""

Key = tuple[int, ...]
"""What makes two stacks the same: their layers."""

Name = TypeVar("Name", str, Key)

Reading = dict[str, list[float]]
"""By name of a quantity, its mean over the predicted tokens of each row."""

_AT_ONCE = 4  # rows, whose distributions take 100 MB for each model
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads stacks in bfloat16 products, as they were trained: the residual stream and distributions are float32.

    Args:
        teacher: whose embedding, final norm and head all stacks have.
        rows: what they are read on, (rows, tokens), each with a token before its text.
    """

    teacher: Blocks
    rows: Tensor

    def read(self, stacks: Mapping[str, Stack]) -> dict[str, Reading]:
        """Loss, divergence from the teacher, and top-1 agreement with it, of each row: means over its tokens."""
        chosen = {_key(stack): stack for stack in stacks.values()}
        found: dict[tuple[int, ...], Reading] = {key: {"loss": [], "kl": [], "agreement": []} for key in chosen}
        for ids in self.rows.split(_AT_ONCE):
            reference = next(self.log_probs(ids, {(): stack_of(self.teacher)}))[1]
            for key, log_p in self.log_probs(ids, chosen):
                for quantity, values in _compared(reference, log_p, ids).items():
                    found[key][quantity] += values
        return {name: found[_key(stack)] for name, stack in stacks.items()}

    def kl(self, stacks: Mapping[str, Stack]) -> dict[str, float]:
        """Mean divergence from the teacher."""
        return {name: float(np.mean(reading["kl"])) for name, reading in self.read(stacks).items()}

    @torch.no_grad()
    def log_probs(self, ids: Tensor, stacks: Mapping[Name, Stack]) -> Iterator[tuple[Name, Tensor]]:
        """Log-probabilities of the next token by each stack, (rows, tokens, vocabulary)."""
        owners = {id(layer.owner): layer.owner for stack in stacks.values() for layer in stack}
        parts = {key: Parts(owner) for key, owner in owners.items()} | {id(self.teacher): Parts(self.teacher)}
        with half_precision():
            prepared = {key: part.prepared(ids) for key, part in parts.items()}
            walk = _Walk(parts, prepared)
            for key, hidden in walk.ends(list(stacks.items()), prepared[id(self.teacher)].hidden, 0):
                log_p = parts[id(self.teacher)].log_probs(hidden.flatten(0, 1))
                yield key, log_p.unflatten(0, ids.shape)


class _Walk:
    """Goes down the tree of stacks that begin alike: a state that several share is computed once."""

    def __init__(self, parts: Mapping[int, Parts], prepared: Mapping[int, Prepared]) -> None:
        self._parts, self._prepared = parts, prepared

    def ends(self, stacks: Sequence[tuple[Name, Stack]], hidden: Tensor, depth: int) -> Iterator[tuple[Name, Tensor]]:
        """States after the last layer of each stack."""
        branches: dict[tuple[int, int], list[tuple[Name, Stack]]] = {}
        for key, stack in stacks:
            if len(stack) == depth:
                yield key, hidden
            else:
                branches.setdefault((id(stack[depth].owner), stack[depth].index), []).append((key, stack))
        for (owner, index), some in branches.items():
            after = self._parts[owner].layer(index, hidden, self._prepared[owner])
            yield from self.ends(some, after, depth + 1)


def stack_of(model: Blocks, kept: Sequence[int] | None = None) -> Stack:
    """All layers of a model, or some."""
    return tuple(Layer(model, layer) for layer in (range(len(model)) if kept is None else kept))


def _key(stack: Stack) -> Key:
    return tuple(number for layer in stack for number in (id(layer.owner), layer.index))


def _compared(reference: Tensor, log_p: Tensor, ids: Tensor) -> dict[str, list[float]]:
    before, after = log_p[:, :-1], ids[:, 1:]
    values = {
        "loss": -before.gather(-1, after[..., None])[..., 0],
        "kl": kullback_leibler(reference[:, :-1], before),
        "agreement": (reference[:, :-1].argmax(-1) == before.argmax(-1)).float(),
    }
    return {name: np.round(value.double().mean(1).numpy(), _DIGITS).tolist() for name, value in values.items()}
