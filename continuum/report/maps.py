"""Maps: a metric over two coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from .colour import (
    ColourScale,
    best_row,
    colour_bar,
    colour_scale,
    mark_best,
    mark_undefined,
    small_multiples,
)
from .marks import coloured_marks, multiples_size, parts_of, point_tips
from .panel import Panel
from .shape import varying
from .text import for_figure, number
from .theme import DARK, INK, LIGHT, MUTED, PAPER, Legend, legend_below
from .tips import set_tips

__all__ = ["draw_maps", "maps_size"]

_WRITTEN = 49  # cells whose values are written into them, at most
_TICKS = 7


def maps_size(panels: Sequence[Panel]) -> tuple[float, float]:
    """Inches that the panels want."""
    return multiples_size(panels, alone=(3.6, 3.2), among=(2.9, 2.8))


def draw_maps(figure: FigureBase, panels: Sequence[Panel]) -> None:
    """A row of maps for each metric: the path, then its baselines, on one colour scale."""
    for part, panel in parts_of(figure, panels):
        _draw(part, panel)


def _draw(figure: FigureBase, panel: Panel) -> None:
    scale, (across, up) = colour_scale(panel), varying(panel)
    axes, first_column = small_multiples(figure, max(len(panel.paths), 1))
    entries: Legend = {}
    for one, label in zip(axes, panel.paths or [""], strict=True):
        one.set_facecolor("none")
        one.tick_params(length=0, labelsize=8.5, labelcolor=MUTED)
        one.spines[:].set_visible(False)
        one.set_xlabel(for_figure(across), fontsize=9, color=INK)
        if one in first_column:
            one.set_ylabel(for_figure(up), fontsize=9, color=INK)
        weight = "normal" if label in panel.baselines else "bold"
        one.set_title(for_figure(label), fontsize=9.5, color=INK, fontweight=weight)
        if label:
            entries |= _fill(one, panel, label, scale, across, up)
    legend_below(figure, colour_bar(figure, panel, scale, axes) | entries)


def _fill(axes: Axes, panel: Panel, label: str, scale: ColourScale, across: str, up: str) -> Legend:
    frame = panel.paths[label]
    columns, rows = np.unique(frame[across]), np.unique(frame[up])
    is_grid = len(frame) == len(columns) * len(rows)
    x, y = frame[across].to_numpy(float), frame[up].to_numpy(float)
    if is_grid:  # cells in order: levels such as 1, 2, 4, ..., 512 get the same room
        x, y = np.searchsorted(columns, x).astype(float), np.searchsorted(rows, y).astype(float)
        _cells(axes, panel, label, scale, x, y)
        _ticks(axes, columns, rows)
    else:
        coloured_marks(axes, panel, label, scale, x, y, size=60)
        axes.grid(color=INK, alpha=0.12, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.margins(0.08)
    entries = mark_undefined(axes, x, y, frame)
    best = best_row(panel, label)
    if best is not None:
        i = int(np.argmin(abs(frame[across] - best[across]) + abs(frame[up] - best[up])))
        entries |= _frame_best(axes, x[i], y[i]) if is_grid else mark_best(axes, x[i], y[i])
    return entries


def _cells(axes: Axes, panel: Panel, label: str, scale: ColourScale, x: Any, y: Any) -> None:
    frame = panel.paths[label]
    table = np.full((int(y.max()) + 1, int(x.max()) + 1), np.nan)
    table[y.astype(int), x.astype(int)] = frame["mean"].where(np.isfinite(frame["mean"]))
    edges = (np.arange(n + 1) - 0.5 for n in reversed(table.shape))
    axes.pcolormesh(*edges, table, cmap=scale.colours, norm=scale.norm, edgecolors=PAPER, linewidth=0.8)
    # Invisible marks carry the tips: the cells of a mesh cannot.
    known = np.isfinite(frame["mean"].to_numpy(float))
    carrier = axes.scatter(x[known], y[known], s=120, alpha=0.0, linewidths=0)
    set_tips(carrier, point_tips(panel, label, frame[known]))
    if len(frame) <= _WRITTEN:
        for i, j, value in zip(x[known], y[known], frame["mean"][known], strict=True):
            axes.text(i, j, number(value, 3), ha="center", va="center", fontsize=7, color=scale.ink(value))


def _frame_best(axes: Axes, x: float, y: float) -> Legend:
    """A frame around the best cell: a star would hide its number."""
    across, up = np.array([-1, 1, 1, -1, -1]) * 0.5 + x, np.array([-1, -1, 1, 1, -1]) * 0.5 + y
    axes.plot(across, up, color=DARK, linewidth=3.6, zorder=5, clip_on=False, label="best point")
    axes.plot(across, up, color=LIGHT, linewidth=1.2, zorder=5.1, clip_on=False)
    key = Line2D(
        [], [], linestyle="none", marker="s", markersize=9, color="none", markeredgecolor=INK, markeredgewidth=2
    )
    return {("best", "best point"): key}


def _ticks(axes: Axes, columns: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> None:
    for axis, levels in ((axes.xaxis, columns), (axes.yaxis, rows)):
        step = math.ceil(len(levels) / _TICKS)
        at = range(0, len(levels), step)
        axis.set_ticks(list(at), [number(levels[i], 3) for i in at])
