"""What stock costs: ordering it, having too little of it, and having too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_weight

__all__ = ["StockCosts"]


@dataclass(frozen=True)
class StockCosts:
    r"""Convex costs of an order z where d is asked for; each part is linear and quadratic in a quantity.

    $$f(z; d) = c_0 z + \frac{c_1}{2} z^2 + b_0 (d - z)_+ + \frac{b_1}{2} (d - z)_+^2 + h_0 (z - d)_+
    + \frac{h_1}{2} (z - d)_+^2$$

    Donti et al. (2017), section 4.1, whose constants are order (10, 2), backorder (30, 14) and holding (10, 2).

    Args:
        order: $(c_0, c_1)$, what each unit costs; a single number is $c_0$.
        backorder: $(b_0, b_1)$, what each missing unit costs.
        holding: $(h_0, h_1)$, what each unit that is left over costs.

    Raises:
        InvalidInputError: for coefficients that are negative, and if nothing costs anything.

    Example:
        >>> donti = StockCosts(order=(10, 2), backorder=(30, 14), holding=(10, 2))
        >>> donti.of(np.array([0.0, 2.0, 3.0]), 2.0)
        array([88., 24., 50.])
    """

    order: Any
    backorder: Any
    holding: Any

    def __post_init__(self) -> None:
        for name in ("order", "backorder", "holding"):
            object.__setattr__(self, name, _admit_pair(name, getattr(self, name)))
        if not any(self.order + self.backorder + self.holding):
            raise InvalidInputError("all costs of stock are 0, so that every order is optimal; give one of them.")

    def of(self, order: NDArray[np.float64], demand: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """The cost of orders at demands, with broadcasting."""
        missing, spare = np.maximum(demand - order, 0), np.maximum(order - demand, 0)
        parts = ((self.order, order), (self.backorder, missing), (self.holding, spare))
        return np.asarray(sum((linear + quadratic / 2 * amount) * amount for (linear, quadratic), amount in parts))


def _admit_pair(name: str, costs: Any) -> tuple[float, float]:
    pair = tuple(costs) if isinstance(costs, Sequence) and not isinstance(costs, str) else (costs, 0.0)
    if len(pair) != 2:
        raise InvalidInputError(f"`{name}` must be a number, or two: linear and quadratic, got {costs!r}.")
    for number in pair:
        check_weight(name, number)
    return float(pair[0]), float(pair[1])
