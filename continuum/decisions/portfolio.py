"""How to spread a budget over assets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_positive

from .frontier import Frontier, admit_covariance
from .linear import LinearObjective
from .problem import Decisions, admit_decisions, admit_parameters

__all__ = ["Portfolio"]

_TOLERANCE = 1e-9  # to which budget and risk are kept


@dataclass(frozen=True, eq=False)
class Portfolio(LinearObjective):
    r"""Spread a budget over assets so that the return is largest and the risk is bounded.

    $\max_z \langle z, y \rangle$ over $z \ge 0$ with $\sum_i z_i = 1$ and $z^\top \Sigma z \le \gamma$: Elmachtoub and
    Grigas (2022), section 6.2, as in Tang and Khalil (2024), where $\gamma$ is 2.25 times the mean of $\Sigma$; the
    former leave part of the budget unspent if that is better. Solved exactly along the efficient frontier. Of
    portfolios that return the same the one of least risk is taken.

    Args:
        covariance: of the returns, (m, m), symmetric and positive definite.
        risk: the bound on the variance of the return, $\gamma$.

    Raises:
        InvalidInputError: for a covariance that is none, and if no portfolio keeps the bound.

    Example:
        >>> bounded = Portfolio(np.eye(2), risk=0.68)
        >>> bounded.solve([[2.0, 1.0], [1.0, 1.0]]).round(12)
        array([[0.8, 0.2],
               [0.5, 0.5]])
    """

    covariance: Any = field(repr=False)
    risk: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariance", admit_covariance(self.covariance))
        check_positive("risk", self.risk)
        least = self._frontier.least
        if self.risk < least * (1 - _TOLERANCE):
            raise InvalidInputError(
                f"no portfolio keeps `risk` = {self.risk:g}: the least variance of any is {least:g}; raise the bound."
            )

    @property
    def sense(self) -> Literal["max"]:
        """Returns are maximised."""
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
        return self._frontier.bounded(admit_parameters(self, y), self.risk)

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether each portfolio spends the budget and keeps the bound, (n,), to 1e-9."""
        z = admit_decisions(self, z)
        variance = np.einsum("nm,nm->n", z @ self.covariance, z)
        spends = np.abs(z.sum(1) - 1) <= _TOLERANCE
        return np.asarray(spends & (z >= -_TOLERANCE).all(1) & (variance <= self.risk * (1 + _TOLERANCE)))

    @cached_property
    def _frontier(self) -> Frontier:
        return Frontier(self.covariance)
