"""Values as colours: one scale for all labels of a metric, with what they have to beat marked on its bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from .panel import Panel
from .text import for_figure, number
from .theme import CHOOSING, DARK, GAP, INK, LIGHT, MUTED, Legend, dash_of_reference

__all__ = ["ColourScale", "best_row", "colour_bar", "colour_scale", "mark_best", "mark_undefined", "small_multiples"]

_ACROSS = 3  # labels side by side


@dataclass(frozen=True)
class ColourScale:
    """From values to colours: brighter is better, or larger where nothing is better."""

    norm: Normalize
    colours: Colormap
    is_empty: bool  # nothing finite to show

    def ink(self, value: float) -> str:
        """The colour of text that can be read on the colour of `value`."""
        red, green, blue, _ = self.colours(float(self.norm(value)))
        return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else LIGHT


def colour_scale(panel: Panel) -> ColourScale:
    """The scale on which the path, its baselines, references and endpoints of a panel are shown."""
    values = [row["mean"] for row in panel.references.values()] + panel.endpoints["mean"].tolist()
    for frame in panel.paths.values():
        values += frame["mean"].tolist()
    finite = [x for x in values if math.isfinite(x)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = 0.1 * max(abs(low), abs(high)) or 1.0
        low, high = low - half, high + half
    colours = colormaps["viridis_r" if panel.goal == "min" else "viridis"]
    return ColourScale(Normalize(low, high), colours, is_empty=not finite)


def colour_bar(figure: FigureBase, panel: Panel, scale: ColourScale, beside: Sequence[Axes]) -> Legend:
    """Draw the bar; on it a line for each reference and for choosing the best endpoint."""
    bar = figure.colorbar(ScalarMappable(scale.norm, scale.colours), ax=list(beside), shrink=0.85, aspect=22, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8.5, labelcolor=MUTED)
    if scale.is_empty:
        bar.set_ticks([])
    name = for_figure(panel.quantity)
    bar.set_label(f"{name}   {panel.direction}" if panel.direction else name, fontsize=9, color=INK)
    entries: Legend = {}
    lines = [
        ("reference", label, row["mean"], dash_of_reference(i), 1.4)
        for i, (label, row) in enumerate(panel.references.items())
    ]
    if panel.choosing is not None:
        look = CHOOSING["linestyle"], CHOOSING["linewidth"]
        lines.append(("choosing", panel.choosing.name, panel.choosing.value, *look))
    for role, label, value, dashes, width in lines:
        if math.isfinite(value):
            # Dark dashes on a white line show on every colour of the bar.
            bar.ax.axhline(value, color=LIGHT, linewidth=width + 1.6)
            bar.ax.axhline(value, color=DARK, linestyle=dashes, linewidth=width, label=label)
        entries[role, f"{label}: {number(value)}"] = Line2D([], [], color=INK, linestyle=dashes, linewidth=width)
    return entries


def small_multiples(figure: FigureBase, labels: int) -> tuple[list[Axes], list[Axes]]:
    """Axes for `labels` pictures of one metric, and for those in the first column."""
    columns = min(labels, _ACROSS)
    grid = figure.subplots(math.ceil(labels / columns), columns, squeeze=False)
    flat: list[Axes] = list(grid.ravel())
    for axes in flat[labels:]:
        axes.remove()
    return flat[:labels], list(grid[:, 0])


def best_row(panel: Panel, label: str) -> dict[str, Any] | None:
    """The best point of a label with its value; None if nothing is better than anything."""
    if panel.summary.empty:
        return None
    rows = panel.summary[panel.summary["label"] == label]
    if rows.empty or math.isnan(rows["best"].iloc[0]):
        return None
    row = rows.iloc[0]
    return {"value": float(row["best"])} | {axis: float(row[f"best_{axis}"]) for axis in panel.axes}


def mark_best(axes: Axes, x: float, y: float) -> Legend:
    """A star at the best point."""
    star: dict[str, Any] = {"marker": "*", "color": LIGHT, "markeredgecolor": DARK, "markersize": 13}
    (line,) = axes.plot([x], [y], zorder=6, linestyle="none", clip_on=False, label="best point", **star)
    return {("best", "best point"): line}


def mark_undefined(axes: Axes, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], frame: pd.DataFrame) -> Legend:
    """Crosses where a point was evaluated but has no number."""
    gap = ~np.isfinite(frame["mean"].to_numpy(float))
    if not gap.any():
        return {}
    (line,) = axes.plot(x[gap], y[gap], **GAP)
    return {("gap", "failed or undefined"): line}
