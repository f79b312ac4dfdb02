"""Fill a knapsack with the items of largest value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError
from continuum.measures import admit_array, check_memory

from .linear import LinearObjective
from .problem import Decisions, Parameters, admit_decisions, admit_parameters

__all__ = ["Knapsack"]

_CHUNK = 2**16  # entries of the table that are worked on together: they stay in the processor's cache
_SLACK = 1e-13  # what rounding does to equal sums of values, relative


@dataclass(frozen=True)
class Knapsack(LinearObjective):
    r"""Choose items whose weights fit and whose sum of values is largest.

    $\max_z \langle z, y \rangle$ over $z \in \{0, 1\}^m$ with $W z \le C$; one row of W for each thing that is scarce.
    Solved exactly by dynamic programming over what is left of C, for which weights are whole numbers: multiply decimal
    ones, as 3.25 by 100. Common factors are divided out. Values may be negative; such items stay out, as do those
    without a value. Of equally good choices, up to rounding, the one with the items of the lowest indices is taken.

    Args:
        weights: whole numbers of at least 0, (m,), or (d, m) for d capacities. The table grows with the product of
            these.
        capacity: a whole number of at least 0, or d of them.

    Raises:
        InvalidInputError: for weights or capacities that are negative, not whole, or do not match.
        ResourceError: when solving, if the table does not fit into memory.

    Example:
        >>> bag = Knapsack(weights=[3, 4, 5], capacity=8)
        >>> bag.solve([[4.0, 5.0, 6.0], [1.0, 9.0, 1.0]])
        array([[1., 0., 1.],
               [1., 1., 0.]])
    """

    weights: Any
    capacity: Any

    def __post_init__(self) -> None:
        weights, capacity = (_admit_whole(getattr(self, name), name) for name in ("weights", "capacity"))
        weights = np.atleast_2d(weights)
        if weights.ndim != 2 or capacity.ndim > 1 or capacity.size != len(weights):
            raise InvalidInputError(
                f"`weights` must be (m,) with one `capacity`, or (d, m) with d of them, got shapes {weights.shape} and "
                f"{capacity.shape}."
            )
        # Tuples, so that two problems can be compared.
        object.__setattr__(self, "weights", tuple(tuple(row) for row in weights.tolist()))
        object.__setattr__(self, "capacity", tuple(capacity.ravel().tolist()))

    @property
    def sense(self) -> Literal["max"]:
        """Values are maximised."""
        return "max"

    @property
    def dim_y(self) -> int:
        """One value for each item."""
        return len(self.weights[0])

    @property
    def dim_z(self) -> int:
        """One 0 or 1 for each item."""
        return self.dim_y

    @property
    def lipschitz(self) -> float:
        """Length of the longest decision, which bounds how fast its value changes with the parameters."""
        scarce = zip(self.weights, self.capacity, strict=True)
        most = [np.searchsorted(np.cumsum(sorted(row)), capacity, "right") for row, capacity in scarce]
        return math.sqrt(min(most))

    def solve(self, y: Any, /) -> Decisions:
        """The chosen items of all instances, (n, m) of 0 and 1.

        Raises:
            InvalidInputError: for NaN or another number of items.
            ResourceError: if the table does not fit into memory.
        """
        y = admit_parameters(self, y)
        states = math.prod(self._table[1])
        check_memory(states * (self.dim_y + 32), "the table of the knapsack", "count weights in larger units")
        chunk = max(1, _CHUNK // states)
        return np.concatenate([self._solve(y[start : start + chunk]) for start in range(0, len(y), chunk)])

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether each decision is made of zeros and ones, and fits, (n,)."""
        z = admit_decisions(self, z)
        fits = (z @ np.array(self.weights, np.float64).T <= np.array(self.capacity)).all(1)
        return np.asarray(((z == 0) | (z == 1)).all(1) & fits)

    def _solve(self, y: Parameters) -> Decisions:
        weights, shape = self._table
        slack = _SLACK * np.maximum(y, 0).sum(1).reshape(-1, *[1] * len(shape))
        gains = np.where(y > 0, y, -np.inf).reshape(*y.shape, *[1] * len(shape))
        best = np.zeros((len(y), *shape))  # of the items from here on, by what is left of the capacities
        takes = np.zeros((self.dim_y, len(y), *shape), bool)
        for item in reversed(range(self.dim_y)):
            needed = weights[:, item]
            if (needed >= shape).any():
                continue
            enough = (slice(None), *(slice(int(w), None) for w in needed))
            after = (slice(None), *(slice(None, size - int(w)) for size, w in zip(shape, needed, strict=True)))
            taken, left = best[after] + gains[:, item], best[enough]
            np.greater_equal(taken, left - slack, out=takes[item][enough])
            np.maximum(taken, left, out=left)
        return _follow(takes.reshape(*takes.shape[:2], -1), weights, shape)

    @cached_property
    def _table(self) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Weights (d, m) without common factors, and how many states each capacity has."""
        weights, capacity = np.array(self.weights, np.int64), np.array(self.capacity, np.int64)
        factors = np.maximum(np.gcd.reduce(weights, axis=1), 1)
        weights //= factors[:, None]
        states = np.minimum(capacity // factors, weights.sum(1)) + 1
        return weights, tuple(states.tolist())


def _follow(takes: NDArray[np.bool_], weights: NDArray[np.int64], shape: tuple[int, ...]) -> Decisions:
    """The items that are taken from a full table on, given which each state takes, (m, n, states)."""
    items, n, states = takes.shape
    strides = np.append(np.cumprod(shape[::-1])[:-1][::-1], 1)
    steps = strides @ weights
    state, everyone = np.full(n, states - 1), np.arange(n)
    z = np.empty((n, items))
    for item in range(items):
        taken = takes[item, everyone, state]
        z[:, item] = taken
        state -= steps[item] * taken
    return z


def _admit_whole(value: Any, name: str) -> NDArray[np.int64]:
    numbers = admit_array(value, name).cpu().numpy()
    bad = (numbers < 0) | (numbers != np.floor(numbers)) | (numbers > 2**53)
    if bad.any():
        raise InvalidInputError(
            f"`{name}` must be whole numbers of at least 0, got {numbers[bad][0]:g}; multiply weights and capacity by "
            "what makes them whole, such as 100."
        )
    return numbers.astype(np.int64)
