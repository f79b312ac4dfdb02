"""Sorted dots: a metric at points with more coordinates than a plane has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from .marks import parts_of
from .panel import Panel
from .shape import varying
from .text import for_figure, interval, number, place
from .theme import (
    CHOOSING,
    ENDPOINT,
    GAP,
    INK,
    MUTED,
    PAPER,
    Legend,
    dash_of_reference,
    legend_below,
    legend_height,
    mark_of,
    plain_frame,
)
from .tips import set_tips

__all__ = ["dots_size", "draw_dots"]

_NAMED = 36  # rows that are named; more are shown by rank
_ROW = 0.19  # inches


def dots_size(panels: Sequence[Panel]) -> tuple[float, float]:
    """Inches that the panels want."""
    rows = min(max(len(_ranked(panel)) for panel in panels), _NAMED)
    names = [*panels[0].paths, *panels[0].references, "best endpoint (choosing)"]
    return 6.4, len(panels) * (0.9 + _ROW * max(rows, 6) + legend_height(names, 6.4))


def draw_dots(figure: FigureBase, panels: Sequence[Panel]) -> None:
    """One panel for each metric: a row for each point, the best on top."""
    for part, panel in parts_of(figure, panels):
        legend_below(part, _draw(part.subplots(), panel))


def _draw(axes: Axes, panel: Panel) -> Legend:
    plain_frame(axes)
    axes.grid(axis="x", color=INK, alpha=0.12, linewidth=0.7)
    ranked = _ranked(panel)
    rank = {point: i for i, point in enumerate(ranked)}
    entries: Legend = {}
    for i, (label, frame) in enumerate(panel.paths.items()):
        entries["path", label] = _dots(axes, panel, label, frame, rank, i)
    entries |= _endpoints(axes, panel, rank) | _lines(axes, panel) | _undefined(axes, panel, rank)
    _name(axes, panel, ranked)
    return entries


def _ranked(panel: Panel) -> list[tuple[float, ...]]:
    """The points of all labels, by the mean of the first label that has one there, the best first."""
    means: dict[tuple[float, ...], float] = {}
    for frame in panel.paths.values():
        for point, mean in zip(_points(panel, frame), frame["mean"], strict=True):
            means.setdefault(point, float(mean))
    sign = 1.0 if panel.goal == "min" else -1.0
    return sorted(means, key=lambda point: (math.isnan(means[point]), sign * means[point]))


def _points(panel: Panel, frame: pd.DataFrame) -> list[tuple[float, ...]]:
    return [tuple(map(float, row)) for row in frame[list(panel.axes)].to_numpy()]


def _dots(axes: Axes, panel: Panel, label: str, frame: pd.DataFrame, rank: dict[tuple[float, ...], int], i: int) -> Any:
    mark = mark_of(i, is_baseline=label in panel.baselines)
    # Labels share a row at slightly different heights, so that equal values do not cover each other.
    shift = 0.5 * ((i + 0.5) / len(panel.paths) - 0.5)
    y = np.array([rank[point] + shift for point in _points(panel, frame)], float)
    x, low, high = (frame[name].to_numpy(float) for name in ("mean", "low", "high"))
    known, spread = np.isfinite(x), np.isfinite(low)
    if spread.any():
        axes.hlines(y[spread], low[spread], high[spread], color=mark.color, alpha=0.45, linewidth=2.5, zorder=2)
    (line,) = axes.plot(
        x[known],
        y[known],
        linestyle="none",
        color=mark.color,
        marker=mark.marker,
        markersize=5.5,
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
        zorder=mark.layer,
        label=label,
    )
    rows = frame[known].to_dict("records")
    set_tips(line, [f"{label}\n{place(row, panel.axes)}\n{interval(row)}" for row in rows])
    return line


def _endpoints(axes: Axes, panel: Panel, rank: dict[tuple[float, ...], int]) -> Legend:
    pairs = zip(_points(panel, panel.endpoints), panel.endpoints["mean"], strict=True)
    seen = [(mean, rank[point]) for point, mean in pairs if point in rank]
    if not seen:
        return {}
    (line,) = axes.plot(*zip(*seen, strict=True), **ENDPOINT)
    return {("endpoint", "endpoint"): line}


def _lines(axes: Axes, panel: Panel) -> Legend:
    entries: Legend = {}
    if panel.choosing is not None:
        line = axes.axvline(panel.choosing.value, label=panel.choosing.name, zorder=1.5, **CHOOSING)
        set_tips(line, [f"{panel.choosing.name}\n{number(panel.choosing.value)}"])
        entries["choosing", panel.choosing.name] = line
    for i, (label, row) in enumerate(panel.references.items()):
        where = row["mean"] if math.isfinite(row["mean"]) else math.nan
        if math.isfinite(row["low"]):
            axes.axvspan(row["low"], row["high"], color=MUTED, alpha=0.16, linewidth=0, zorder=0.5)
        line = axes.axvline(where, color=MUTED, linestyle=dash_of_reference(i), linewidth=1.4, label=label)
        set_tips(line, [f"{label}\n{interval(row)}"])
        entries["reference", label] = line
    return entries


def _undefined(axes: Axes, panel: Panel, rank: dict[tuple[float, ...], int]) -> Legend:
    """Crosses at the left edge in the rows where a label has no number."""
    rows = {
        rank[point]
        for frame in panel.paths.values()
        for point, mean in zip(_points(panel, frame), frame["mean"], strict=True)
        if not math.isfinite(mean)
    }
    if not rows:
        return {}
    (line,) = axes.plot([0.0] * len(rows), sorted(rows), transform=axes.get_yaxis_transform(), **GAP)
    return {("gap", "failed or undefined"): line}


def _name(axes: Axes, panel: Panel, ranked: Sequence[tuple[float, ...]]) -> None:
    free = [panel.axes.index(axis) for axis in varying(panel)]
    names = [for_figure(panel.axes[i], 14) for i in free]
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    axes.set_xlabel(for_figure(panel.quantity), fontsize=9, color=INK)
    axes.set_title(panel.direction.replace("↑", "→").replace("↓", "←"), loc="left", fontsize=8.5, color=MUTED)
    if len(ranked) > _NAMED:
        axes.set_ylabel(f"rank of the point ({', '.join(names)})", fontsize=9, color=INK)
        return
    form = ".2f" if abs(np.array(ranked)).max() <= 1 else ".3g"
    axes.set_yticks(range(len(ranked)), ["  ".join(f"{point[i]:{form}}" for i in free) for point in ranked])
    axes.set_ylabel(f"point: {', '.join(names)}", fontsize=9, color=INK)
