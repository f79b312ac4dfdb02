"""How a language model is run to be measured: in evaluation mode, without gradients, within its limits.

A model is anything that is called like the causal language models of transformers: `model(input_ids=...,
attention_mask=...)` returns an object with `logits` (rows, tokens, vocabulary). A leased model is one too.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError

from .lending import leased_rows
from .modes import evaluation
from .tokens import groups

__all__ = ["admit_lengths", "admit_vocabulary", "batches", "device_of", "inference", "logits", "tokens_at_once"]

_LOGITS = 2**27  # numbers at a time: half a gigabyte in float32
_VOCABULARY = 2**16  # of models that do not tell


@contextlib.contextmanager
def inference(model: nn.Module) -> Iterator[None]:
    """Inside the block nothing is dropped out and no gradient recorded; then each module gets its own mode back."""
    with evaluation(model), torch.no_grad():
        yield


def logits(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Logits (rows, tokens, vocabulary) of the next token at each place, on the device of the model."""
    device = device_of(model)
    output = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    return output.logits  # type: ignore[no-any-return]


def device_of(model: nn.Module) -> torch.device:
    """Where inputs of the model go: to its first parameter."""
    held = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in held), torch.device("cpu"))


def batches(*models: nn.Module, lengths: Sequence[int], rows: int, texts: int) -> list[list[int]]:
    """Places of the sequences that go through the models at once, see `groups`: the logits of each fit into memory.

    Args:
        models: language models.
        lengths: tokens of each sequence.
        rows: most sequences in a batch.
        texts: how many texts the sequences are of.

    Raises:
        IncompatibleError: if a model is lent with a point for each row, and the rows would not be the texts.
    """
    found = groups(lengths, rows=rows, tokens=min(map(tokens_at_once, models)))
    for leased in map(leased_rows, models):
        if leased is not None and not (texts == leased and found == [list(range(texts))]):
            raise IncompatibleError(
                f"the model is lent with a point for each of {leased} rows, but {texts} texts go through it as "
                f"{len(lengths)} sequences in {len(found)} batches; pass {leased} texts that fit into one batch."
            )
    return found


def tokens_at_once(model: nn.Module) -> int:
    """How many tokens a batch may have for its logits to fit: they are most of the memory of a small model."""
    return max(1, _LOGITS // int(_setting(model, "vocab_size", _VOCABULARY)))


def admit_lengths(model: nn.Module, lengths: Sequence[int], remedy: str) -> None:
    """Refuse texts that are longer than what the model was made for.

    Raises:
        InvalidInputError: naming the first such text and the remedy.
    """
    context = _setting(model, "max_position_embeddings", None)
    for place, length in enumerate(lengths):
        if context is not None and length > context:
            raise InvalidInputError(f"text {place} needs {length} tokens, but the model takes {context}; {remedy}.")


def admit_vocabulary(model: nn.Module, texts: Sequence[Sequence[int]]) -> None:
    """Refuse tokens that the model does not have: on some devices they would end the process.

    Raises:
        IncompatibleError: naming the first text with such a token.
    """
    vocabulary = _setting(model, "vocab_size", None)
    for place, tokens in enumerate(texts):
        if vocabulary is not None and max(tokens, default=0) >= vocabulary:
            raise IncompatibleError(
                f"text {place} has token {max(tokens)}, but the model knows {vocabulary}; pass its own tokenizer."
            )


def _setting(model: nn.Module, name: str, default: Any) -> Any:
    return getattr(getattr(model, "config", None), name, default)
