"""Sizes of models, counted in the three ways that are in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..anatomy import Blocks, blocks
from .assembly import Layer

__all__ = ["Counts", "Sizes", "count_parameters"]


@dataclass(frozen=True)
class Counts:
    """Sizes of a model.

    Attributes:
        depth: number of layers.
        unique: weights that are stored, a tied head once.
        body: weights of the layers alone.
        inference: weights with the head counted apart from the embedding, also where the two are tied: this one grows
            along every path, and is what Kangaslahti et al. (2026) plot.
        bytes: what the unique weights take in memory.
    """

    depth: int
    unique: int
    body: int
    inference: int
    bytes: int


class Sizes:
    """Sizes of models that are put together from layers, in closed form; what was counted once is remembered."""

    def __init__(self) -> None:
        self._layers: dict[tuple[int, int], tuple[int, int]] = {}
        self._around: dict[tuple[int, int], tuple[int, int, int]] = {}

    def of(self, first: Blocks, last: Blocks, layers: Sequence[Layer]) -> Counts:
        """Sizes of `assembled(first, last, layers)`, which is not built."""
        inside = [self._layer(layer) for layer in layers]
        body, body_bytes = (sum(column) for column in zip(*inside, strict=True))
        around, tied, around_bytes = self._rest(first, last)
        unique = body + around
        return Counts(len(layers), unique, body, unique + tied, body_bytes + around_bytes)

    def _layer(self, layer: Layer) -> tuple[int, int]:
        key = id(layer.owner), layer.index
        if key not in self._layers:
            self._layers[key] = _size(layer.owner.layers[layer.index].parameters())
        return self._layers[key]

    def _rest(self, first: Blocks, last: Blocks) -> tuple[int, int, int]:
        """Weights around the layers; those of the head that are tied to the embedding; bytes."""
        key = id(first), id(last)
        if key not in self._around:
            weights = _weights_around(first, last)
            head = None if last.head is None else getattr(last.model.get_submodule(last.head), "weight", None)
            tied = 0 if head is None or head is not first.embedding.weight else head.numel()
            count, size = _size(weights)
            self._around[key] = count, tied, size
        return self._around[key]


def count_parameters(model: Any) -> Counts:
    """Sizes of a model, which may be without numbers, on the meta device.

    Raises:
        IncompatibleError: if its layers cannot be found, see `blocks`.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> counts = count_parameters(GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=3)))
        >>> counts.inference - counts.unique  # the head is tied
        128
    """
    found = blocks(model)
    return Sizes().of(found, found, [Layer(found, index) for index in range(len(found))])


def _weights_around(first: Blocks, last: Blocks) -> list[Tensor]:
    """All weights but those of the layers, each once."""
    own = [part for name in first.first for part in first.model.get_submodule(name).parameters()]
    return [*own, *_outside(last.model, {last.name, *last.first}, "")]


def _outside(module: nn.Module, excluded: set[str], name: str) -> Iterable[Tensor]:
    """Weights of a module and of those in it, without the modules of some names."""
    yield from (weight for weight in module._parameters.values() if weight is not None)
    for child, part in module._modules.items():
        inner = f"{name}.{child}" if name else child
        if part is not None and inner not in excluded:
            yield from _outside(part, excluded, inner)


def _size(weights: Iterable[Tensor]) -> tuple[int, int]:
    each = {id(weight): weight for weight in weights}.values()
    return sum(w.numel() for w in each), sum(w.numel() * w.element_size() for w in each)
