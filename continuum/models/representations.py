"""Texts as vectors, for selecting among them: sentence embeddings, and hidden states of a language model.

The vector of a text does not depend on the texts that are encoded with it: padding is masked wherever it could count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import InvalidInputError, check_count

from .inference import device_of, inference
from .sources import load_encoder
from .tokens import Tokens, admit_texts, groups, padded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["HiddenState", "SentenceEmbedding", "pooled"]

_TOKENS = 2**13  # in a batch, with padding: hidden states of all layers of a small model then fit into memory
Pooling = Literal["weighted_mean", "mean", "last"]


@dataclass(frozen=True, eq=False)
class SentenceEmbedding:
    """Unit vectors of texts by a model that was trained for them to be near where meanings are.

    The mean of the last hidden states of all tokens, divided by its length, as all-MiniLM-L6-v2 was trained (Reimers &
    Gurevych 2019; Wang et al. 2020) :cite:`reimers2019`. Longer texts are cut.

    Args:
        model: an encoder, such as BERT.
        tokenizer: its tokenizer.
        length: most tokens of a text, if the model takes as many; 256 is what all-MiniLM-L6-v2 was trained with.
        batch_size: texts at a time.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    length: int = 256
    batch_size: int = 32

    def __post_init__(self) -> None:
        _check_sizes(self.length, self.batch_size)

    @classmethod
    def load(cls, name: str | Path = "minilm") -> Self:
        """That of a fetched model or a folder; see `load_encoder`."""
        found = load_encoder(name)
        return cls(found.model, found.tokenizer)

    @property
    def name(self) -> str:
        """Sentence embedding."""
        return "sentence embedding"

    def fit(self, pool: Any, query: Any = None) -> Self:
        """Itself: there is nothing to be learnt."""
        return self

    def encode(self, items: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of n texts.

        Raises:
            InvalidInputError: if these are no texts, or one has no tokens.
        """
        return _encoded(self, items, self._states, "mean")

    def _states(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class HiddenState:
    r"""Unit vectors of texts from a hidden layer of a language model.

    "weighted_mean" weights the state of the s-th of T tokens by $s / \sum_r r$: late tokens of a causal model have seen
    more (Muennighoff 2022). On the last layer it is the representation RDS+ (Ivison et al. 2025) :cite:`ivison2025`.

    Args:
        model: a language model of transformers.
        tokenizer: its tokenizer.
        pooling: "weighted_mean", "mean", or "last", the state of the last token.
        layer: which of the hidden states: 0 is what the first layer is given, -1 the last.
        length: most tokens of a text, if the model takes as many; longer ones are cut.
        batch_size: texts at a time.

    Raises:
        InvalidInputError: if an option is unknown.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    pooling: Pooling = "weighted_mean"
    layer: int = -1
    length: int = 512
    batch_size: int = 16

    def __post_init__(self) -> None:
        _check_sizes(self.length, self.batch_size)
        if self.pooling not in ("weighted_mean", "mean", "last"):
            raise InvalidInputError(f"`pooling` must be 'weighted_mean', 'mean' or 'last', got {self.pooling!r}.")

    @property
    def name(self) -> str:
        """Hidden state, and how it is pooled."""
        return f"hidden state ({self.pooling.replace('_', ' ')})"

    def fit(self, pool: Any, query: Any = None) -> Self:
        """Itself: there is nothing to be learnt."""
        return self

    def encode(self, items: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of n texts.

        Raises:
            InvalidInputError: if these are no texts, one has no tokens, or the model has no such layer.
        """
        return _encoded(self, items, self._states, self.pooling)

    def _states(self, ids: Tensor, mask: Tensor) -> Tensor:
        # The logits are not needed, and of a small model they are most of the memory.
        body: Any = getattr(self.model, "base_model", self.model)
        states = body(input_ids=ids, attention_mask=mask, use_cache=False, output_hidden_states=True).hidden_states
        try:
            found: Tensor = states[self.layer]
        except IndexError:
            raise InvalidInputError(
                f"the model has hidden states 0 to {len(states) - 1}, and {self.layer} is none."
            ) from None
        return found


def pooled(states: Float[Tensor, "n t d"], mask: Tensor, pooling: Pooling) -> Float[Tensor, "n d"]:
    """One vector for each row of states, of which padding is no part.

    Args:
        states: hidden states.
        mask: 1 for tokens, 0 for padding, (n, t).
        pooling: see `HiddenState`.

    Example:
        >>> states = torch.tensor([[[1.0], [4.0], [9.0]]])
        >>> mask = torch.tensor([[1, 1, 0]])
        >>> [pooled(states, mask, pooling).item() for pooling in ("mean", "weighted_mean", "last")]
        [2.5, 3.0, 4.0]
    """
    places = mask.cumsum(1) * mask
    if pooling == "last":
        weights = (places == places.max(1, keepdim=True).values) & (mask > 0)
    else:
        weights = places if pooling == "weighted_mean" else mask
    shares = weights.to(states) / weights.sum(1, keepdim=True)
    # Padding may hold anything, also what is not finite.
    return (shares[:, :, None] * states.where(mask[:, :, None] > 0, 0)).sum(1)


def _encoded(
    of: SentenceEmbedding | HiddenState,
    items: Sequence[str],
    states: Callable[[Tensor, Tensor], Tensor],
    pooling: Pooling,
) -> NDArray[np.float32]:
    sequences = _tokens(of, admit_texts(items, "items"))
    device, rows = device_of(of.model), [len(sequence) for sequence in sequences]
    found: dict[int, Tensor] = {}
    with inference(of.model):
        for batch in groups(rows, rows=of.batch_size, tokens=_TOKENS):
            ids, mask = (part.to(device) for part in padded([sequences[place] for place in batch]))
            vectors = pooled(states(ids, mask).float(), mask, pooling)
            found.update(zip(batch, torch.nn.functional.normalize(vectors, dim=1).cpu(), strict=True))
    return np.stack([found[place].numpy() for place in range(len(sequences))])


def _tokens(of: SentenceEmbedding | HiddenState, texts: Sequence[str]) -> list[Tokens]:
    """Tokens of each text, with those that the tokenizer puts around it, cut to the length."""
    tokenizer: Any = of.tokenizer
    added = tokenizer.num_special_tokens_to_add(pair=False)
    length = min(of.length, getattr(of.model.config, "max_position_embeddings", of.length))
    if length <= added:
        raise InvalidInputError(f"`length` must be more than the {added} tokens around a text, got {length}.")
    found = tokenizer(list(texts), truncation=True, max_length=length, verbose=False)["input_ids"]
    empty = next((place for place, tokens in enumerate(found) if len(tokens) <= added), None)
    if empty is not None:
        raise InvalidInputError(f"`items[{empty}]` has no tokens; leave it out.")
    return [tuple(tokens) for tokens in found]


def _check_sizes(length: int, batch_size: int) -> None:
    check_count("length", length)
    check_count("batch_size", batch_size)
