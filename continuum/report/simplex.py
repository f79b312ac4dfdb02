"""Triangles: a metric over three weights that sum to one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.tri import Triangulation

from .colour import (
    ColourScale,
    best_row,
    colour_bar,
    colour_scale,
    mark_best,
    mark_undefined,
    small_multiples,
)
from .marks import coloured_marks, multiples_size, parts_of
from .panel import Panel
from .text import for_figure, number
from .theme import INK, Legend, legend_below

__all__ = ["draw_triangles", "triangles_size"]

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]])
_FLAT = 1e-3  # triangles thinner than this are rounding of points on one line


def triangles_size(panels: Sequence[Panel]) -> tuple[float, float]:
    """Inches that the panels want."""
    return multiples_size(panels, alone=(3.5, 3.3), among=(2.7, 2.9))


def draw_triangles(figure: FigureBase, panels: Sequence[Panel]) -> None:
    """A row of triangles for each metric: the path, then its baselines, on one colour scale."""
    for part, panel in parts_of(figure, panels):
        _draw(part, panel)


def _draw(figure: FigureBase, panel: Panel) -> None:
    scale = colour_scale(panel)
    axes, _ = small_multiples(figure, max(len(panel.paths), 1))
    entries: Legend = {}
    for one, label in zip(axes, panel.paths or [""], strict=True):
        _frame(one, panel, label)
        if label:
            entries |= _fill(one, panel, label, scale)
    legend_below(figure, colour_bar(figure, panel, scale, axes) | entries)


def _frame(axes: Axes, panel: Panel, label: str) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set(xlim=(-0.12, 1.12), ylim=(-0.16, 1.02))
    axes.fill(*_CORNERS.T, facecolor="none", edgecolor=INK, linewidth=0.9, alpha=0.6, zorder=2)
    axes.set_title(
        for_figure(label), fontsize=9.5, color=INK, fontweight="normal" if label in panel.baselines else "bold"
    )
    for i, (corner, axis) in enumerate(zip(_CORNERS, panel.axes, strict=True)):
        name, value = for_figure(axis, 16), _endpoint(panel, i)
        text = name if value is None else f"{name}\n{number(value, 3)}"
        side, offset = ("bottom", 6) if i == 2 else ("top", -6)
        style: dict[str, Any] = {"fontsize": 8.5, "color": INK, "ha": "center", "va": side}
        axes.annotate(text, tuple(corner), xytext=(0, offset), textcoords="offset points", **style)


def _endpoint(panel: Panel, i: int) -> float | None:
    """The value of the choice at corner `i`, if it was measured."""
    at = panel.endpoints.loc[panel.endpoints[panel.axes[i]] == 1, "mean"].tolist()
    return float(at[0]) if at else None


def _fill(axes: Axes, panel: Panel, label: str, scale: ColourScale) -> Legend:
    frame = panel.paths[label]
    x, y = (frame[list(panel.axes)].to_numpy(float) @ _CORNERS).T
    z = frame["mean"].to_numpy(float)
    known = np.isfinite(z)
    _surface(axes, x[known], y[known], z[known], scale)
    coloured_marks(axes, panel, label, scale, x, y, size=34)
    entries = mark_undefined(axes, x, y, frame)
    if (best := best_row(panel, label)) is not None:
        entries |= mark_best(axes, *(np.array([best[axis] for axis in panel.axes]) @ _CORNERS))
    return entries


def _surface(axes: Axes, x: Any, y: Any, z: Any, scale: ColourScale) -> None:
    """Colours between the points by linear interpolation, if the points span an area."""
    if len(z) < 3 or np.linalg.matrix_rank(np.stack([x - x[0], y - y[0]]), tol=_FLAT) < 2:
        return
    # Gouraud shading, not filled contours: it shows exactly the values at the points, and no invented steps.
    axes.tripcolor(
        Triangulation(x, y), z, shading="gouraud", cmap=scale.colours, norm=scale.norm, rasterized=True, zorder=1
    )
