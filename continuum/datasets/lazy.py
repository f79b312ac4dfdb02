"""The dataset at a point of a path, made a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from continuum.core import check_count

__all__ = ["LazyDataset"]

Array = NDArray[Any]
Make = Callable[[Array, Array], tuple[Any, Array]]


class LazyDataset(Dataset[tuple[Tensor, Tensor]]):
    """Points of an interpolated dataset, each made when it is asked for.

    A `torch.utils.data.Dataset` of pairs (features, label distribution). An index gives a point; a list of indices
    gives a batch at once, which is much faster: `loader` asks for these.

    Args:
        make: gives features (r, ...) and label distributions (r, c) of the rows (r,) at their weights (r, m).
        weights: the point of the simplex that each row is at, (n, m).
        masses: how much each row counts, (n,).
    """

    def __init__(self, make: Make, weights: Array, masses: Array) -> None:
        self._make, self.weights, self.masses = make, weights, masses

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, index: int | Sequence[int] | Array) -> tuple[Tensor, Tensor]:
        rows = np.atleast_1d(np.asarray(index))
        whole = rows.ndim == 1 and len(rows) > 0 and rows.dtype.kind in "iu"
        if not whole or rows.min() < -len(self) or rows.max() >= len(self):
            raise IndexError(f"rows must lie between {-len(self)} and {len(self) - 1}, got {index!r}.")
        rows = rows % len(self)
        x, y = self._make(rows, self.weights[rows])
        pair = torch.as_tensor(x), torch.as_tensor(y)
        return (pair[0][0], pair[1][0]) if np.ndim(index) == 0 else pair

    def loader(self, batch_size: int = 256, *, shuffle: bool = True, seed: int = 0) -> DataLoader[Any]:
        """Batches of features (r, ...) and label distributions (r, c), the last one smaller.

        Args:
            batch_size: points in a batch.
            shuffle: whether each pass has an order of its own.
            seed: of these orders.
        """
        check_count("batch_size", batch_size)
        generator = torch.Generator().manual_seed(seed)
        order: Any = RandomSampler(self, generator=generator) if shuffle else SequentialSampler(self)
        return DataLoader(self, sampler=BatchSampler(order, batch_size, drop_last=False), batch_size=None)
