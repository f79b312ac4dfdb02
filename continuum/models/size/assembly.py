"""Models put together from the layers of others, over the same weights."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..anatomy import Blocks
from ..sharing import share

__all__ = [
    "Layer",
    "assembled",
    "configured",
    "forget_capture",
    "housed",
    "is_captured",
    "is_truly_tied",
    "keep_true_ties",
    "numbered_modules",
    "tell_layers",
    "untie",
]


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
    config = copy.deepcopy(last.model.config)
    tell_layers(config, last, layers)
    stand_ins = configured((first, last, *(layer.owner for layer in layers)), config)
    chosen = nn.ModuleList(share(layer.owner.layers[layer.index], stand_ins) for layer in layers)
    for place, layer in enumerate(chosen):
        for module in numbered_modules(layer):
            module.layer_idx = place
    model = housed(first, last, chosen, stand_ins)
    keep_true_ties(model)
    return model


def configured(owners: Iterable[Blocks], config: Any) -> dict[int, Any]:
    """Stand-ins for `share`: one configuration in place of those of all owners."""
    stand_ins: dict[int, Any] = {}
    for owner in owners:
        stand_ins[id(owner.config)] = config.get_text_config()
        stand_ins[id(owner.model.config)] = config
    return stand_ins


def housed(first: Blocks, last: Blocks, layers: nn.ModuleList, stand_ins: Mapping[int, Any]) -> Any:
    """What is around the layers, over the weights that it has, with these layers in it; in evaluation mode."""
    inside = {**stand_ins, id(last.model.get_submodule(last.name)): layers}
    if first is not last:
        for name in first.first:
            inside[id(last.model.get_submodule(name))] = share(first.model.get_submodule(name), inside)
    model = share(last.model, inside)
    _forget_origin(model)
    forget_capture(model)
    return model.eval()


def forget_capture(model: nn.Module) -> None:
    """Take out the hooks by which `transformers` captures hidden states, which it puts in where they are needed.

    It puts them into a whole model once: layers of which some have them already would be captured twice, or not at all.
    """
    for module in model.modules():
        vars(module).pop(_CAPTURED, None)
        hooks = module._forward_hooks
        for key in [key for key, hook in hooks.items() if getattr(hook, "__module__", "") == _CAPTURE]:
            del hooks[key]


def is_captured(model: Any) -> bool:
    """Whether hidden states of this model, or of its part without a head, have been captured."""
    return _CAPTURED in vars(model) or _CAPTURED in vars(model.base_model)


_CAPTURED = "_output_capturing_hooks_installed"
_CAPTURE = "transformers.utils.output_capturing"


def numbered_modules(layer: nn.Module) -> Iterator[Any]:
    """The modules in a layer that know its number."""
    return (module for module in layer.modules() if type(vars(module).get("layer_idx")) is int)


def tell_layers(config: Any, host: Blocks, layers: Sequence[Layer]) -> None:
    """Write into a configuration like that of `host` how many layers there are, and what it says of each."""
    text = config.get_text_config()
    text.num_hidden_layers = len(layers)
    for name in _lists_of_layers(host):
        setattr(text, name, _gathered(name, layers))


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
    if not is_truly_tied(model):
        untie(model.config)
        if hasattr(model, "all_tied_weights_keys"):
            model.all_tied_weights_keys = {}


def is_truly_tied(model: Any) -> bool:
    """Whether the head has the weight of the embedding, or there is no head to have another."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    return head is None or getattr(head, "weight", None) is embedding.weight


def untie(config: Any) -> None:
    """Say that head and embedding are two weights."""
    config.tie_word_embeddings = False
    config.get_text_config().tie_word_embeddings = False
