"""The loss of a text under a language model, as a function of tensors: what gradients of examples are taken of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import InvalidInputError, check_count

from .tokens import padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["TextInputs", "mean_token_loss"]


@dataclass(frozen=True, eq=False)
class TextInputs:
    """Texts, or pairs of a prompt and an answer, as tensors for `mean_token_loss`.

    Tokens of a prompt are seen but have no loss, nor has the first token of a text, which nothing predicts. What is
    longer than `length` is cut.

    Args:
        tokenizer: that of the model.
        length: most tokens of an example.
    """

    tokenizer: PreTrainedTokenizerBase
    length: int = 256

    def __post_init__(self) -> None:
        check_count("length", self.length, least=2)

    def __call__(self, items: Sequence[str | tuple[str, str]]) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids, which of them are tokens, and which have a loss, (n, longest) each.

        Raises:
            InvalidInputError: if an example is neither a text nor a pair, or none of its tokens has a loss.
        """
        prompts, answers = zip(*(_pair(item, place) for place, item in enumerate(items)), strict=True)
        seen, predicted = self._tokens(prompts), self._tokens(answers)
        rows = [tuple((*a, *b)[: self.length]) for a, b in zip(seen, predicted, strict=True)]
        for place, (row, prompt) in enumerate(zip(rows, seen, strict=True)):
            if len(row) <= max(len(prompt), 1):
                raise InvalidInputError(
                    f"example {place} has {len(row)} tokens, {len(prompt)} of its prompt, and none with a loss; "
                    "leave it out, or raise `length`."
                )
        ids, mask = padded(rows)
        firsts = torch.tensor([max(len(prompt), 1) for prompt in seen])
        return ids, mask, mask * (torch.arange(ids.shape[1]) >= firsts[:, None])

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        tokenizer: Any = self.tokenizer
        found: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return found


def mean_token_loss(model: Any, ids: Tensor, mask: Tensor, counted: Tensor) -> Float[Tensor, " n"]:
    """Mean negative log-likelihood of the tokens that count, in nats, of each row.

    Args:
        model: called as the causal language models of transformers.
        ids: token ids, (n, tokens).
        mask: 1 for tokens, 0 for padding.
        counted: 1 for tokens that have a loss; 0 for the first of a row.
    """
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2).float(), ids[:, 1:], reduction="none")
    weights = counted[:, 1:].to(losses)
    found: Tensor = (losses * weights).sum(1) / weights.sum(1)
    return found


def _pair(item: Any, place: int) -> tuple[str, str]:
    if isinstance(item, str):
        return "", item
    if isinstance(item, tuple) and len(item) == 2 and all(isinstance(text, str) for text in item):
        return item
    raise InvalidInputError(f"example {place} must be a text or a pair of prompt and answer, got {item!r:.60}.")
