"""Budgets as a continuum: the first examples of an ordering, few at 0 and all of them at 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import (
    IncompatibleError,
    Interval,
    InvalidInputError,
    LazyEndpoints,
    Point,
    PointLike,
    check_count,
)

from .ordering import Ordering
from .pools import size, take

__all__ = ["Subset", "SubsetPath", "admit_costs"]


@dataclass(frozen=True, eq=False)
class Subset:
    """Some examples of a pool, the best first.

    Attributes:
        indices: their positions in the pool, (k,).
        scores: those of the ordering, (k,).
        tokens: how many tokens they have; None if costs are not known.
    """

    indices: NDArray[np.int64]
    scores: NDArray[np.float64]
    tokens: int | None = None

    @property
    def examples(self) -> int:
        """How many they are."""
        return len(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False)
class SubsetPath:
    r"""The prefixes of an ordering: every subset is part of the larger ones, and its size is what was asked for.

    The budget at t is $B(t) = B_0 (B_1 / B_0)^t$, or $B_0 + t (B_1 - B_0)$, rounded half up, with all that was ordered
    as $B_1$. In examples the subset has exactly so many; in tokens it is the largest prefix that has not more. One
    ordering serves all budgets.

    Args:
        pool: what was ordered, anything with a length: a sequence, an array, a `LabelledDataset`.
        ordering: of it, from a selector; of part of it the path ends at that part.
        schedule: "log", for budgets that matter by their ratio, or "linear".
        unit: what the budget counts, "examples" or "tokens".
        k_min: the smallest budget, in its unit; None for the first example. 0, training on nothing, needs the linear
            schedule.
        costs: tokens of each example of the pool, (n,), whole numbers, counted as the examples will be used: after
            truncation.

    Raises:
        InvalidInputError: if an option is unknown, `k_min` is out of range, or costs are absent, negative or no whole
            numbers.
        IncompatibleError: if the ordering is of another pool, or prefixes of it are not what its selector would choose.

    Example:
        >>> path = SubsetPath("a b c d e f g h".split(), Ordering([3, 1, 0, 2, 7, 6, 5, 4], np.arange(8.0), n=8))
        >>> path.at(1 / 3).indices, path.items(1 / 3), path.at_budget(4)
        (array([3, 1]), ['d', 'b'], (0.6666666666666667,))
    """

    pool: Any
    ordering: Ordering
    schedule: Literal["log", "linear"] = "log"
    unit: Literal["examples", "tokens"] = "examples"
    k_min: int | None = None
    costs: Any = None

    def __post_init__(self) -> None:
        for name, known in (("schedule", ("log", "linear")), ("unit", ("examples", "tokens"))):
            if getattr(self, name) not in known:
                raise InvalidInputError(
                    f"`{name}` must be {' or '.join(map(repr, known))}, got {getattr(self, name)!r}."
                )
        self._check_ordering()
        object.__setattr__(self, "costs", admit_costs(self.costs, self.ordering.n, needed=self.unit == "tokens"))
        least = 1 if self.schedule == "log" else 0
        if self.k_min is not None:
            check_count("k_min", self.k_min, least=least, most=self._total)
        elif self._smallest < least:
            raise InvalidInputError("the first example has no tokens: choose `k_min` for the log schedule.")

    @property
    def domain(self) -> Interval:
        return Interval()

    def at(self, point: PointLike, /) -> Subset:
        """The subset of the budget at a point."""
        return self._first(self.count(point))

    @property
    def endpoints(self) -> Mapping[Point, Subset]:
        """The subset of the smallest budget at 0, and all that was ordered at 1."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def items(self, point: PointLike) -> Any:
        """The examples of the subset at a point, as a pool of the same kind."""
        return take(self.pool, self.at(point).indices)

    def budget(self, point: PointLike) -> int:
        """B(t), in the unit of the path."""
        (t,) = self.domain.point(point)
        low, high = self._smallest, self._total
        amount = low + t * (high - low) if self.schedule == "linear" else low * (high / low) ** t
        return math.floor(amount + 0.5)

    def count(self, point: PointLike) -> int:
        """Number k of examples at a point."""
        return int(np.searchsorted(self._spent, self.budget(point), side="right")) - 1

    def at_budget(self, budget: int) -> Point:
        """The point of a budget, in the unit of the path: its subset is the largest that is within it.

        Raises:
            InvalidInputError: if it is less than the smallest budget, or more than all that was ordered.
        """
        low, high = self._smallest, self._total
        check_count("budget", budget, least=0)
        if not low <= budget <= high:
            raise InvalidInputError(
                f"`budget` must be between {low} and {high} {self.unit}, got {budget}: the first is `k_min`, by "
                "default the first example, the last all that was ordered."
            )
        if low == high:
            return (1.0,)
        t = (
            (budget - low) / (high - low)
            if self.schedule == "linear"
            else math.log(budget / low) / math.log(high / low)
        )
        return self.domain.point(t)

    def t_for(self, k: int) -> float:
        """The coordinate at which the subset has k examples.

        Raises:
            InvalidInputError: if the path has no such subset.
        """
        check_count("k", k, least=0, most=len(self.ordering))
        (t,) = self.at_budget(int(self._spent[k]))
        return t

    @cached_property
    def _spent(self) -> NDArray[np.int64]:
        """What the first 0, 1, ... examples cost, in the unit of the path."""
        if self.unit == "examples":
            return np.arange(len(self.ordering) + 1)
        return np.concatenate([[0], np.cumsum(self.costs[self.ordering.indices])])

    @property
    def _smallest(self) -> int:
        return int(self._spent[1]) if self.k_min is None else int(self.k_min)

    @property
    def _total(self) -> int:
        return int(self._spent[-1])

    def _first(self, k: int) -> Subset:
        chosen = self.ordering.indices[:k].copy()
        tokens = None if self.costs is None else int(self.costs[chosen].sum())
        return Subset(chosen, self.ordering.scores[:k].copy(), tokens)

    def _check_ordering(self) -> None:
        if not isinstance(self.ordering, Ordering):
            raise InvalidInputError(f"`ordering` must be an Ordering, got {type(self.ordering).__name__}.")
        if size(self.pool) != self.ordering.n:
            raise IncompatibleError(f"`ordering` is of {self.ordering.n} examples, and the pool has {size(self.pool)}.")
        if not self.ordering.nested:
            raise IncompatibleError(
                "prefixes of this ordering are not what its selector would choose: order each budget."
            )
        if len(self.ordering) == 0:
            raise InvalidInputError("`ordering` must hold at least one example.")

    def __repr__(self) -> str:
        return (
            f"SubsetPath({self._smallest} to {self._total} {self.unit} of {self.ordering.n} examples, {self.schedule})"
        )


def admit_costs(costs: Any, n: int, *, needed: bool) -> NDArray[np.int64] | None:
    """Tokens of each of n examples as whole numbers; None if they are not given and not needed.

    Raises:
        InvalidInputError: if they are absent though needed, negative, no whole numbers, or all 0.
    """
    if costs is None:
        if needed:
            raise InvalidInputError("a budget in tokens needs `costs`, the tokens of each example.")
        return None
    found = np.asarray(costs)
    if found.dtype.kind not in "iu" or found.shape != (n,) or found.min() < 0 or not found.any():
        raise InvalidInputError(
            f"`costs` must be whole numbers of tokens, not negative, one for each of {n} examples, got {found.dtype} "
            f"of shape {found.shape}."
        )
    return found.astype(np.int64)
