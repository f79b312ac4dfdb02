"""Rows of embeddings as float32, from arrays, memory maps and tensors, a few at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from continuum.core import InvalidInputError

__all__ = ["Doubles", "Embeddings", "Floats", "Indices", "check_finite"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Rows of a matrix that may be larger than memory; a slice of it is read when it is asked for.

    Args:
        data: (n, d) real numbers: an array, a memory map, or a tensor on any device.
        name: what the matrix is called in messages.

    Raises:
        InvalidInputError: if it is no matrix of real numbers with rows and columns.
    """

    data: Any
    name: str = "pool"

    def __post_init__(self) -> None:
        if not isinstance(self.data, torch.Tensor | np.ndarray):
            object.__setattr__(self, "data", np.asarray(self.data))
        shape, dtype = tuple(self.data.shape), self.data.dtype
        if len(shape) != 2 or 0 in shape:
            raise InvalidInputError(f"`{self.name}` must be a matrix with rows and columns, got shape {shape}.")
        if dtype.is_complex if isinstance(dtype, torch.dtype) else dtype.kind not in "fiub":
            raise InvalidInputError(f"`{self.name}` must hold real numbers, got {dtype}.")

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.data.shape[0])

    @property
    def d(self) -> int:
        """Number of columns."""
        return int(self.data.shape[1])

    def rows(self, which: slice | Indices) -> Floats:
        """Some rows as float32, to be read only: a view of the data where they are that already."""
        if isinstance(self.data, torch.Tensor):
            index = which if isinstance(which, slice) else torch.from_numpy(which).to(self.data.device)
            return np.ascontiguousarray(self.data[index].detach().to("cpu", torch.float32).numpy())
        block = self.data[which]
        if block.dtype == np.float16:
            # torch widens halves twenty times as fast as NumPy; of a copy, since it wants what may be written to
            widened: Floats = torch.from_numpy(np.array(block)).to(torch.float32).numpy()
            return widened
        with np.errstate(over="ignore"):  # what overflows is refused as infinite
            return np.ascontiguousarray(block, dtype=np.float32)


def check_finite(name: str, rows: NDArray[Any], numbers: Indices) -> None:
    """Refuse rows with NaN or infinities; `numbers` says where they stand.

    Raises:
        InvalidInputError: naming the first such row.
    """
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise InvalidInputError(
            f"`{name}` must be finite in float32, got NaN or infinity in row {numbers[np.argmin(finite)]}; "
            "leave out such items or embed them anew."
        )
