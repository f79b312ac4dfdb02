"""Paths that can be asked for the largest value within a budget, such as "150M" parameters."""

from __future__ import annotations

import inspect
from typing import Any

from continuum.core import InvalidInputError, Point

__all__ = ["budgets_of", "point_within"]


def budgets_of(path: Any) -> tuple[str, ...]:
    """The kinds of budget that the `at_budget` of a path takes; none if it has no such method."""
    method = getattr(path, "at_budget", None)
    return tuple(inspect.signature(method).parameters) if callable(method) else ()


def point_within(path: Any, kind: str, amount: str) -> Point:
    """The point of the largest value within a budget.

    Args:
        path: a path with `at_budget`.
        kind: one of `budgets_of(path)`.
        amount: a number, or one with a unit if the path takes it.

    Raises:
        InvalidInputError: if nothing is within it, or it cannot be read.
    """
    try:
        found = path.at_budget(**{kind: _number(amount)})
    except TypeError as error:
        raise InvalidInputError(f"{kind} of {amount!r} cannot be read: {error}") from error
    return tuple(path.domain.point(found))


def _number(amount: str) -> int | float | str:
    """A number if it is one; "150M" is left to the path."""
    for kind in (int, float):
        try:
            return kind(amount)
        except ValueError:
            continue
    return amount.strip()
