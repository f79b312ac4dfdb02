"""The LoRA layers of a PEFT model, and which adapters can be mixed in them.

Mixing is exact for changes that are linear in a coefficient. Whatever is not (DoRA), or changes more than the weights
of linear layers (biases, embeddings, whole modules, experts), is refused by name: a path that leaves part of an adapter
out would end at another model than its adapter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from continuum.core import IncompatibleError, InvalidInputError

from .plain import base_modules, layers_around

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["LoraPlace", "active_in", "check_config", "lora_layers"]

_MOVES_BASE = ("pissa", "olora", "corda", "loftq", "mica", "lora_ga")  # initialisations that change the base weights


@dataclass(frozen=True, eq=False)
class LoraPlace:
    """One layer that adapters change.

    Attributes:
        name: name of the module in the base model.
        layer: the PEFT layer around it.
        scales: the scale s of each of the adapters that change it, by adapter.
    """

    name: str
    layer: Any
    scales: Mapping[str, float]

    @property
    def base(self) -> Any:
        """The module itself."""
        return self.layer.get_base_layer()

    @property
    def is_transposed(self) -> bool:
        """Whether the module holds its weight as (in, out), as those of GPT-2 do."""
        return bool(self.layer.fan_in_fan_out)


def lora_layers(model: PeftModel, names: Sequence[str]) -> tuple[LoraPlace, ...]:
    """The layers that at least one of the adapters `names` changes.

    Scales follow from the configuration: what `set_scale` did before does not count.

    Raises:
        InvalidInputError: if the model is no PEFT model, has no such adapter, or one has NaN or infinite weights.
        IncompatibleError: for adapters that are no plain LoRA of linear layers, by name.
    """
    _admit(model, names)
    places = []
    for name, module in base_modules(model.get_base_model()):
        for layer in layers_around(module):
            if getattr(layer, "merged", False):
                merged = getattr(layer, "merged_adapters", "")
                raise IncompatibleError(f"adapters {merged} are merged into `{name}`; unmerge them first.")
            if present := [adapter for adapter in names if adapter in getattr(layer, "lora_alpha", {})]:
                places.append(_place(name, layer, present))
    return tuple(places)


@contextmanager
def active_in(model: PeftModel, places: Sequence[LoraPlace]) -> Iterator[None]:
    """Within this block the adapters of `places` are active there, and no other adapter is anywhere.

    The two attributes of each PEFT module are set by hand: its `set_adapter` would switch gradients on or off too, and
    not undo it.
    """
    wanted = {id(place.layer): list(place.scales) for place in places}
    modules: list[Any] = [module for module in model.modules() if hasattr(module, "_active_adapter")]
    kept = [(module, module._active_adapter, module._disable_adapters) for module in modules]
    try:
        for module in modules:
            module._disable_adapters = id(module) not in wanted
            if id(module) in wanted:
                module._active_adapter = wanted[id(module)]
        yield
    finally:
        for module, active, disabled in kept:
            module._active_adapter, module._disable_adapters = active, disabled


def _admit(model: Any, names: Sequence[str]) -> None:
    from peft import PeftModel

    if not isinstance(model, PeftModel):
        raise InvalidInputError(
            f"`model` must be a PeftModel with the adapters {list(names)} loaded, got {type(model).__name__}."
        )
    for name in names:
        if name not in model.peft_config:
            raise InvalidInputError(f"`model` has no adapter {name!r}; it has {list(model.peft_config)}.")
    if len(set(names)) < len(names):
        raise InvalidInputError(f"adapters must be different ones, got {list(names)}.")
    for name in names:
        check_config(name, model.peft_config[name])


def check_config(name: str, config: Any) -> None:
    """Refuse an adapter whose configuration tells that it cannot be mixed.

    Raises:
        IncompatibleError: saying why not.
    """
    if reason := _obstacle(config):
        raise IncompatibleError(f"adapter {name!r} cannot be mixed exactly: {reason}.")


def _obstacle(config: Any) -> str:
    """What keeps an adapter of this configuration from being mixed; nothing for plain LoRA."""
    if str(getattr(config.peft_type, "value", config.peft_type)) != "LORA":
        return f"it is of type {config.peft_type}, not LoRA"
    if config.use_dora:
        return "DoRA (`use_dora`) is not linear in a coefficient; merge it and use CheckpointPath"
    if config.lora_bias or config.bias != "none":
        return f"it trains biases (`bias={config.bias!r}`, `lora_bias={config.lora_bias}`)"
    initial = config.init_lora_weights
    if isinstance(initial, str) and initial.lower().startswith(_MOVES_BASE):
        return f"its initialisation {initial!r} moved the base weights; convert it to plain LoRA first"
    for field in ("modules_to_save", "trainable_token_indices", "target_parameters", "layer_replication"):
        if getattr(config, field, None):
            return f"it has `{field}`, which a sum of low-rank changes leaves out"
    return ""


def _place(name: str, layer: Any, adapters: Sequence[str]) -> LoraPlace:
    from peft.tuners.lora.layer import Linear

    if type(layer) is not Linear:
        raise IncompatibleError(
            f"adapters {list(adapters)} change `{name}` by a {type(layer).__module__}.{type(layer).__name__}; only "
            "LoRA of plain linear layers can be mixed exactly."
        )
    for adapter in adapters:
        if adapter in layer.lora_variant:
            variant = type(layer.lora_variant[adapter]).__name__
            raise IncompatibleError(f"adapter {adapter!r} is of the variant {variant} in `{name}`, not plain LoRA.")
        _check_finite(name, layer, adapter)
    return LoraPlace(name, layer, {adapter: _scale(layer, adapter) for adapter in adapters})


def _check_finite(name: str, layer: Any, adapter: str) -> None:
    for side in (layer.lora_A, layer.lora_B):
        if not bool(torch.isfinite(side[adapter].weight).all()):
            # At coefficient 0 they would still poison the output, since 0 times NaN is NaN.
            raise InvalidInputError(f"adapter {adapter!r} has NaN or infinite weights in `{name}`; train it again.")


def _scale(layer: Any, adapter: str) -> float:
    r, alpha = layer.r[adapter], layer.lora_alpha[adapter]
    return float(alpha / math.sqrt(r) if layer.use_rslora.get(adapter, False) else alpha / r)
