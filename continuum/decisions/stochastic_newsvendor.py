"""How much to order where a forecast is a distribution of demand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError
from continuum.measures import admit_array

from .problem import Decisions, Parameters, admit_decisions, admit_parameters, check_paired
from .stock_costs import StockCosts

__all__ = ["StochasticNewsvendor"]

_TOLERANCE = 1e-6  # float32 probabilities of some hundred levels sum to 1 within this
_ROUNDING = 1e-13  # what rounding does to a slope that is 0, relative to its parts


@dataclass(frozen=True)
class StochasticNewsvendor:
    r"""Order before demand is known, by the probabilities of its levels.

    $\min_{z \ge 0} \sum_k y_k f(z; d_k)$ with levels d of demand, their probabilities y and the convex costs f of
    `StockCosts`: Donti et al. (2017), section 4.1. A demand that came true is the distribution that puts everything on
    its level. The slope of the objective rises with z and is linear between levels: z is where it reaches 0, found
    between the levels next to it. Where costs are linear, that is the least level d for which
    $P(\text{demand} \le d) \ge (b_0 - c_0) / (b_0 + h_0)$, the critical fractile.

    Args:
        levels: the demands that are possible, increasing and not negative.
        backorder: $(b_0, b_1)$, what each missing unit costs; a single number is $b_0$.
        holding: $(h_0, h_1)$, what each unit that is left over costs.
        order: $(c_0, c_1)$, what each unit costs.

    Raises:
        InvalidInputError: for levels that do not increase, and for costs that are negative or all 0.

    Example:
        >>> shop = StochasticNewsvendor(levels=(1, 2, 5, 10, 20), backorder=9, holding=3)
        >>> shop.solve([[0.2, 0.2, 0.2, 0.2, 0.2], [0.75, 0.25, 0.0, 0.0, 0.0]])  # fractile 0.75
        array([[10.],
               [ 1.]])
    """

    levels: tuple[float, ...]
    backorder: float | tuple[float, float]
    holding: float | tuple[float, float]
    order: float | tuple[float, float] = 0.0

    def __post_init__(self) -> None:
        levels = admit_array(self.levels, "levels", ndim=1).tolist()
        if levels[0] < 0 or any(low >= high for low, high in pairwise(levels)):
            raise InvalidInputError(f"`levels` must increase and not be negative, got {levels}.")
        object.__setattr__(self, "levels", tuple(levels))
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
        """One probability for each level."""
        return len(self.levels)

    @property
    def dim_z(self) -> int:
        """One order."""
        return 1

    @property
    def lipschitz(self) -> float:
        """How fast the cost of an order up to the last level can change with the probabilities."""
        # Costs at a level are convex in the order, and so is the length of all of them: largest at an end.
        return float(np.linalg.norm(self._table([[0.0], [self.levels[-1]]]), axis=1).max())

    def solve(self, y: Any, /) -> Decisions:
        """The best orders for distributions of demand, (n, 1); the least of those that are equally good.

        Raises:
            InvalidInputError: for NaN, another number of levels, and rows that are not distributions.
        """
        y = self._admit_distributions(y)
        stops = np.append(0.0, self.levels)
        # Not a matrix product, whose rounding depends on how many instances there are.
        above, below = (np.einsum("sk,nk->sn", self._slopes(stops, side), y) for side in ("above", "below"))
        last = (above >= -self._slack).argmax(0)  # there is one: above all levels nothing is missing
        first, everyone = np.maximum(last - 1, 0), np.arange(len(y))
        low, high = above[first, everyone], below[last, everyone]
        # From stop to stop the slope rises from below 0: it is 0 at this share of the way, or jumps over 0 at its end.
        share = np.divide(-low, high - low, out=np.ones_like(low), where=(high > 0) & (last > 0))
        return np.asarray((stops[first] + share * (stops[last] - stops[first]))[:, None])

    def objective(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every order under every distribution, f(z_i, y_j), (k, m)."""
        return self._table(z) @ self._admit_distributions(y).T

    def paired(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every order under its own distribution, f(z_i, y_i), (n,).

        Raises:
            IncompatibleError: if there are not as many orders as distributions.
        """
        table, y = self._table(z), self._admit_distributions(y)
        check_paired(table, y)
        return np.asarray(np.einsum("nd,nd->n", table, y))

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether no order is negative, (n,)."""
        return np.asarray((admit_decisions(self, z) >= 0).all(1))

    def _table(self, z: Any) -> NDArray[np.float64]:
        """What each order costs at each level."""
        return self.costs.of(admit_decisions(self, z), np.array(self.levels))

    def _slopes(self, stops: NDArray[np.float64], side: Literal["above", "below"]) -> NDArray[np.float64]:
        """Derivative by the order, just above or below each stop, of the cost at each level, (stops, levels)."""
        (c0, c1), (b0, b1), (h0, h1) = self.costs.order, self.costs.backorder, self.costs.holding
        spare = stops[:, None] - np.array(self.levels)
        is_short = spare < 0 if side == "above" else spare <= 0
        return np.asarray(c0 + c1 * stops[:, None] + np.where(is_short, b1 * spare - b0, h0 + h1 * spare))

    @property
    def _slack(self) -> float:
        linear, quadratic = np.sum([self.costs.order, self.costs.backorder, self.costs.holding], axis=0)
        return _ROUNDING * float(linear + quadratic * self.levels[-1])

    def _admit_distributions(self, y: Any) -> Parameters:
        y = admit_parameters(self, y)
        bad = np.flatnonzero((y < 0).any(1) | (np.abs(y.sum(1) - 1) > _TOLERANCE))
        if len(bad):
            raise InvalidInputError(
                f"`y` must hold probabilities of {len(self.levels)} levels that sum to 1, got {y[bad[0]]} in row "
                f"{bad[0]}; clip and normalise forecasts."
            )
        return np.asarray(y)
