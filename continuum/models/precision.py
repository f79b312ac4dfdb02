"""In which type of numbers products are computed in training."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch

from continuum.core import InvalidInputError

__all__ = ["Precision", "check_precision", "in_bfloat16"]

Precision = Literal["auto", "float32", "bfloat16"]


def check_precision(precision: Precision) -> None:
    """Refuse what is none of the three.

    Raises:
        InvalidInputError: naming them.
    """
    if precision not in get_args(Precision):
        raise InvalidInputError(f"`precision` must be one of {get_args(Precision)}, got {precision!r}.")


def in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether products are computed in bfloat16; "auto" does so where the device has instructions for it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Elsewhere it is emulated, which takes longer than float32.
    known: Any = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return any(bool(known.get(name)) for name in ("amx_bf16", "avx512_bf16", "bf16"))
