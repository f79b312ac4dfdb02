r"""Coefficients as a gate between the factors of all adapters.

With the factors of all adapters side by side, $A = [A_1; \dots; A_k]$ and $B = [B_1, \dots, B_k]$, a layer is

$$y = W_0 x + B\,(g \odot A x),$$

where g repeats the coefficient $c_j s_j$ of each adapter over its ranks. So a layer takes two products however many
adapters there are, and one small vector (or one for each row, or token) moves the whole model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from .lora_layers import LoraPlace, active_in, lora_layers

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["Gate"]

Slots = tuple[tuple[int, float, int], ...]  # of each adapter in a layer: its column of c, its scale, its rank


@dataclass(eq=False)
class _Valve:
    """The gate of all layers that have the same adapters."""

    columns: Tensor  # (R,)
    scales: Tensor  # (R,)
    gate: Tensor | None = None

    @classmethod
    def of(cls, slots: Slots, like: Tensor) -> _Valve:
        sizes = torch.tensor([rank for _, _, rank in slots])
        columns = torch.tensor([column for column, _, _ in slots]).repeat_interleave(sizes)
        scales = torch.tensor([scale for _, scale, _ in slots], dtype=torch.float64).repeat_interleave(sizes)
        # At least float32, also beside bfloat16: there a coefficient of 0.3 would be off by 0.3%.
        dtype = torch.promote_types(like.dtype, torch.float32)
        return cls(columns.to(like.device), scales.to(like.device, dtype))

    def put(self, c: Tensor) -> None:
        self.gate = c.to(self.scales)[..., self.columns] * self.scales


@dataclass(frozen=True, eq=False)
class _Gated:
    """What a layer adds to its output."""

    down: Tensor  # (R, in)
    up: Tensor  # (out, R)
    valve: _Valve

    def __call__(self, layer: Any, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        if self.valve.gate is None:
            return output
        hidden = linear(inputs[0].to(self.down.dtype), self.down) * self.valve.gate
        return (output + linear(hidden.to(self.up.dtype), self.up)).to(output.dtype)


@dataclass(frozen=True, eq=False)
class Gate:
    """All adapters as one, with a gate between their factors; holds a copy of the factors.

    Args:
        model: the shared model.
        places: layers that adapters change.
        gated: what they add, by layer.
        valves: their gates, each shared by all layers with the same adapters.
    """

    model: PeftModel
    places: tuple[LoraPlace, ...]
    gated: tuple[_Gated, ...]
    valves: tuple[_Valve, ...]

    @classmethod
    def of(cls, model: PeftModel, adapters: Sequence[str]) -> Gate:
        places = lora_layers(model, adapters)
        valves: dict[Slots, _Valve] = {}
        gated = tuple(_side_by_side(place, adapters, valves) for place in places)
        return cls(model, places, gated, tuple(valves.values()))

    @property
    def takes_rows(self) -> bool:
        return True

    @contextmanager
    def lent(self) -> Iterator[None]:
        for valve in self.valves:
            valve.gate = None
        with ExitStack() as stack:
            stack.enter_context(active_in(self.model, ()))
            for place, gated in zip(self.places, self.gated, strict=True):
                stack.callback(place.layer.register_forward_hook(gated).remove)
            yield

    def put(self, c: Tensor, /) -> None:
        for valve in self.valves:
            valve.put(c)


def _side_by_side(place: LoraPlace, adapters: Sequence[str], valves: dict[Slots, _Valve]) -> _Gated:
    layer = place.layer
    present = [(column, name) for column, name in enumerate(adapters) if name in place.scales]
    slots = tuple((column, place.scales[name], layer.r[name]) for column, name in present)
    down = torch.cat([layer.lora_A[name].weight.detach() for _, name in present])
    up = torch.cat([layer.lora_B[name].weight.detach() for _, name in present], 1)
    if slots not in valves:
        valves[slots] = _Valve.of(slots, down)
    return _Gated(down, up, valves[slots])
