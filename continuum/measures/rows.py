"""A cost that is read some rows at a time, from memory or from its factors.

Both kinds know the same: `shape` (n, m); `whole()`, all of it in float64, where that is small; `height`, how many rows
to read at a time; `reduced(rows, g)`, the matrix c(i, j) - g_j of some rows; `entries(rows, columns)`, the costs of
single pairs in float64; `rounding(g)`, how far off the entries of each row of `reduced(rows, g)` may be;
`pick(rows, columns)`, the cost between some of the points; and `transposed()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["CostRows", "DenseRows", "FactoredRows"]

Array = NDArray[Any]
_CHUNK = 2**20  # numbers of a factor that are computed with at a time: 8 MiB in float64


@dataclass(frozen=True, eq=False)
class DenseRows:
    """A cost matrix (n, m) in memory."""

    c: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return self.c.shape[0], self.c.shape[1]

    @property
    def height(self) -> int:
        return max(1, 2**20 // self.c.shape[1])  # stays in the cache while it is searched

    def whole(self) -> Tensor:
        return self.c

    def reduced(self, rows: slice | Tensor, g: Tensor) -> Tensor:
        return self.c[rows] - g

    def entries(self, rows: Array, columns: Array) -> Array:
        i, j = (torch.as_tensor(k, device=self.c.device).long() for k in (rows, columns))
        return np.asarray(self.c[i, j].cpu().numpy())

    def rounding(self, g: Tensor) -> Tensor:
        return g.new_zeros(len(self.c))

    def pick(self, rows: slice | Tensor, columns: slice | Tensor) -> DenseRows:
        return DenseRows(self.c[rows][:, columns])

    def transposed(self) -> DenseRows:
        return DenseRows(self.c.T)


@dataclass(frozen=True, eq=False)
class FactoredRows:
    """A cost c = u v^T that is never whole in memory, from its factors (n, r) and (m, r) of one floating dtype."""

    u: Tensor
    v: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.u), len(self.v)

    @property
    def height(self) -> int:
        # High enough that `v` is not read from memory too often; 64 MiB, as what is below 32 MiB comes from the C heap,
        # where short lists that stay would keep pieces of it from being given back.
        return max(128, 2**24 // len(self.v))

    @property
    def _few(self) -> int:
        return max(1, _CHUNK // self.u.shape[1])

    def whole(self) -> Tensor:
        return (self.u @ self.v.T).double()

    def reduced(self, rows: slice | Tensor, g: Tensor) -> Tensor:
        return torch.addmm(-g.to(self.u.dtype), self.u[rows], self.v.T)

    def entries(self, rows: Array, columns: Array) -> Array:
        i, j = (torch.as_tensor(k, device=self.u.device).long() for k in (rows, columns))
        parts = (slice(start, start + self._few) for start in range(0, len(i), self._few))
        found = [(self.u[i[part]].double() * self.v[j[part]].double()).sum(1).cpu() for part in parts]
        return np.asarray(torch.cat(found).numpy())

    def rounding(self, g: Tensor) -> Tensor:
        # A sum of r rounded products of rounded factors and of g, in any order: Higham (2002), section 3.1.
        unit = torch.finfo(self.u.dtype).eps / 2 * (self.u.shape[1] + 4)
        largest = torch.maximum(self.v.amax(0), -self.v.amin(0))
        parts = (self.u[start : start + self._few].abs() @ largest for start in range(0, len(self.u), self._few))
        return unit * (torch.cat(list(parts)).double() + g.abs().max())

    def pick(self, rows: slice | Tensor, columns: slice | Tensor) -> FactoredRows:
        return FactoredRows(self.u[rows], self.v[columns])

    def transposed(self) -> FactoredRows:
        return FactoredRows(self.v, self.u)


CostRows = DenseRows | FactoredRows
