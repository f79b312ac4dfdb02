"""Ground costs: what it costs to move a unit of mass from a source point to a target point.

A cost is known by its shape and by how to evaluate one block of it, so that a solver may never need the whole matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .admission import Admitted, admit_array

__all__ = ["GroundCost", "SquaredEuclidean", "TableCost", "WeightedSum", "matrix"]

# Multiplications up to which differences are formed one by one: equal points then cost exactly 0.
_DIRECT = 10**7


@runtime_checkable
class GroundCost(Protocol):
    """A cost c(i, j) >= 0 between source points i < n and target points j < m."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        ...

    def block(self, rows: slice, columns: slice) -> Float[Tensor, "r c"]:
        """The entries of these rows and columns."""
        ...


def matrix(cost: GroundCost) -> Float[Tensor, "n m"]:
    """The whole cost matrix."""
    return cost.block(slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class SquaredEuclidean:
    r"""$c(i, j) = \|x_i - y_j\|^2$ (not halved).

    Points are centred at their common mean first: far from the origin the expanded square
    $\|x\|^2 + \|y\|^2 - 2 x \cdot y$ would lose all digits.

    Args:
        x: source points, (n, d).
        y: target points, (m, d).
    """

    x: Admitted
    y: Admitted

    def __post_init__(self) -> None:
        x, y = admit_array(self.x, "x", ndim=2), admit_array(self.y, "y", ndim=2)
        if x.shape[1] != y.shape[1]:
            raise IncompatibleError(
                f"`x` has {x.shape[1]} features and `y` has {y.shape[1]}; resize or embed both into one space first."
            )
        centre = (x.mean(0) + y.mean(0)) / 2
        object.__setattr__(self, "x", x - centre)
        object.__setattr__(self, "y", y - centre)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x), len(self.y)

    def block(self, rows: slice, columns: slice) -> Float[Tensor, "r c"]:
        x, y = self.x[rows], self.y[columns]
        if len(x) * len(y) * x.shape[1] <= _DIRECT:
            return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square_()
        squares = torch.addmm((y * y).sum(1), x, y.T, alpha=-2)
        return squares.add_((x * x).sum(1, keepdim=True)).clamp_(min=0)


@dataclass(frozen=True, eq=False)
class TableCost:
    """c(i, j) = table[row_i, column_j]: a cost between classes, looked up for their members.

    Args:
        table: cost between source class and target class, (k, l).
        rows: class of each source point, (n,).
        columns: class of each target point, (m,).
    """

    table: Float[Tensor, "k l"]
    rows: Int[Tensor, " n"]
    columns: Int[Tensor, " m"]

    def __post_init__(self) -> None:
        for name, places, size in zip(("rows", "columns"), (self.rows, self.columns), self.table.shape, strict=True):
            if len(places) and not 0 <= int(places.min()) <= int(places.max()) < size:
                raise InvalidInputError(
                    f"`{name}` must lie between 0 and {size - 1}, got {int(places.min())} to {int(places.max())}."
                )

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.columns)

    def block(self, rows: slice, columns: slice) -> Float[Tensor, "r c"]:
        return self.table[self.rows[rows]][:, self.columns[columns]]


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """c = sum_k weight_k c_k, such as features plus labels plus decisions; a part of weight 0 is never evaluated.

    Args:
        parts: pairs (weight, cost); weights are finite and not negative, costs have one shape.
    """

    parts: tuple[tuple[float, GroundCost], ...]

    def __post_init__(self) -> None:
        for weight, _ in self.parts:
            if not 0 <= weight < float("inf"):
                raise InvalidInputError(f"the weight of a cost must be finite and not negative, got {weight}.")
        if len({cost.shape for _, cost in self.parts}) != 1:
            raise IncompatibleError(f"costs must have one shape, got {[cost.shape for _, cost in self.parts]}.")

    @property
    def shape(self) -> tuple[int, int]:
        return self.parts[0][1].shape

    def block(self, rows: slice, columns: slice) -> Float[Tensor, "r c"]:
        kept = [(weight, cost) for weight, cost in self.parts if weight > 0] or [(0.0, self.parts[0][1])]
        (weight, cost), *rest = kept
        total = cost.block(rows, columns) * weight
        for weight, cost in rest:
            total.add_(cost.block(rows, columns), alpha=weight)
        return total
