"""Options that are numbers: what they must be is said in one way everywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import InvalidInputError

__all__ = ["check_count", "check_positive", "check_weight", "is_whole"]


def check_count(name: str, value: Any, *, least: int = 1, most: int | None = None) -> None:
    """Refuse what is no whole number of at least `least`, and at most `most`.

    Raises:
        InvalidInputError: naming the option and what it is.

    Example:
        >>> check_count("steps", 10)
        >>> check_count("steps", 2.5)
        Traceback (most recent call last):
            ...
        continuum.core.errors.InvalidInputError: `steps` must be a whole number, got 2.5.
    """
    if not is_whole(value):
        raise InvalidInputError(f"`{name}` must be a whole number, got {value!r}.")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        raise InvalidInputError(f"`{name}` must be {bounds}, got {value!r}.")


def is_whole(value: Any) -> bool:
    """Whether `value` is an integer of Python or NumPy; a truth value is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_positive(name: str, value: Any, remedy: str = "") -> None:
    """Refuse what is no finite number above 0; `remedy` says what to do instead."""
    if not 0 < _real(value) < math.inf:
        raise InvalidInputError(f"`{name}` must be positive and finite, got {value!r}{remedy and '; ' + remedy}.")


def check_weight(name: str, value: Any) -> None:
    """Refuse what is no finite number of at least 0."""
    if not 0 <= _real(value) < math.inf:
        raise InvalidInputError(f"`{name}` must be finite and not negative, got {value!r}.")


def _real(value: Any) -> float:
    """`value` as a float; NaN, which no bound accepts, for what is no real number."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return float(value) if is_number else math.nan
