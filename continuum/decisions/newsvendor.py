"""How much to order of what is asked for in an amount that is not known yet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import check_count

from .problem import Decisions, admit_decisions, admit_parameters, check_paired
from .stock_costs import StockCosts

__all__ = ["Newsvendor"]


@dataclass(frozen=True)
class Newsvendor:
    r"""Order amounts of some goods before their demands are known.

    $\min_{z \ge 0} \sum_i f(z_i; y_i)$ with the convex costs f of `StockCosts` and demands y. A known demand is ordered
    in full, $z^*(y) = y$, unless units cost so much that it is better to be short:
    $z^*(y) = \min(\max((b_0 + b_1 y - c_0) / (b_1 + c_1), 0), y)$. Of equally good orders the least is taken; a
    negative prediction of demand orders nothing. Where a forecast is a distribution, take `StochasticNewsvendor`.

    Args:
        backorder: $(b_0, b_1)$, what each missing unit costs; a single number is $b_0$.
        holding: $(h_0, h_1)$, what each unit that is left over costs.
        order: $(c_0, c_1)$, what each unit costs.
        items: how many goods there are, which share these costs.

    Raises:
        InvalidInputError: for costs that are negative or all 0.

    Example:
        >>> shop = Newsvendor(backorder=9, holding=1)
        >>> shop.solve([[4.0], [7.0]])
        array([[4.],
               [7.]])
        >>> shop.objective([[4.0]], [[3.0], [4.0], [7.0]])  # 1 is left over, none, 3 are missing
        array([[ 1.,  0., 27.]])
    """

    backorder: float | tuple[float, float]
    holding: float | tuple[float, float]
    order: float | tuple[float, float] = 0.0
    items: int = 1

    def __post_init__(self) -> None:
        check_count("items", self.items)
        for name in ("backorder", "holding", "order"):
            object.__setattr__(self, name, getattr(self.costs, name))

    @cached_property
    def costs(self) -> StockCosts:
        """What an order costs at a demand."""
        return StockCosts(self.order, self.backorder, self.holding)

    @property
    def sense(self) -> Literal["min"]:
        """Costs are minimised."""
        return "min"

    @property
    def dim_y(self) -> int:
        """One demand for each good."""
        return self.items

    @property
    def dim_z(self) -> int:
        """One order for each good."""
        return self.items

    @property
    def lipschitz(self) -> float:
        """How fast the cost of any order can change with demands; infinite if part of it is quadratic."""
        (b0, b1), (h0, h1) = self.costs.backorder, self.costs.holding
        return math.inf if b1 or h1 else math.sqrt(self.items) * max(b0, h0)

    def solve(self, y: Any, /) -> Decisions:
        """The best orders for demands that are known, (n, items).

        Raises:
            InvalidInputError: for NaN or another number of goods.
        """
        demand = np.maximum(admit_parameters(self, y), 0.0)
        (c0, c1), (b0, b1) = self.costs.order, self.costs.backorder
        if b1 + c1 == 0:
            return np.asarray(demand if b0 > c0 else np.zeros_like(demand))
        return np.asarray(np.clip((b0 - c0 + b1 * demand) / (b1 + c1), 0.0, demand))

    def objective(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every order at every demand, f(z_i, y_j), (k, m)."""
        z, y = admit_decisions(self, z), admit_parameters(self, y)
        total = self.costs.of(z[:, :1], y[:, 0])
        for item in range(1, self.items):
            total += self.costs.of(z[:, item : item + 1], y[:, item])
        return total

    def paired(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every order at its own demand, f(z_i, y_i), (n,).

        Raises:
            IncompatibleError: if there are not as many orders as demands.
        """
        z, y = admit_decisions(self, z), admit_parameters(self, y)
        check_paired(z, y)
        return np.asarray(self.costs.of(z, y).sum(1))

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether no amount is negative, (n,)."""
        return np.asarray((admit_decisions(self, z) >= 0).all(1))
