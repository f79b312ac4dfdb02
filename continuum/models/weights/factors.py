r"""Adapters as the changes of weights that they are: low-rank factors by module.

A LoRA adapter (Hu et al. 2022) changes the weight $W_0$ of a module to $W_0 + s B A$ with $B$ (out, r), $A$ (r, in) and
a scale $s$ of $\alpha / r$, or $\alpha / \sqrt{r}$ if it is rank-stabilised. What an adapter *is* does not depend on
the factors, only on the product: $(B R, R^{-1} A)$ is the same adapter. So changes are added, never factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from .lora_layers import lora_layers

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["Adapter", "LowRank", "read_adapters", "sum_of_changes"]


@dataclass(frozen=True, eq=False)
class LowRank:
    """The change `up @ down` of a weight (out, in).

    Attributes:
        up: (out, r), with the scale of the adapter in it.
        down: (r, in).
    """

    up: Float[Tensor, "o r"]
    down: Float[Tensor, "r i"]

    @property
    def rank(self) -> int:
        """Number of columns of `up`, which bounds the rank of the change."""
        return self.down.shape[0]

    @property
    def dense(self) -> Float[Tensor, "o i"]:
        """The change itself."""
        return self.up @ self.down


@dataclass(frozen=True, eq=False)
class Adapter:
    """What one adapter changes.

    Attributes:
        name: its name in the model.
        factors: the change of each module that it changes, by the name of the module in the base model, in float32.
    """

    name: str
    factors: Mapping[str, LowRank]


def read_adapters(model: PeftModel, names: Sequence[str]) -> tuple[Adapter, ...]:
    """The adapters `names` of a PEFT model, as the changes that they make.

    Raises:
        InvalidInputError: if the model has no such adapter, or one has NaN or infinite weights.
        IncompatibleError: for adapters that are no plain LoRA of linear layers, by name.
    """
    layers = lora_layers(model, names)
    return tuple(
        Adapter(
            name,
            {
                place.name: LowRank(
                    place.layer.lora_B[name].weight.detach().float() * place.scales[name],
                    place.layer.lora_A[name].weight.detach().float(),
                )
                for place in layers
                if name in place.scales
            },
        )
        for name in names
    )


def sum_of_changes(adapters: Sequence[Adapter], coefficients: Sequence[float], module: str) -> LowRank | None:
    r"""$\sum_j c_j \Delta_j$ of one module, exactly: factors are put side by side, so signs and ranks are free.

    Returns:
        A change of rank at most the sum of the ranks; None if no adapter with a coefficient changes the module.
    """
    found = [
        (adapter.factors[module], float(c))
        for adapter, c in zip(adapters, coefficients, strict=True)
        if c != 0 and module in adapter.factors
    ]
    if not found:
        return None
    return LowRank(
        torch.cat([change.up * c for change, c in found], 1), torch.cat([change.down for change, _ in found])
    )
