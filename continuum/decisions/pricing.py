"""What a plan costs under another ground cost than the one that it is optimal for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from scipy.sparse import csr_array
from torch import Tensor

from continuum.measures import FactoredCost, GroundCost, WeightedSum

__all__ = ["mean_cost", "plan_cost", "row_costs"]

_PAIRS = 64  # pairs whose costs are read at a time, off the diagonal of a block of as many rows and columns
_ENTRIES = 2**22  # entries of a block of whole rows: 32 MiB
_CHUNK = 4096  # points whose factors are read at a time
_ROUNDING = 1e-12  # a mean below this share of its terms' is one of zeros


def plan_cost(cost: GroundCost, coupling: csr_array | Tensor) -> float:
    r"""$\langle c, \pi \rangle$."""
    return float(row_costs(cost, coupling).sum())


def row_costs(cost: GroundCost, coupling: csr_array | Tensor) -> Tensor:
    r"""$\sum_j \pi_{ij} c(i, j)$ of each source point, (n,); a sparse plan reads the pairs that have mass only."""
    if isinstance(coupling, Tensor):
        return torch.cat([(coupling[rows] * cost.block(rows, slice(None))).sum(1) for rows in _rows(cost.shape)])
    pairs = coupling.tocoo()
    rows, columns = (torch.as_tensor(places).long() for places in pairs.coords)
    paid = torch.as_tensor(pairs.data) * _pair_costs(cost, rows, columns)
    return paid.new_zeros(cost.shape[0]).index_add_(0, rows, paid)


def _pair_costs(cost: GroundCost, rows: Tensor, columns: Tensor) -> Tensor:
    parts = zip(torch.split(rows, _PAIRS), torch.split(columns, _PAIRS), strict=True)
    return torch.cat([cost.block(i, j).diagonal() for i, j in parts])


def mean_cost(cost: GroundCost, a: Any, b: Any) -> float:
    """Cost of the independent plan, at which masses (n,) and (m,) do not know of each other."""
    if isinstance(cost, WeightedSum):
        return sum(weight * mean_cost(part, a, b) for weight, part in cost.active)
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    if isinstance(cost, FactoredCost):
        return _factored_mean(cost, a, b)
    return sum(float(a[rows] @ cost.block(rows, slice(None)) @ b) for rows in _rows(cost.shape))


def _factored_mean(cost: FactoredCost, a: Tensor, b: Tensor) -> float:
    """A product of mean factors; 0 where it is no more than the rounding of its terms."""
    first = slice(0, 1)
    u, size_u = _mean_factor(a, lambda rows: cost.factors(rows, first, torch.float64)[0])
    v, size_v = _mean_factor(b, lambda columns: cost.factors(first, columns, torch.float64)[1])
    mean = float(u @ v)
    return mean if abs(mean) > _ROUNDING * float(size_u @ size_v) else 0.0


def _mean_factor(masses: Tensor, factor: Callable[[slice], Tensor]) -> tuple[Tensor, Tensor]:
    """The mean of a factor and that of its absolute value, (k,)."""
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(masses), _CHUNK)]
    found = [(masses[chunk], factor(chunk)) for chunk in chunks]
    means = [torch.stack([mass @ part, mass @ part.abs()]) for mass, part in found]
    mean, size = torch.stack(means).sum(0)
    return mean, size


def _rows(shape: tuple[int, int]) -> list[slice]:
    height = max(1, _ENTRIES // shape[1])
    return [slice(start, start + height) for start in range(0, shape[0], height)]
