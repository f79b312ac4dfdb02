"""A point that was found, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from continuum.core import Point

__all__ = ["Found"]


class Found(NamedTuple):
    """A point and what it is worth.

    Attributes:
        point: the point.
        value: mean of the objective over seeds.
        costs: mean of each cost over seeds.
        is_allowed: whether all costs are within the budget.
    """

    point: Point
    value: float
    costs: Mapping[str, float]
    is_allowed: bool
