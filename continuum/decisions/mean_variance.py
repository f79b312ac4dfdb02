"""How to spread a budget over assets where risk has a price."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import check_positive

from .frontier import Frontier, admit_covariance
from .problem import Decisions, admit_decisions, admit_parameters, check_paired

__all__ = ["MeanVariance"]

_TOLERANCE = 1e-9  # to which the budget is kept


@dataclass(frozen=True, eq=False)
class MeanVariance:
    r"""Spread a budget over assets so that the return less the price of its risk is largest.

    $\max_z \langle z, y \rangle - \frac{\lambda}{2} z^\top \Sigma z$ over $z \ge 0$ with $\sum_i z_i = 1$: the problem
    of Markowitz (1952), solved exactly along the efficient frontier; its optimum is unique. Where risk is bounded
    rather than priced, take `Portfolio`.

    Args:
        covariance: of the returns, (m, m), symmetric and positive definite.
        aversion: the price of risk, $\lambda$.

    Raises:
        InvalidInputError: for a covariance that is none.

    Example:
        >>> averse = MeanVariance(np.eye(2), aversion=5.0)
        >>> averse.solve([[2.0, 1.0], [1.0, 1.0]]).round(12)
        array([[0.6, 0.4],
               [0.5, 0.5]])
    """

    covariance: Any = field(repr=False)
    aversion: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariance", admit_covariance(self.covariance))
        check_positive("aversion", self.aversion)

    @property
    def sense(self) -> Literal["max"]:
        """Returns less the price of risk are maximised."""
        return "max"

    @property
    def dim_y(self) -> int:
        """One return for each asset."""
        return len(self.covariance)

    @property
    def dim_z(self) -> int:
        """One share for each asset."""
        return len(self.covariance)

    @property
    def lipschitz(self) -> float:
        """Length of the longest decision, which bounds how fast its value changes with the parameters."""
        return 1.0

    def solve(self, y: Any, /) -> Decisions:
        """The best portfolios of all instances, (n, m).

        Raises:
            InvalidInputError: for NaN or another number of assets.
        """
        return self._frontier.averse(admit_parameters(self, y), self.aversion)

    def objective(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every portfolio at all returns, f(z_i, y_j), (k, m)."""
        z, y = admit_decisions(self, z), admit_parameters(self, y)
        return np.asarray(z @ y.T - self._price(z)[:, None])

    def paired(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every portfolio at its own returns, f(z_i, y_i), (n,).

        Raises:
            IncompatibleError: if there are not as many portfolios as instances.
        """
        z, y = admit_decisions(self, z), admit_parameters(self, y)
        check_paired(z, y)
        return np.asarray(np.einsum("nd,nd->n", z, y) - self._price(z))

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether each portfolio spends the budget, (n,), to 1e-9."""
        z = admit_decisions(self, z)
        return np.asarray((np.abs(z.sum(1) - 1) <= _TOLERANCE) & (z >= -_TOLERANCE).all(1))

    def _price(self, z: Decisions) -> NDArray[np.float64]:
        """What the risk of each portfolio costs, (n,)."""
        return np.asarray(self.aversion / 2 * np.einsum("nm,nm->n", z @ self.covariance, z))

    @cached_property
    def _frontier(self) -> Frontier:
        return Frontier(self.covariance)
