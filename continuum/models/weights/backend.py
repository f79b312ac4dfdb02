"""How coefficients are put into a model that is shared: three ways with one meaning."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from torch import Tensor

from .lora_layers import LoraPlace

__all__ = ["Backend"]


class Backend(Protocol):
    r"""Turns a model and its adapters into $W_0 + \sum_j c_j \Delta_j$, and back.

    `scale` lets PEFT add the changes and sets their scales; `gate` adds all of them in two products with a gate
    between; `merged` writes the sum into the weights. They agree but for rounding.
    """

    @property
    def places(self) -> tuple[LoraPlace, ...]:
        """Layers that adapters change."""
        ...

    @property
    def takes_rows(self) -> bool:
        """Whether each row, and each token, of a batch can have coefficients of its own."""
        ...

    def lent(self) -> AbstractContextManager[None]:
        """Within this block the model is this back-end's; afterwards it is bit for bit as before."""
        ...

    def put(self, c: Tensor, /) -> None:
        """Use these coefficients from now on: (k,), or (rows, tokens or 1, k)."""
        ...
