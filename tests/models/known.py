"""Language models whose every probability is written down by hand.

from known import Bigram, uniform
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from tiny import VOCABULARY
from torch import Tensor, nn


class Bigram(nn.Module):
    """The logits of the next token are the row of the last one in a table (vocabulary, vocabulary); no cache."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.table[input_ids], past_key_values=None)


def uniform() -> Bigram:
    return Bigram(torch.zeros(VOCABULARY, VOCABULARY))


def random_bigram(seed: int) -> Bigram:
    table = torch.randn(VOCABULARY, VOCABULARY, generator=torch.Generator().manual_seed(seed))
    return Bigram(2 * table)
