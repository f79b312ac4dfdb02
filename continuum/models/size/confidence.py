"""When a row of tokens needs no more layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .parts import Parts

__all__ = ["Confidence", "Saturation", "TopProbability"]


class Confidence(Protocol):
    """How sure a model is after a layer; anything with this method is one."""

    def of(self, before: Tensor, after: Tensor, parts: Parts, /) -> Tensor:
        """The confidence of each row, (rows,).

        Args:
            before: states of the last token of each row before the layer, (rows, width).
            after: states after the layer, (rows, width).
            parts: the model, for what it would say if these were the last.
        """
        ...


@dataclass(frozen=True)
class TopProbability:
    """The probability of the likeliest next token, if this were the last layer.

    Schuster et al. (2022), CALM, take its margin over the second likeliest.
    """

    def of(self, before: Tensor, after: Tensor, parts: Parts, /) -> Tensor:
        return parts.log_probs(after).max(-1).values.exp()


@dataclass(frozen=True)
class Saturation:
    """The cosine of the states before and after the layer: it asks no head. Schuster et al. (2022), CALM."""

    def of(self, before: Tensor, after: Tensor, parts: Parts, /) -> Tensor:
        return torch.cosine_similarity(before.float(), after.float(), dim=-1)
