"""Models: how large they are, and what language models write with common random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from continuum.harness import Exhibit, Facts, Texts
from continuum.models import LanguageModel, generate_texts
from continuum.models.own_tokenizer import own_tokenizer

from .show import Ask, array_exhibits, renderer

_TEXTS = 2  # of one prompt


@renderer.register
def _(value: torch.Tensor, ask: Ask) -> Iterator[Exhibit]:
    yield from array_exhibits(value, ask)


@renderer.register
def _(value: LanguageModel, ask: Ask) -> Iterator[Exhibit]:
    yield _written(value.model, value.tokenizer, ask)
    yield Facts(sizes_of(value.model))


@renderer.register
def _(value: nn.Module, ask: Ask) -> Iterator[Exhibit]:
    writes = hasattr(value, "generate")
    tokenizer = own_tokenizer(value) if writes else None
    if tokenizer is not None:
        yield _written(value, tokenizer, ask)
    yield Facts({"model": type(value).__name__} | sizes_of(value))
    if writes and tokenizer is None:
        yield Facts({"no text": "its tokenizer is not known: let values be LanguageModel(model, tokenizer)"})


def sizes_of(model: nn.Module) -> dict[str, str]:
    """Parameters, bytes and layers of a model; shared weights count once."""
    weights = {weight.data_ptr() or id(weight): weight for weight in model.parameters()}.values()
    count, size = (sum(weight.numel() * unit(weight) for weight in weights) for unit in (_one, _bytes))
    layers = getattr(getattr(model, "config", None), "num_hidden_layers", None)
    rows = {"parameters": _in_words(count), "memory": f"{size / 1e6:.3g} MB"}
    return rows if layers is None else rows | {"layers": str(layers)}


def _written(model: nn.Module, tokenizer: Any, ask: Ask) -> Texts:
    samples = min(_TEXTS, ask.items)
    (texts,) = generate_texts(
        model, tokenizer, [ask.prompt], seed=ask.seed, samples=samples, new_tokens=ask.tokens, batch_size=samples
    )
    return Texts(texts, (ask.prompt,) * len(texts))


def _one(weight: torch.Tensor) -> int:
    return 1


def _bytes(weight: torch.Tensor) -> int:
    return weight.element_size()


def _in_words(count: int) -> str:
    for unit, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return str(count)
