"""Choose the k items of largest value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import check_count

from .linear import LinearObjective
from .problem import Decisions, admit_decisions, admit_parameters

__all__ = ["TopK"]


@dataclass(frozen=True)
class TopK(LinearObjective):
    r"""Choose k of some items so that the sum of their values is largest.

    $\max_z \langle z, y \rangle$ over $z \in \{0, 1\}^m$ with $\sum_i z_i = k$. Of equal values the one of the lowest
    index is chosen first. Shah et al. (2022).

    Args:
        items: how many there are, m.
        k: how many of them are chosen.

    Raises:
        InvalidInputError: if `k` is not between 1 and `items`.

    Example:
        >>> TopK(items=4, k=2).solve([[0.0, 2.0, 2.0, 2.0]])
        array([[0., 1., 1., 0.]])
    """

    items: int
    k: int = 1

    def __post_init__(self) -> None:
        check_count("items", self.items)
        check_count("k", self.k, most=self.items)

    @property
    def sense(self) -> Literal["max"]:
        """Values are maximised."""
        return "max"

    @property
    def dim_y(self) -> int:
        """One value for each item."""
        return self.items

    @property
    def dim_z(self) -> int:
        """One 0 or 1 for each item."""
        return self.items

    @property
    def lipschitz(self) -> float:
        """Length of a decision, which bounds how fast its value changes with the parameters."""
        return math.sqrt(self.k)

    def solve(self, y: Any, /) -> Decisions:
        """The chosen items of all instances, (n, items) of 0 and 1.

        Raises:
            InvalidInputError: for NaN or another number of items.
        """
        y = admit_parameters(self, y)
        if self.k == 1:
            z = np.zeros_like(y)
            z[np.arange(len(y)), y.argmax(1)] = 1.0
            return np.asarray(z)
        threshold = np.partition(y, self.items - self.k, axis=1)[:, [self.items - self.k]]
        above, level = y > threshold, y == threshold
        missing = self.k - above.sum(1, keepdims=True)
        return np.asarray(above | (level & (level.cumsum(1) <= missing)), np.float64)

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether each decision has k ones and zeros otherwise, (n,)."""
        z = admit_decisions(self, z)
        return np.asarray(((z == 0) | (z == 1)).all(1) & (z.sum(1) == self.k))
