"""Ground costs: what it costs to move a unit of mass from a source point to a target point.

A cost is known by its shape and by how to evaluate one block of it, so that a solver may never need the whole matrix.
Those below are also inner products, $c(i, j) = \\langle u_i, v_j \\rangle$: any block of any sum of them is then one
matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, check_weight

from .admission import Admitted, admit_array, check_spread

__all__ = [
    "BoundedCost",
    "Euclidean",
    "FactoredCost",
    "GroundCost",
    "Places",
    "PointCost",
    "SquaredEuclidean",
    "TableCost",
    "WeightedSum",
    "least_cost",
    "matrix",
]

Places = slice | Tensor  # some points of a side: a slice, or their indices

# Multiplications up to which differences are formed one by one: equal points then cost exactly 0.
_DIRECT = 10**7
_CHUNK = 4096  # points that are widened at a time


@runtime_checkable
class GroundCost(Protocol):
    """A cost c(i, j) >= 0 between source points i < n and target points j < m."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        ...

    def block(self, rows: Places, columns: Places) -> Float[Tensor, "r c"]:
        """The entries of these rows and columns."""
        ...


@runtime_checkable
class FactoredCost(GroundCost, Protocol):
    r"""A cost that is an inner product, $c(i, j) = \langle u_i, v_j \rangle$."""

    def factors(
        self, rows: Places, columns: Places, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "r k"], Float[Tensor, "c k"]]:
        """u of these rows and v of these columns."""
        ...


@runtime_checkable
class PointCost(GroundCost, Protocol):
    r"""A cost that is a squared distance of points, $c(i, j) = \|z_i - z'_j\|^2$."""

    def points(self) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
        """z and z'."""
        ...


@runtime_checkable
class BoundedCost(GroundCost, Protocol):
    """A cost of which it is known what no pair costs less than."""

    @property
    def least(self) -> float:
        """The bound; 0 for a distance."""
        ...


def matrix(cost: GroundCost) -> Float[Tensor, "n m"]:
    """The whole cost matrix."""
    return cost.block(slice(None), slice(None))


def least_cost(cost: GroundCost) -> float:
    """What no pair costs less than, as far as it is known without looking at all of them; no plan does either."""
    if isinstance(cost, WeightedSum):
        return sum(weight * least_cost(part) for weight, part in cost.active)
    if isinstance(cost, TableCost):
        return float(cost.table.min())
    return cost.least if isinstance(cost, BoundedCost) else -math.inf


@dataclass(frozen=True, eq=False)
class SquaredEuclidean:
    r"""$c(i, j) = \|x_i - y_j\|^2$ (not halved).

    Points are centred at their common mean first: far from the origin the expanded square
    $\|x\|^2 + \|y\|^2 - 2 x \cdot y$ would lose all digits.

    Args:
        x: source points, (n, d); float32 is kept as it is, and widened a block at a time.
        y: target points, (m, d).

    Raises:
        IncompatibleError: if the numbers of features differ.
        InvalidInputError: for NaN, infinite or empty input, and for points that differ by less than 1e-150, though
            not equal: squares would underflow.
    """

    x: Admitted
    y: Admitted
    least: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        x, y = (admit_array(points, name, ndim=2, keep=True) for points, name in ((self.x, "x"), (self.y, "y")))
        if x.shape[1] != y.shape[1]:
            raise IncompatibleError(
                f"`x` has {x.shape[1]} features and `y` has {y.shape[1]}; resize or embed both into one space first."
            )
        check_spread(x, y)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x), len(self.y)

    def block(self, rows: Places, columns: Places) -> Float[Tensor, "r c"]:
        x, y = self.x[rows] - self._centre, self.y[columns] - self._centre
        if len(x) * len(y) * x.shape[1] <= _DIRECT:
            return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square_()
        squares = torch.addmm((y * y).sum(1), x, y.T, alpha=-2)
        return squares.add_((x * x).sum(1, keepdim=True)).clamp_(min=0)

    def factors(
        self, rows: Places, columns: Places, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "r k"], Float[Tensor, "c k"]]:
        d = self.x.shape[1]
        x, y = self.x[rows], self.y[columns]
        u, v = (torch.ones(len(points), d + 2, dtype=dtype, device=points.device) for points in (x, y))
        for points, factor, squares, sign in ((x, u, d, -2), (y, v, d + 1, 1)):
            for start in range(0, len(points), _CHUNK):  # in float64, but never all of them
                part = slice(start, start + _CHUNK)
                moved = points[part] - self._centre
                factor[part, :d] = sign * moved
                factor[part, squares] = moved.square().sum(1)
        return u, v

    def points(self) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
        return self.x, self.y

    @cached_property
    def _centre(self) -> Tensor:
        sides: tuple[Tensor, Tensor] = self.x, self.y
        return torch.stack([points.mean(0, dtype=torch.float64) for points in sides]).mean(0)


@dataclass(frozen=True, eq=False)
class Euclidean:
    r"""$c(i, j) = \|x_i - y_j\|$: the distance itself. It has no factors, so it is solved in memory.

    The root of `SquaredEuclidean`, with its arguments and errors. Where that is one product of matrices, for large
    clouds, equal points cost up to 1e-8 of the spread and not 0.
    """

    x: Admitted
    y: Admitted
    least: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        x, y = self._squared.points()
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    @property
    def shape(self) -> tuple[int, int]:
        return self._squared.shape

    def block(self, rows: Places, columns: Places) -> Float[Tensor, "r c"]:
        return self._squared.block(rows, columns).sqrt_()

    @cached_property
    def _squared(self) -> SquaredEuclidean:
        return SquaredEuclidean(self.x, self.y)


@dataclass(frozen=True, eq=False)
class TableCost:
    """c(i, j) = table[row_i, column_j]: a cost between classes, looked up for their members.

    Args:
        table: cost between source class and target class, (k, l), finite.
        rows: class of each source point, (n,).
        columns: class of each target point, (m,).
    """

    table: Admitted
    rows: Admitted
    columns: Admitted

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", admit_array(self.table, "table", ndim=2))
        for name in ("rows", "columns"):
            places = torch.as_tensor(getattr(self, name), device=self.table.device)
            if places.ndim != 1 or places.is_floating_point() or places.is_complex() or places.dtype == torch.bool:
                raise InvalidInputError(
                    f"`{name}` must be class numbers (n,), got {places.dtype} of shape {tuple(places.shape)}."
                )
            object.__setattr__(self, name, places)
        for name, places, size in zip(("rows", "columns"), (self.rows, self.columns), self.table.shape, strict=True):
            if len(places) and not 0 <= int(places.min()) <= int(places.max()) < size:
                raise InvalidInputError(
                    f"`{name}` must lie between 0 and {size - 1}, got {int(places.min())} to {int(places.max())}."
                )

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.columns)

    def block(self, rows: Places, columns: Places) -> Float[Tensor, "r c"]:
        block: Tensor = self.table[self.rows[rows]][:, self.columns[columns]]
        return block

    def factors(
        self, rows: Places, columns: Places, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "r k"], Float[Tensor, "c k"]]:
        one_hot = torch.nn.functional.one_hot(self.columns[columns].long(), self.table.shape[1])
        return self.table[self.rows[rows]].to(dtype), one_hot.to(dtype)


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """c = sum_k weight_k c_k, such as features plus labels plus decisions; a part of weight 0 is never evaluated.

    Args:
        parts: pairs (weight, cost); weights are finite and not negative, costs have one shape.
    """

    parts: tuple[tuple[float, GroundCost], ...]

    def __post_init__(self) -> None:
        for weight, _ in self.parts:
            check_weight("weight of a cost", weight)
        if len({cost.shape for _, cost in self.parts}) != 1:
            raise IncompatibleError(f"costs must have one shape, got {[cost.shape for _, cost in self.parts]}.")

    @property
    def shape(self) -> tuple[int, int]:
        return self.parts[0][1].shape

    @property
    def active(self) -> tuple[tuple[float, GroundCost], ...]:
        """The parts that count; one of weight 0 if none does."""
        return tuple(part for part in self.parts if part[0] > 0) or ((0.0, self.parts[0][1]),)

    def block(self, rows: Places, columns: Places) -> Float[Tensor, "r c"]:
        (weight, cost), *rest = self.active
        total = cost.block(rows, columns)
        if weight != 1:
            total.mul_(weight)
        for weight, cost in rest:
            if isinstance(cost, TableCost):  # a product of factors is added in one go, without a matrix of its own
                u, v = cost.factors(rows, columns, total.dtype)
                total.addmm_(u, v.T, alpha=weight)
            else:
                total.add_(cost.block(rows, columns), alpha=weight)
        return total

    def factors(
        self, rows: Places, columns: Places, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "r k"], Float[Tensor, "c k"]]:
        found = []
        for weight, cost in self.active:
            if not isinstance(cost, FactoredCost):
                raise IncompatibleError(f"{type(cost).__name__} has no `factors`; use Exact() or Sinkhorn(epsilon).")
            u, v = cost.factors(rows, columns, dtype)
            found.append((u.mul_(weight) if weight != 1 else u, v))
        us, vs = zip(*found, strict=True)
        return (us[0], vs[0]) if len(found) == 1 else (torch.cat(us, 1), torch.cat(vs, 1))

    def points(self) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
        """Those of the parts side by side, in float32 if one of them is."""
        found = []
        for weight, cost in self.active:
            if not isinstance(cost, PointCost):
                raise IncompatibleError(f"{type(cost).__name__} has no `points`; use Exact() or Sinkhorn(epsilon).")
            found.append((weight**0.5, *cost.points()))
        narrow = any(side.dtype == torch.float32 for _, *sides in found for side in sides)
        dtype = torch.float32 if narrow else torch.float64
        z, w = (torch.cat([root * part[k].to(dtype) for root, *part in found], 1) for k in (0, 1))
        return z, w
