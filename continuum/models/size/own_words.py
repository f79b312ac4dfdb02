"""Calibration without texts: what the teacher says by itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from continuum.core import IncompatibleError, check_count, rng_for, torch_generator

from ..inference import device_of, inference
from .calibration import Chunks

__all__ = ["own_words"]


def own_words(
    teacher: Any, *, chunks: int = 16, length: int = 64, positions: int | None = 512, seed: int = 0
) -> Chunks:
    """Chunks of tokens that a causal language model draws from its own distribution, each from the start of a text.

    A divergence over them is that of whole texts: they are distributed as the teacher says.

    Args:
        teacher: the model.
        chunks: how many.
        length: tokens of a chunk, the one that starts a text included.
        positions: how many positions are looked at; None for all.
        seed: of the draws.

    Raises:
        IncompatibleError: if the model does not know a token that starts or ends a text, or does not generate.
    """
    check_count("chunks", chunks)
    check_count("length", length, least=2)
    config = teacher.config
    start = next((token for token in (config.bos_token_id, config.eos_token_id) if isinstance(token, int)), None)
    if start is None or not hasattr(teacher, "generate"):
        raise IncompatibleError(
            f"{type(teacher).__name__} has no token to start a text with, or does not generate; choose layers on "
            "texts, by LowestDrop(Calibration(...))."
        )
    generator = torch_generator(rng_for(seed, "own words"))
    ids = torch.full((chunks, 1), start)
    with inference(teacher):
        said, cache = ids.to(device_of(teacher)), None
        for _ in range(length - 1):
            out = teacher(input_ids=said, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            drawn = _drawn(out.logits[:, -1], generator)
            ids, said = torch.cat([ids, drawn], 1), drawn.to(said.device)
    return Chunks(ids, positions)


def _drawn(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.multinomial(logits.float().softmax(-1).cpu(), 1, generator=generator)
