"""Texts on which the members of a family are compared with their teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from continuum.core import InvalidInputError, check_count, rng_for

from ..tokens import admit_texts, encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Calibration", "Chunks"]


@dataclass(frozen=True, eq=False)
class Chunks:
    """Chunks of tokens of one length, and a random subset of their positions.

    Args:
        tokens: the chunks, (chunks, length).
        positions: how many positions, if there are more; None for all.
        batch_size: chunks that go through the models at once.
        seed: of the draw of positions.
    """

    tokens: Tensor
    positions: int | None = None
    batch_size: int = 8
    seed: int = 0

    @property
    def batches(self) -> tuple[Tensor, ...]:
        """The chunks by batches, (rows, length) each."""
        return tuple(torch.split(self.tokens, self.batch_size))

    @cached_property
    def places(self) -> tuple[Tensor, ...]:
        """The chosen positions of each batch, as increasing places in its flattened tokens."""
        total = self.tokens.numel()
        wanted = total if self.positions is None else min(self.positions, total)
        chosen = np.sort(rng_for(self.seed, "positions").choice(total, wanted, replace=False))
        ends = np.cumsum([0, *(batch.numel() for batch in self.batches)])
        return tuple(
            torch.from_numpy(chosen[(start <= chosen) & (chosen < end)] - start) for start, end in pairwise(ends)
        )


@dataclass(frozen=True, eq=False)
class Calibration:
    """Texts as chunks of one length, and a random subset of their positions.

    Texts follow each other with the token that ends one between them, and are cut into chunks without padding; an
    incomplete last chunk is left out. Hidden states are needed at all positions, distributions over the vocabulary only
    at the subset: these cost as much as several layers of a small model.

    Args:
        texts: what to compare the models on; no text that they are evaluated on later.
        tokenizer: their tokenizer.
        length: tokens of a chunk.
        chunks: how many chunks, evenly spread over the texts, if these make more; None for all.
        positions: how many positions, if there are more; None for all. With few, the order of slots depends on
            the draw.
        batch_size: chunks that go through the models at once.
        seed: of the draw of positions.

    Raises:
        InvalidInputError: if an option is no such number, or there are no two tokens.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> from transformers import PreTrainedTokenizerFast
        >>> words = Tokenizer(models.WordLevel({"<end>": 0, "a": 1, "good": 2, "film": 3}))
        >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>")
        >>> Calibration(["a film", "a good film"], tokenizer, length=3).tokens
        tensor([[1, 3, 0],
                [1, 2, 3]])
    """

    texts: Sequence[str] = field(repr=False)
    tokenizer: PreTrainedTokenizerBase = field(repr=False)
    length: int = 128
    chunks: int | None = 16
    positions: int | None = 1024
    batch_size: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", admit_texts(self.texts))
        check_count("length", self.length, least=2)
        check_count("batch_size", self.batch_size)
        check_count("seed", self.seed, least=0)
        for name in ("chunks", "positions"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))

    @cached_property
    def tokens(self) -> Tensor:
        """The chunks, (chunks, length); fewer tokens than one chunk has are a shorter one."""
        end = self.tokenizer.eos_token_id
        stream: list[int] = []
        for place, text in enumerate(encode(self.tokenizer, self.texts)):
            is_apart = place > 0 and end is not None and stream[-1:] != [end]
            stream += [*([end] if is_apart else ()), *text]
        if len(stream) < 2:
            raise InvalidInputError(f"`texts` must have two tokens or more, got {len(stream)}.")
        length = min(self.length, len(stream))
        found = len(stream) // length
        rows = torch.tensor(stream[: found * length]).reshape(found, length)
        wanted = found if self.chunks is None else min(self.chunks, found)
        return rows[torch.arange(wanted) * found // wanted]

    @property
    def batches(self) -> tuple[Tensor, ...]:
        """The chunks by batches, (rows, length) each."""
        return self._chunks.batches

    @property
    def places(self) -> tuple[Tensor, ...]:
        """The chosen positions of each batch, as increasing places in its flattened tokens."""
        return self._chunks.places

    @cached_property
    def _chunks(self) -> Chunks:
        return Chunks(self.tokens, self.positions, self.batch_size, self.seed)
