"""Sums of tensors, a block at a time: wide enough to round once, and in hardly more memory than the result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import InvalidInputError

__all__ = ["NotFiniteError", "add_offsets", "blocks", "gram", "is_finite", "summed", "wide"]

_BLOCK = 1 << 16  # numbers; a few such blocks fit into the cache of one core


class NotFiniteError(InvalidInputError):
    """A sum of tensors is NaN or infinite somewhere."""


def blocks(tensors: Sequence[Tensor]) -> Iterator[tuple[slice, list[Tensor]]]:
    """Pieces of flattened tensors of one shape, in the type they are added in; not to be written into."""
    flat = [tensor.reshape(-1) for tensor in tensors]
    working = wide(flat[0].dtype)
    for start in range(0, len(flat[0]), _BLOCK):
        piece = slice(start, start + _BLOCK)
        yield piece, [tensor[piece].to(working) for tensor in flat]


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type in which numbers of type `dtype` are added."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def summed(tensors: Sequence[Tensor], fill: Callable[..., None]) -> Tensor:
    """A tensor like the first of `tensors`, made piece by piece and rounded once to its type.

    Args:
        tensors: what it is made of.
        fill: `fill(total, *pieces)` writes a piece of the sum into `total`, given that of each tensor.

    Raises:
        NotFiniteError: if a number of it is NaN or infinite.
    """
    out = torch.empty_like(tensors[0], memory_format=torch.contiguous_format)
    flat = out.view(-1)
    for piece, pieces in blocks(tensors):
        total = flat[piece] if flat.dtype == pieces[0].dtype else torch.empty_like(pieces[0])
        fill(total, *pieces)
        if total.dtype != flat.dtype:
            flat[piece] = total
        if not is_finite(flat[piece]):  # here, while it is in the cache
            raise NotFiniteError("a sum of tensors is not finite.")
    return out


def add_offsets(origin: Tensor, others: Sequence[Tensor], weights: Sequence[float], *, scale: float = 1.0) -> Tensor:
    r"""$s\, o + \sum_j w_j (x_j - o)$.

    Written with differences, so that a tensor which is the same in all checkpoints comes out unchanged, bit by bit, and
    so that rounding is relative to the small differences. What has weight 0 is not read: its NaNs do no harm.

    Args:
        origin: $o$.
        others: $x_j$, of the shape of `origin`.
        weights: $w_j$.
        scale: $s$.
    """
    used = [weight for weight in weights if weight != 0]
    read = [other for other, weight in zip(others, weights, strict=True) if weight != 0]

    def fill(total: Tensor, o: Tensor, *xs: Tensor) -> None:
        if xs:
            torch.lerp(o, xs[0], used[0], out=total)  # o + w (x - o) in one pass
        else:
            total.copy_(o)
        for x, weight in zip(xs[1:], used[1:], strict=True):
            total.add_(x - o, alpha=weight)
        if scale != 1:
            total.add_(o, alpha=scale - 1)

    return summed([origin, *read], fill)


def gram(tensors: Sequence[Tensor], origin: Tensor | None = None) -> NDArray[np.float64]:
    """Inner products of tensors, or of their differences to `origin`, summed in float64; (k, k)."""
    k = len(tensors)
    total = torch.zeros(k, k, dtype=torch.float64)
    for _, pieces in blocks([*tensors] if origin is None else [*tensors, origin]):
        rows = torch.stack(pieces).double()
        rows = rows if origin is None else rows[:-1] - rows[-1]
        total += (rows @ rows.T).cpu()
    return np.asarray(total.numpy())


def is_finite(tensor: Tensor) -> bool:
    """Whether no number is NaN or infinite; takes no memory of the size of the tensor."""
    return not tensor.numel() or all(math.isfinite(end) for end in tensor.aminmax())  # aminmax passes NaN on
