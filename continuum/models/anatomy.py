"""Where the layers of a transformer are, and what comes before and after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from continuum.core import IncompatibleError, InvalidInputError

__all__ = ["Anatomy", "Blocks", "blocks", "register_blocks"]


@dataclass(frozen=True)
class Anatomy:
    """Names of the parts of an architecture, within the model without its head (`model.base_model`).

    Args:
        layers: the list of layers.
        first: modules that come before the layers: embeddings of tokens and positions, and what follows on them. All
            else comes after: the final norm, the head.
    """

    layers: str
    first: tuple[str, ...]


# OPT defines its final norm before its layers.
_REGISTERED = {
    "opt": Anatomy("decoder.layers", ("decoder.embed_tokens", "decoder.embed_positions", "decoder.project_in"))
}


@dataclass(frozen=True, eq=False)
class Blocks:
    """The layers of a transformer in their order, with the names of the parts around them.

    Args:
        model: the whole model.
        name: the list of layers in it, such as "model.layers".
        layers: the modules in the list.
        first: names of the modules before the layers, such as the embeddings.
        head: name of the module that makes logits of the last hidden states; None if there is none.
    """

    model: Any
    name: str
    layers: tuple[nn.Module, ...]
    first: tuple[str, ...]
    head: str | None

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.layers)

    @property
    def config(self) -> Any:
        """The configuration of the layers: of the text part, where a model has several."""
        return self.model.config.get_text_config()

    @property
    def embedding(self) -> Any:
        """The module that embeds tokens."""
        return self.model.get_input_embeddings()

    @property
    def last(self) -> tuple[str, ...]:
        """Names of the modules after the layers: norm, head, and what has no weights, such as rotary embeddings."""
        *around, own = self.name.split(".")
        return tuple(
            name
            for depth, part in enumerate((*around, own))
            for name in _children(self.model, ".".join(around[:depth]))
            if name not in self.first and name.rpartition(".")[2] != part
        )

    @property
    def is_tied(self) -> bool:
        """Whether the head has the weight of the embedding."""
        if self.head is None:
            return False
        return getattr(self.model.get_submodule(self.head), "weight", None) is self.embedding.weight


def blocks(model: Any) -> Blocks:
    """The layers of a transformer of the `transformers` library, of whatever family.

    They are the list of `config.num_hidden_layers` modules of one class. What is defined before it in the modules that
    hold it comes first, all else comes last; families for which that is not so are registered.

    Raises:
        IncompatibleError: if there is no such list, or several; `register_blocks` names it.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> found = blocks(GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=3)))
        >>> found.name, len(found), found.first, found.head
        ('transformer.h', 3, ('transformer.wte', 'transformer.wpe', 'transformer.drop'), 'lm_head')
    """
    config = _config(model)
    anatomy = _REGISTERED.get(config.model_type)
    prefix = _prefix(model)
    if anatomy is None:
        name = _layer_list(model, config)
        first = tuple(_before(model, name))
    else:
        name = prefix + anatomy.layers
        first = tuple(prefix + part for part in anatomy.first if _holds(model, prefix + part))
    layers = model.get_submodule(name)
    if not isinstance(layers, nn.ModuleList) or len(layers) != config.num_hidden_layers:
        raise IncompatibleError(
            f"`{name}` of {type(model).__name__} is no list of the {config.num_hidden_layers} layers that its "
            "configuration has; see `register_blocks`."
        )
    head = _head(model)
    return Blocks(model, name, tuple(layers), tuple(part for part in first if part != head), head)


def register_blocks(model_type: str, *, layers: str, first: tuple[str, ...]) -> None:
    """Teach `blocks` an architecture whose parts it cannot find, or finds wrongly.

    Args:
        model_type: what its configuration calls itself.
        layers: the list of layers, by its name in `model.base_model`.
        first: the modules before the layers, by their names there; those that a model lacks are passed over.

    Raises:
        InvalidInputError: if a name is empty.

    Example:
        >>> register_blocks("my_opt", layers="decoder.layers", first=("decoder.embed_tokens",))
    """
    if not all(isinstance(name, str) and name for name in (model_type, layers, *first)):
        raise InvalidInputError(f"names must be non-empty strings, got {(model_type, layers, *first)!r}.")
    _REGISTERED[model_type] = Anatomy(layers, tuple(first))


def _config(model: Any) -> Any:
    config: Any = getattr(model, "config", None)
    if not isinstance(model, nn.Module) or not hasattr(config, "get_text_config"):
        raise IncompatibleError(
            f"a model of the `transformers` library is needed, with its `config`, got {type(model).__name__}."
        )
    if getattr(config, "is_encoder_decoder", False):
        raise IncompatibleError(
            f"{type(model).__name__} has an encoder and a decoder, thus two lists of layers; pass one of them."
        )
    return config.get_text_config()


def _prefix(model: Any) -> str:
    prefix = getattr(model, "base_model_prefix", "")
    return f"{prefix}." if prefix and hasattr(model, prefix) else ""


def _layer_list(model: Any, config: Any) -> str:
    """The name of the one list of as many modules of one class as there are layers."""
    found: dict[str, int] = {}
    for name, module in model.named_modules():
        is_list = isinstance(module, nn.ModuleList) and len(module) == config.num_hidden_layers
        is_inside = any(name.startswith(f"{other}.") for other in found)  # such as a list of experts of a layer
        if is_list and not is_inside and len({type(layer) for layer in module}) == 1:
            found[name] = sum(weight.numel() for weight in module.parameters())
    largest = [name for name, size in found.items() if size == max(found.values())]
    if len(largest) != 1:
        raise IncompatibleError(
            f"{type(model).__name__} has {len(largest)} lists {largest} that could be its {config.num_hidden_layers} "
            f"layers; name the right one: register_blocks({config.model_type!r}, layers=..., first=(...))."
        )
    return largest[0]


def _before(model: Any, name: str) -> Iterator[str]:
    """Names of the modules that are defined before the list, in the modules around it."""
    *around, own = name.split(".")
    for depth, part in enumerate((*around, own)):
        for child in _children(model, ".".join(around[:depth])):
            if child.rpartition(".")[2] == part:
                break
            yield child


def _children(model: nn.Module, above: str) -> list[str]:
    return [f"{above}.{child}" if above else child for child, _ in model.get_submodule(above).named_children()]


def _head(model: Any) -> str | None:
    head = model.get_output_embeddings()
    return next((name for name, module in model.named_modules() if module is head), None)


def _holds(model: nn.Module, name: str) -> bool:
    try:
        return isinstance(model.get_submodule(name), nn.Module)
    except AttributeError:
        return False
