"""Texts as tokens: what stands around a text, and how texts of unlike lengths make batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, check_count

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["DOCUMENT", "Frame", "Tokens", "admit_texts", "encode", "groups", "padded", "token_id"]

Tokens = tuple[int, ...]  # of one text


@dataclass(frozen=True)
class Frame:
    """Tokens around each text, instead of those that the tokenizer would add by itself.

    Args:
        start: token before the text, from which the first token of the text is predicted.
        end: token after the text, which is predicted too; None for texts that go on.
    """

    start: str
    end: str | None = None


DOCUMENT = Frame("<|endoftext|>", "<|endoftext|>")
"""A whole document, as GPT-2, SmolLM2 and many others saw them in training."""


def admit_texts(texts: Sequence[str], name: str = "texts") -> tuple[str, ...]:
    """The texts as a tuple.

    Raises:
        InvalidInputError: if there are none, or it is a string or holds anything else than strings.
    """
    if isinstance(texts, str):
        raise InvalidInputError(
            f"`{name}` must be a sequence of strings, got the string {texts!r:.60}; put it in a list."
        )
    if not isinstance(texts, Iterable):
        raise InvalidInputError(f"`{name}` must be a sequence of strings, got {texts!r}.")
    admitted = tuple(texts)
    for place, text in enumerate(admitted):
        if not isinstance(text, str):
            raise InvalidInputError(f"`{name}[{place}]` must be a string, got {type(text).__name__}: {text!r:.60}.")
    if not admitted:
        raise InvalidInputError(f"`{name}` must hold at least one string, got none.")
    return admitted


def encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], frame: Frame | None = None) -> tuple[Tokens, ...]:
    """The tokens of each text, whole, in its frame; without a frame as the tokenizer gives them by itself.

    Raises:
        IncompatibleError: if a token of the frame is not in the vocabulary.
    """
    encoded = tokenizer(list(texts), add_special_tokens=frame is None, verbose=False)["input_ids"]
    if frame is None:
        return tuple(map(tuple, encoded))
    start = (token_id(tokenizer, frame.start),)
    end = () if frame.end is None else (token_id(tokenizer, frame.end),)
    return tuple((*start, *tokens, *end) for tokens in encoded)


def token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    """The number of a token of the vocabulary.

    Raises:
        IncompatibleError: if it is none.
    """
    number = tokenizer.get_vocab().get(token)
    if number is None:
        raise IncompatibleError(f"{token!r} is not a token of this {type(tokenizer).__name__}; choose another `Frame`.")
    return int(number)


def groups(lengths: Sequence[int], *, rows: int, tokens: int) -> list[list[int]]:
    """Places of the sequences that go into each batch: at most `rows`, and `tokens` with padding, or a sole one.

    Sequences that fit into one batch keep their order. Otherwise those of like lengths come together, since a mixed
    batch of sentences is 40% padding.

    Example:
        >>> groups([5, 2, 3], rows=3, tokens=100), groups([5, 2, 3], rows=2, tokens=100)
        ([[0, 1, 2]], [[1, 2], [0]])
    """
    check_count("batch_size", rows)
    if len(lengths) <= rows and len(lengths) * max(lengths) <= tokens:
        return [list(range(len(lengths)))]
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        # In this order the newest is the longest.
        if batches and len(batches[-1]) < rows and (len(batches[-1]) + 1) * lengths[place] <= tokens:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def padded(sequences: Sequence[Tokens], *, side: Literal["left", "right"] = "right") -> tuple[Tensor, Tensor]:
    """Sequences as one matrix (n, longest) of tokens, and the mask of the same shape: 1 for tokens, 0 for padding.

    Padding is token 0, which every vocabulary has: where it stands does not matter behind a mask.

    Example:
        >>> padded([(5, 6), (7,)], side="left")[0].tolist()
        [[5, 6], [0, 7]]
    """
    width = max(map(len, sequences))
    ids, mask = torch.zeros(2, len(sequences), width, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        place = slice(width - len(sequence), width) if side == "left" else slice(0, len(sequence))
        ids[row, place] = torch.tensor(sequence)
        mask[row, place] = 1
    return ids, mask
