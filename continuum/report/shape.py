"""Which kind of picture suits the coordinates of a panel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .panel import ON_SIMPLEX, Panel
from .text import number

__all__ = ["Abscissa", "Shape", "abscissa", "is_geometric", "shape_of", "varying"]

Shape = Literal["curve", "triangle", "map", "dots"]


@dataclass(frozen=True)
class Abscissa:
    """The one axis of a curve, and how to name it; None if there are references only."""

    axis: str | None
    title: str


def shape_of(panel: Panel) -> Shape:
    """Curve for one coordinate that varies, triangle for three weights, map for two coordinates, dots for more."""
    weights = _are_weights(panel)
    if len(panel.axes) <= 1 or (weights and len(panel.axes) == 2):
        return "curve"
    if weights and len(panel.axes) == 3:
        return "triangle"
    free = len(varying(panel))
    return "curve" if free <= 1 else "map" if free == 2 else "dots"


def varying(panel: Panel) -> tuple[str, ...]:
    """The axes on which the points of a panel differ."""
    return tuple(axis for axis, x in zip(panel.axes, panel.points.T, strict=True) if np.ptp(x) > 0)


def abscissa(panel: Panel) -> Abscissa:
    """The horizontal axis of a panel whose shape is a curve."""
    if not panel.axes:
        return Abscissa(None, "")
    if len(panel.axes) == 2 and _are_weights(panel):
        first, second = panel.axes
        return Abscissa(second, f"weight of {second} (0 is {first} alone)")
    axis = (*varying(panel), *panel.axes)[0]
    fixed = [f"{other} = {number(x)}" for other, x in zip(panel.axes, panel.points[0], strict=True) if other != axis]
    return Abscissa(axis, f"{axis} ({', '.join(fixed)})" if fixed else axis)


def is_geometric(values: Iterable[float]) -> bool:
    """Whether numbers are spread by ratios, such as 1, 2, 4, ..., 64, and over more than one order of magnitude."""
    x = np.unique(np.asarray(list(values), float))
    if len(x) < 3 or x[0] <= 0 or x[-1] < 10 * x[0]:
        return False
    return _unevenness(np.log(x)) < _unevenness(x)


def _are_weights(panel: Panel) -> bool:
    points: np.ndarray[Any, Any] = panel.points
    return len(points) > 0 and bool((points >= -ON_SIMPLEX).all() and (abs(points.sum(axis=1) - 1) < ON_SIMPLEX).all())


def _unevenness(x: np.ndarray[Any, Any]) -> float:
    steps = np.diff(x)
    return float(steps.max() / steps.min())
