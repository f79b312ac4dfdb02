"""Digests of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from .plain import plain_weights

__all__ = ["base_fingerprint", "digest_of"]

_SAMPLES = 64  # entries of each tensor that name a base


def digest_of(names: str, *groups: Iterable[tuple[Any, Tensor]]) -> str:
    """SHA-256 of some words and of named tensors, bit by bit."""
    digest = hashlib.sha256(names.encode())
    for group in groups:
        for name, tensor in group:
            digest.update(f"<{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(flat.numpy().data)
    return digest.hexdigest()


def base_fingerprint(model: Any) -> str:
    """What tells base models apart: names and shapes of all weights, and some entries of each.

    Entries are rounded to bfloat16 first, so that a base loaded in lower precision is still the same base. What PEFT
    put into the model does not count.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    digest = hashlib.sha256()
    for name, tensor in sorted(plain_weights(base).items()):
        flat = tensor.reshape(-1)
        entries = flat[:: max(1, len(flat) // _SAMPLES)][:_SAMPLES]
        values = entries.to(torch.bfloat16) if entries.is_floating_point() else entries
        digest.update(f"<{name} {tuple(tensor.shape)} {values.tolist()}>".encode())
    return digest.hexdigest()
