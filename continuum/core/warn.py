"""Warnings that point at the user's line."""

from __future__ import annotations

import sys
import warnings

from .errors import ContinuumWarning

__all__ = ["warn"]

_INSIDE = ("continuum", "functools", "contextlib")  # the last two call us back: cached properties, context managers


def warn(message: str, category: type[ContinuumWarning] = ContinuumWarning) -> None:
    """Give a warning that points at the line outside the library which led to it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
