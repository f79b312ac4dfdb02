"""Metrics: named numbers of a value, which know whether more is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidInputError
from .leaves import as_array

__all__ = ["Goal", "Metric", "PerItem", "metric"]

Goal = Literal["max", "min"] | None


@dataclass(frozen=True, eq=False)
class PerItem:
    """What a metric found on each item of a list, such as the examples of a test set. The metric is their mean.

    A metric that returns this instead of a number is averaged over items where it would be a number anyway; what is
    known of single items serves for intervals, for churn and for curves of single examples. Items must be the same and
    in the same order wherever they are to be compared.

    Args:
        values: one number for each item, (n,).
        decisions: what was decided on each item, such as the predicted class, as whole numbers (n,); None if there are
            no decisions apart from the values.

    Raises:
        InvalidInputError: if `values` is no vector of real numbers, or `decisions` is none of as many whole numbers.

    Example:
        >>> predicted, y = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
        >>> float(PerItem(predicted == y, decisions=predicted))
        0.75
    """

    values: NDArray[np.float64]
    decisions: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        values = as_array(self.values)
        if values.ndim != 1 or not len(values) or values.dtype.kind not in "biuf":
            raise InvalidInputError(
                f"`values` must be a vector of real numbers, one for each item, got shape {values.shape} of "
                f"{values.dtype}."
            )
        object.__setattr__(self, "values", values.astype(np.float64))
        if self.decisions is not None:
            decisions = as_array(self.decisions)
            if decisions.shape != values.shape or decisions.dtype.kind not in "biu":
                raise InvalidInputError(
                    f"`decisions` must be {len(values)} whole numbers, one for each item, got shape {decisions.shape} "
                    f"of {decisions.dtype}."
                )
            object.__setattr__(self, "decisions", decisions.astype(np.int64))

    @classmethod
    def weighted(cls, values: Any, masses: Any, decisions: Any = None) -> PerItem:
        """Items of unlike masses, each with its share of the weighted mean, `n * mass * value`.

        Of equal masses the values are what they are.

        Args:
            values: one number for each item, (n,).
            masses: of the items, (n,); they sum to 1.
            decisions: as in the class.

        Example:
            >>> PerItem.weighted([1.0, 0.0], [0.75, 0.25]).values.tolist()
            [1.5, 0.0]
        """
        values, masses = as_array(values), as_array(masses)
        alike = bool((masses == masses[0]).all())  # n * (1 / n) may not be 1
        return cls(values if alike else len(masses) * masses * values, decisions)

    def __float__(self) -> float:
        return float(self.values.mean())


@dataclass(frozen=True)
class Metric:
    """A number to compute on each value of a path.

    Args:
        name: how tables and the store call it.
        fn: `fn(value) -> number`, or `fn(value, rng) -> number` if `stochastic`; a `PerItem` is a number too.
        goal: "max" or "min" if larger or smaller is better; None if neither.
        stochastic: whether it draws random numbers. If so it is called once for each seed with a generator that
            depends on the seed and the name only, so that all points and paths see the same draws (common random
            numbers) and their differences are paired.
        unit: unit of the number, for the axes of plots.
        version: raise it when the meaning of the number changes; stored results of other versions are not reused.

    Example:
        >>> Metric("size", len, goal="min")("abc")
        3.0
    """

    name: str
    fn: Callable[..., Any]
    goal: Goal = None
    stochastic: bool = False
    unit: str = ""
    version: str = "1"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidInputError(f"a metric needs a non-empty name, got {self.name!r}.")
        if not callable(self.fn):
            raise InvalidInputError(f"`fn` of metric {self.name!r} must be callable, got {self.fn!r}.")
        if self.goal not in ("max", "min", None):
            raise InvalidInputError(f"`goal` of metric {self.name!r} must be 'max', 'min' or None, got {self.goal!r}.")

    def __call__(self, value: Any, rng: np.random.Generator | None = None) -> float:
        """The number for `value`.

        Raises:
            InvalidInputError: if a stochastic metric gets no generator, or the result is not one real number.
        """
        return float(self.measure(value, rng))

    def measure(self, value: Any, rng: np.random.Generator | None = None) -> float | PerItem:
        """The number for `value`, with what it is the mean of if the metric tells.

        Raises:
            InvalidInputError: as for a call.
        """
        if self.stochastic and rng is None:
            raise InvalidInputError(f"metric {self.name!r} is stochastic: pass `rng`, such as `rng_for(0)`.")
        number = self.fn(value, rng) if self.stochastic else self.fn(value)
        if isinstance(number, PerItem):
            return number
        try:
            array = as_array(number)
            if array.dtype.kind in "biufO":  # object: integers of any size, fractions, decimals
                return float(array.item())
        except (TypeError, ValueError, OverflowError):
            pass
        raise InvalidInputError(
            f"metric {self.name!r} must return one real number, got {type(number).__name__}: {number!r:.80}."
        )


@overload
def metric(fn: Callable[..., Any], /) -> Metric: ...
@overload
def metric(
    *, name: str = ..., goal: Goal = ..., stochastic: bool = ..., unit: str = ..., version: str = ...
) -> Callable[[Callable[..., Any]], Metric]: ...
def metric(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    goal: Goal = None,
    stochastic: bool = False,
    unit: str = "",
    version: str = "1",
) -> Metric | Callable[[Callable[..., Any]], Metric]:
    """Turn a function into a `Metric` named like it; usable with and without arguments.

    Example:
        >>> @metric(goal="min")
        ... def spread(x):
        ...     return x.std()
        >>> spread.name, spread(np.array([1.0, 3.0]))
        ('spread', 1.0)
    """

    def wrap(function: Callable[..., Any]) -> Metric:
        called = name or getattr(function, "__name__", type(function).__name__)
        return Metric(called, function, goal=goal, stochastic=stochastic, unit=unit, version=version)

    return wrap if fn is None else wrap(fn)
