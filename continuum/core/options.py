"""Options that are numbers: what they must be is said in one way everywhere."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InvalidInputError

__all__ = ["admit_path", "check_bounds", "check_count", "check_positive", "check_share", "check_weight", "is_whole"]


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


def check_share(name: str, value: Any) -> None:
    """Refuse what is no number in [0, 1]."""
    if not 0 <= _real(value) <= 1:
        raise InvalidInputError(f"`{name}` must be in [0, 1], got {value!r}.")


def check_bounds(name: str, value: Any) -> None:
    """Refuse what is no pair of numbers, the smaller one first."""
    is_pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    if not is_pair or not -math.inf < _real(value[0]) < _real(value[1]) < math.inf:
        raise InvalidInputError(f"`{name}` must be two finite numbers, the smaller one first, got {value!r}.")


def admit_path(name: str, value: Any) -> Path:
    """The path of a file or folder.

    Raises:
        InvalidInputError: if it is none, or empty.
    """
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise InvalidInputError(f"`{name}` must be the path of a file or folder, got {value!r}.")
    return Path(value)


def _real(value: Any) -> float:
    """`value` as a float; NaN, which no bound accepts, for what is no real number."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return float(value) if is_number else math.nan
