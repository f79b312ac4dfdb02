"""A base model as it was before PEFT put anything into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

__all__ = ["base_modules", "layers_around", "plain_weights", "unwrapped"]


def layers_around(module: Any) -> Iterator[nn.Module]:
    """A module, and if PEFT wrapped it, to change or to train it, what is inside, down to the module of the base."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper  # of `modules_to_save` and `trainable_token_indices`

    yield module
    while isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper):
        module = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module.original_module
        yield module


def unwrapped(module: nn.Module) -> nn.Module:
    """The module of the base inside of what PEFT put around it."""
    *_, plain = layers_around(module)
    return plain


def base_modules(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules of a base, as they are wrapped, by the names that they have without PEFT; its copies are left out."""
    yield name, module
    for child_name, child in unwrapped(module).named_children():
        yield from base_modules(child, f"{name}.{child_name}" if name else child_name)


def plain_weights(base: nn.Module) -> dict[str, Tensor]:
    """The parameters and stored buffers of a base by the names that they have without PEFT; tied ones by each name."""
    found: dict[str, Tensor] = {}
    for name, module in base_modules(base):
        plain = unwrapped(module)
        held = {key: value for key, value in plain._buffers.items() if key not in plain._non_persistent_buffers_set}
        for key, value in {**plain._parameters, **held}.items():
            if value is not None:
                found[f"{name}.{key}" if name else key] = value.detach()
    return found
