"""Curves: a metric along a path with one coordinate, beside everything that it has to beat."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .panel import Panel
from .shape import Abscissa, abscissa, is_geometric
from .text import for_figure, interval, number
from .theme import (
    CHOOSING,
    ENDPOINT,
    GAP,
    INK,
    MUTED,
    PAPER,
    Legend,
    Mark,
    dash_of_reference,
    legend_below,
    legend_height,
    mark_of,
    plain_frame,
)
from .tips import set_tips

__all__ = ["curves_size", "draw_curves"]

_ACROSS = 3  # panels side by side
_BAND = 0.16  # opacity
_LEVELS = 8
_ORDERS = 1e3  # values that span more go on a logarithmic axis


def curves_size(panels: Sequence[Panel]) -> tuple[float, float]:
    """Inches that the panels want."""
    columns = min(len(panels), _ACROSS)
    width = 4.4 if columns == 1 else 3.5 * columns
    rows = math.ceil(len(panels) / columns)
    names = [*panels[0].paths, *panels[0].references, "best end of the path (choosing)", "endpoint", "95 % interval"]
    return width, 2.75 * rows + legend_height(names, width)


def draw_curves(figure: FigureBase, panels: Sequence[Panel]) -> None:
    """One panel for each metric, side by side, with one legend below them."""
    columns = min(len(panels), _ACROSS)
    grid = figure.subplots(math.ceil(len(panels) / columns), columns, squeeze=False).ravel()
    entries: Legend = {}
    for axes, panel in zip(grid, panels, strict=False):
        entries |= _draw(axes, panel)
    for axes in grid[len(panels) :]:
        axes.remove()
    legend_below(figure, entries)


def _draw(axes: Axes, panel: Panel) -> Legend:
    plain_frame(axes)
    across = abscissa(panel)
    _scale(axes, panel, across)
    entries: Legend = {}
    for i, (label, frame) in enumerate(panel.paths.items()):
        mark = mark_of(i, is_baseline=label in panel.baselines)
        entries["path", label] = _path(axes, label, frame, across, mark)
    entries |= _choosing(axes, panel) | _endpoints(axes, panel, across) | _references(axes, panel)
    entries |= _band_entry(panel) | _undefined(axes, panel, across)
    _name(axes, panel, across)
    return entries


def _path(axes: Axes, label: str, frame: pd.DataFrame, across: Abscissa, mark: Mark) -> Line2D:
    x, y = frame[across.axis].to_numpy(float), _finite(frame["mean"])
    low, high = _finite(frame["low"]), _finite(frame["high"])
    if np.isfinite(low).any():
        axes.fill_between(x, low, high, color=mark.color, alpha=_BAND, linewidth=0, zorder=mark.layer - 2)
    (line,) = axes.plot(
        x,
        y,
        color=mark.color,
        marker=mark.marker,
        linewidth=mark.width,
        markersize=mark.size,
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
        zorder=mark.layer,
        label=label,
    )
    # Points without a finite mean have no marker, hence no tip.
    rows = frame[np.isfinite(y)].to_dict("records")
    set_tips(line, [f"{label}\n{across.axis} = {number(row[across.axis])}\n{interval(row)}" for row in rows])
    return line


def _choosing(axes: Axes, panel: Panel) -> Legend:
    if panel.choosing is None:
        return {}
    line = axes.axhline(panel.choosing.value, label=panel.choosing.name, zorder=2.5, **CHOOSING)
    set_tips(line, [f"{panel.choosing.name}\n{number(panel.choosing.value)}"])
    return {("choosing", panel.choosing.name): line}


def _endpoints(axes: Axes, panel: Panel, across: Abscissa) -> Legend:
    ends = panel.endpoints[np.isfinite(panel.endpoints["mean"].to_numpy(float))]
    if ends.empty:
        return {}
    (line,) = axes.plot(
        ends[across.axis],
        ends["mean"],
        **ENDPOINT,
    )
    rows = ends.to_dict("records")
    set_tips(line, [f"endpoint\n{across.axis} = {number(row[across.axis])}\n{number(row['mean'])}" for row in rows])
    return {("endpoint", "endpoint"): line}


def _references(axes: Axes, panel: Panel) -> Legend:
    entries: Legend = {}
    for i, (label, row) in enumerate(panel.references.items()):
        if math.isfinite(row["low"]):
            axes.axhspan(row["low"], row["high"], color=MUTED, alpha=_BAND, linewidth=0, zorder=0.5)
        height = row["mean"] if math.isfinite(row["mean"]) else math.nan
        line = axes.axhline(height, color=MUTED, linestyle=dash_of_reference(i), linewidth=1.4, zorder=2, label=label)
        set_tips(line, [f"{label}\n{interval(row)}"])
        entries["reference", label] = line
    return entries


def _band_entry(panel: Panel) -> Legend:
    fewest, most = panel.seeds
    if not any(np.isfinite(frame["low"].to_numpy(float)).any() for frame in panel.paths.values()):
        return {}
    seeds = f"{most} seeds" if fewest == most else f"{fewest}–{most} seeds"
    over = [*([seeds] if most > 1 else []), *(["items"] if panel.has_items else [])]
    return {("band", f"95 % interval, {' and '.join(over)}"): Patch(facecolor=MUTED, alpha=2 * _BAND, linewidth=0)}


def _undefined(axes: Axes, panel: Panel, across: Abscissa) -> Legend:
    """Crosses at the foot of the panel where a path was evaluated but has no number: a gap must not look empty."""
    gaps = {
        float(x)
        for frame in panel.paths.values()
        for x, y in zip(frame[across.axis], frame["mean"], strict=True)
        if not math.isfinite(y)
    }
    if not gaps:
        return {}
    (line,) = axes.plot(sorted(gaps), [0.0] * len(gaps), transform=axes.get_xaxis_transform(), **GAP)
    set_tips(line, [f"no number\n{across.axis} = {number(x)}" for x in sorted(gaps)])
    return {("gap", "failed or undefined"): line}


def _scale(axes: Axes, panel: Panel, across: Abscissa) -> None:
    if across.axis is None:
        axes.set_xticks([])
    elif is_geometric(panel.points[:, panel.axes.index(across.axis)]):
        axes.set_xscale("log")
        _name_levels(axes, sorted(set(panel.points[:, panel.axes.index(across.axis)])))
    y = _shown(panel)
    if len(y) == 0:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", va="center", color=MUTED)
    elif y.min() > 0 and y.max() > _ORDERS * y.min():
        axes.set_yscale("log")
    elif np.ptp(y) <= 1e-9 * abs(y).max():
        # Rounding noise on a constant would otherwise fill the panel.
        middle, half = float(y.mean()), 0.1 * float(abs(y).max()) or 1.0
        axes.set_ylim(middle - half, middle + half)
    axes.margins(x=0.04, y=0.08)


def _name_levels(axes: Axes, levels: Sequence[float]) -> None:
    """Ticks at the levels themselves, if they are few: 1, 2, 4, 8 say more than powers of ten."""
    if len(levels) <= _LEVELS:
        axes.set_xticks(levels, [number(x) for x in levels])
        axes.set_xticks([], minor=True)


def _name(axes: Axes, panel: Panel, across: Abscissa) -> None:
    axes.set_xlabel(for_figure(across.title, 48), fontsize=9, color=INK)
    axes.set_ylabel(for_figure(panel.quantity), fontsize=9, color=INK)
    axes.set_title(panel.direction, loc="left", fontsize=8.5, color=MUTED, y=1.0)  # its place need not be looked for


def _shown(panel: Panel) -> np.ndarray[Any, Any]:
    """Every finite value in the panel."""
    values: list[float] = [*panel.endpoints["mean"], *(row["mean"] for row in panel.references.values())]
    for frame in panel.paths.values():
        values += frame["mean"].tolist()
    y = _finite(values)
    return np.asarray(y[np.isfinite(y)])


def _finite(values: Iterable[float]) -> np.ndarray[Any, Any]:
    """The numbers, with NaN in place of infinity, which no axis can show."""
    y = np.asarray(list(values), float)
    return np.where(np.isfinite(y), y, np.nan)
