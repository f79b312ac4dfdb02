"""Coefficients written into the weights: the forward pass of the base model, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from continuum.core import IncompatibleError

from .factors import Adapter, read_adapters, sum_of_changes
from .lora_layers import LoraPlace, active_in, lora_layers
from .plain import base_modules, unwrapped

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["Merged", "merged_copy", "merged_weight", "untied"]


@dataclass(eq=False)
class Merged:
    """The weights themselves, always made from the pristine ones: a sum of floats is not undone by subtraction.

    While the model is lent, a copy of the weights that adapters change is held.

    Args:
        model: the shared model.
        places: layers that adapters change.
        adapters: what they change.
    """

    model: PeftModel
    places: tuple[LoraPlace, ...]
    adapters: tuple[Adapter, ...]
    _pristine: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: PeftModel, adapters: Sequence[str]) -> Merged:
        places = lora_layers(model, adapters)
        untied(model, places)
        return cls(model, places, read_adapters(model, adapters))

    @property
    def takes_rows(self) -> bool:
        return False

    @contextmanager
    def lent(self) -> Iterator[None]:
        self._pristine = {place.name: place.base.weight.detach().clone() for place in self.places}
        try:
            with active_in(self.model, ()):
                yield
        finally:
            for place in self.places:
                place.base.weight.data.copy_(self._pristine[place.name])
            self._pristine = {}

    def put(self, c: Tensor, /) -> None:
        if c.ndim > 1 or c.requires_grad:
            raise IncompatibleError(
                "merged weights are one set for all rows, without a gradient; use backend='scale' or 'gate'."
            )
        for place in self.places:
            weight = merged_weight(place, self._pristine[place.name], self.adapters, c.tolist())
            place.base.weight.data.copy_(weight)


def merged_weight(place: LoraPlace, weight: Tensor, adapters: Sequence[Adapter], c: Sequence[float]) -> Tensor:
    """`weight` plus the changes, summed in float32 and rounded once; `weight` itself where nothing changes it."""
    change = sum_of_changes(adapters, c, place.name)
    if change is None:
        return weight
    up, down = (side.to(weight.device) for side in (change.up, change.down))
    if place.is_transposed:
        up, down = down.T, up.T
    return torch.addmm(weight.float(), up, down).to(weight.dtype)


@torch.no_grad()
def merged_copy(model: Any, places: Sequence[LoraPlace], adapters: Sequence[Adapter], c: Sequence[float]) -> Any:
    """An independent model of the class of the base, with the changes in its weights and without PEFT.

    Raises:
        IncompatibleError: if a weight that adapters change is tied to another module.
    """
    untied(model, places)
    base = model.get_base_model()
    # deepcopy takes from this what stands for an object: here the changed weight, and the plain module for the one
    # around it. One for all copies, so that what the base shares is shared in the copy.
    stand_in: dict[int, Any] = {}
    for place in places:
        weight = merged_weight(place, place.base.weight.detach(), adapters, c).clone()
        stand_in[id(place.base.weight)] = nn.Parameter(weight, requires_grad=place.base.weight.requires_grad)
    for module in reversed(list(base.modules())):  # what is inside before what is around it
        if (plain := unwrapped(module)) is not module:
            stand_in[id(module)] = copy.deepcopy(plain, stand_in)
    return copy.deepcopy(base, stand_in).eval()


def untied(model: PeftModel, places: Sequence[LoraPlace]) -> None:
    """Refuse adapters of weights that another module shares: merged there, they would change both.

    Raises:
        IncompatibleError: naming the two modules.
    """
    owners: dict[int, list[str]] = {}
    for name, module in base_modules(model.get_base_model()):
        for weight in unwrapped(module)._parameters.values():
            if weight is not None:
                owners.setdefault(id(weight), []).append(name)
    for place in places:
        if len(shared := owners[id(place.base.weight)]) > 1:
            raise IncompatibleError(
                f"the weight of `{place.name}` is tied to that of {shared}; merging an adapter of one would change "
                "both. Use backend='scale' or 'gate', or untie them first."
            )
