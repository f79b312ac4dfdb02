"""Coefficients as scales of PEFT's own layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .lora_layers import LoraPlace, active_in, lora_layers

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["Scale"]


@dataclass(frozen=True, eq=False)
class Scale:
    """All adapters are active, and `scaling[adapter]` of each layer is c times the scale of the adapter.

    At a coefficient of 1 for one adapter and 0 for the others the output is bit for bit that of the adapter alone.

    Args:
        model: the shared model.
        places: layers that adapters change.
        adapters: names of the adapters, in the order of the coefficients.
    """

    model: PeftModel
    places: tuple[LoraPlace, ...]
    adapters: tuple[str, ...]

    @classmethod
    def of(cls, model: PeftModel, adapters: Sequence[str]) -> Scale:
        return cls(model, lora_layers(model, adapters), tuple(adapters))

    @property
    def takes_rows(self) -> bool:
        return True

    @contextmanager
    def lent(self) -> Iterator[None]:
        kept = [(place.layer.scaling, dict(place.layer.scaling)) for place in self.places]
        try:
            with active_in(self.model, self.places):
                yield
        finally:
            for scaling, before in kept:
                scaling.update(before)

    def put(self, c: Tensor, /) -> None:
        scales: dict[tuple[str, float], Any] = {}  # one object for all layers of equal scale
        columns = dict(zip(self.adapters, c.unbind(-1), strict=True))
        for place in self.places:
            for adapter, s in place.scales.items():
                if (adapter, s) not in scales:
                    scales[adapter, s] = _as_scale(columns[adapter] * s, place)
                place.layer.scaling[adapter] = scales[adapter, s]


def _as_scale(c: Tensor, place: LoraPlace) -> float | Tensor:
    if c.ndim == 0 and not c.requires_grad:
        return float(c)
    # At least float32, also beside bfloat16: there a coefficient of 0.3 would be off by 0.3%.
    weight = place.base.weight
    c = c.to(weight.device, torch.promote_types(weight.dtype, torch.float32))
    return c if c.ndim == 0 else c[..., None]
