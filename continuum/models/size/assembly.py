"""Models put together from the layers of others, over the same weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..anatomy import Blocks
from ..sharing import share

__all__ = ["Layer", "assembled", "keep_true_ties"]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer of a model.

    Args:
        owner: the model.
        index: which of its layers.
    """

    owner: Blocks
    index: int


def assembled(first: Blocks, last: Blocks, layers: Sequence[Layer]) -> Any:
    """A model of given layers over the weights that they have, in evaluation mode; no byte of weights is copied.

    Layers are numbered by their places, as their caches ask. The configuration is that of `last`, with what it says of
    each layer gathered from the owners. A head stays tied to the embedding where the two still have one weight.

    Args:
        first: whose embeddings come first.
        last: whose norm and head, and all else, come last.
        layers: the layers in their order.
    """
    config = _config(last, layers)
    owners = {id(owner): owner for owner in (first, last, *(layer.owner for layer in layers))}.values()
    stand_ins: dict[int, Any] = {}
    for owner in owners:
        stand_ins[id(owner.config)] = config.get_text_config()
        stand_ins[id(owner.model.config)] = config
    chosen = nn.ModuleList(share(layer.owner.layers[layer.index], stand_ins) for layer in layers)
    for place, layer in enumerate(chosen):
        for module in _numbered(layer):
            module.layer_idx = place
    stand_ins[id(last.model.get_submodule(last.name))] = chosen
    if first is not last:
        for name in first.first:
            stand_ins[id(last.model.get_submodule(name))] = share(first.model.get_submodule(name), stand_ins)
    model = share(last.model, stand_ins)
    _forget_origin(model)
    keep_true_ties(model)
    return model.eval()


def _numbered(layer: nn.Module) -> Iterator[Any]:
    """The modules in a layer that know its number."""
    return (module for module in layer.modules() if type(vars(module).get("layer_idx")) is int)


def _config(host: Blocks, layers: Sequence[Layer]) -> Any:
    config = copy.deepcopy(host.model.config)
    text = config.get_text_config()
    lists = {name: _gathered(name, layers) for name in _lists_of_layers(host)}
    text.num_hidden_layers = len(layers)
    for name, values in lists.items():
        setattr(text, name, values)
    return config


def _lists_of_layers(host: Blocks) -> Iterator[str]:
    """What a configuration lists layer by layer, such as `layer_types`."""
    for name, value in vars(host.config).items():
        if "layer" in name and isinstance(value, list | tuple) and len(value) == len(host):
            yield name


def _gathered(name: str, layers: Sequence[Layer]) -> list[Any]:
    return [getattr(layer.owner.config, name)[layer.index] for layer in layers]


def _forget_origin(model: Any) -> None:
    """What is assembled is not what its owner was loaded from, nor made of what that was made of."""
    vars(model).pop("provenance", None)
    model.name_or_path = model.config.name_or_path = ""


def keep_true_ties(model: Any) -> None:
    """Untie what has two weights now: else the next call of `tie_weights` would overwrite one with the other."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    if head is None or getattr(head, "weight", None) is embedding.weight:
        return
    model.config.tie_word_embeddings = False
    model.config.get_text_config().tie_word_embeddings = False
    if hasattr(model, "all_tied_weights_keys"):
        model.all_tied_weights_keys = {}
