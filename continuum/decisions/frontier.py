"""The efficient frontier of a covariance: portfolios that no other one beats in both return and risk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError
from continuum.measures import admit_array

from .critical_lines import held_assets, portfolios

__all__ = ["Frontier", "admit_covariance"]

_CHUNK = 2**17  # entries of the tableaux that are worked on together
_ASYMMETRY = 1e-9  # what rounding leaves of a symmetric matrix, relative
_SINGULAR = 1e-10  # share of the largest eigenvalue below which pivots hold nothing but rounding


@dataclass(frozen=True, eq=False)
class Frontier:
    """Efficient portfolios over the simplex, from least risk to largest return.

    Args:
        covariance: positive definite, (m, m).
    """

    covariance: NDArray[np.float64]

    @cached_property
    def least(self) -> float:
        """The least variance that a portfolio has."""
        calm = self.covariance[np.ix_(self._calm, self._calm)]
        return float(1 / np.linalg.solve(calm, np.ones(len(calm))).sum())

    def bounded(self, y: NDArray[np.float64], risk: float) -> NDArray[np.float64]:
        """The portfolios of largest return and at most this variance, (n, m)."""
        return self._follow(y, until=math.inf, risk=risk)

    def averse(self, y: NDArray[np.float64], aversion: float) -> NDArray[np.float64]:
        r"""The portfolios of largest $\langle z, y \rangle - \frac{\lambda}{2} z^\top \Sigma z$, (n, m)."""
        return self._follow(y / aversion, until=1.0, risk=math.inf)

    def _follow(self, y: NDArray[np.float64], *, until: float, risk: float) -> NDArray[np.float64]:
        size = float(self.covariance.diagonal().mean())
        gains = (y - y.min(1, keepdims=True)) / size  # what all assets return alike decides nothing
        chunk = max(1, _CHUNK // (len(self.covariance) + 1) ** 2)
        scaled, found = self.covariance / size, []
        for start in range(0, len(y), chunk):
            slope = gains[start : start + chunk]
            line = np.zeros_like(slope), slope
            held = held_assets(scaled, self._calm, *line, until=until, risk=risk / size)
            found.append(portfolios(scaled, held, *line, until=until, risk=risk / size))
        z = np.maximum(np.concatenate(found), 0.0)
        return np.asarray(z / z.sum(1, keepdims=True))

    @cached_property
    def _calm(self) -> NDArray[np.bool_]:
        """The assets of the portfolio of least risk: from returns by which the calmest asset alone is best, to none."""
        scaled = self.covariance / self.covariance.diagonal().mean()
        calmest = int(scaled.diagonal().argmin())
        held = np.arange(len(scaled)) == calmest
        start = (scaled[calmest] - ~held)[None]
        return np.asarray(held_assets(scaled, held, start, -start)[0])


def admit_covariance(covariance: Any) -> NDArray[np.float64]:
    """`covariance` as a symmetric positive definite matrix.

    Raises:
        InvalidInputError: if it is none.
    """
    matrix = np.asarray(admit_array(covariance, "covariance", ndim=2).cpu().numpy())
    if matrix.shape[0] != matrix.shape[1]:
        raise InvalidInputError(f"`covariance` must be square, got shape {matrix.shape}.")
    if np.abs(matrix - matrix.T).max() > _ASYMMETRY * np.abs(matrix).max():
        raise InvalidInputError("`covariance` must be symmetric; take (c + c.T) / 2 if it nearly is.")
    symmetric = (matrix + matrix.T) / 2
    least, largest = np.linalg.eigvalsh(symmetric)[[0, -1]]
    if least <= _SINGULAR * largest:
        raise InvalidInputError(
            f"`covariance` must be positive definite, its eigenvalues lie between {least:.3g} and {largest:.3g}; add "
            f"a multiple of the identity, such as {1e-6 * abs(largest):.0e}."
        )
    return np.asarray(symmetric)
