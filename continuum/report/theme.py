"""The look of the pictures: colours, marks and frames that survive colour blindness and grey print."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from .text import for_figure

__all__ = [
    "CHOOSING",
    "DARK",
    "ENDPOINT",
    "FAILED",
    "GAP",
    "INK",
    "LIGHT",
    "MUTED",
    "PAPER",
    "SERIES",
    "Legend",
    "Mark",
    "blank_figure",
    "dash_of_reference",
    "legend_below",
    "legend_height",
    "mark_of",
    "plain_frame",
]

INK, MUTED, PAPER, FAILED = "#1f2328", "#656d76", "#ffffff", "#b42318"  # a dark page swaps these for others
DARK, LIGHT = "#101418", "#fdfdfd"  # on a colour scale, which is the same on every page
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")  # Okabe and Ito (2008)
CHOOSING: Mapping[str, Any] = {"color": INK, "linestyle": (0, (6, 2, 1, 2)), "linewidth": 1.3}
ENDPOINT: Mapping[str, Any] = {
    "label": "endpoint",
    "linestyle": "none",
    "marker": "D",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.1,
    "zorder": 5,
}
GAP: Mapping[str, Any] = {
    "label": "failed or undefined",
    "linestyle": "none",
    "marker": "x",
    "markersize": 5.5,
    "markeredgewidth": 1.4,
    "color": FAILED,
    "clip_on": False,
    "zorder": 6,
}

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
_DASHES = ((0, (5, 2.5)), (0, (1.5, 1.8)), (0, (9, 3)), (0, (3, 1.5, 1, 1.5, 1, 1.5)))
_SMALL = 8.5  # points
_CHARACTER, _HANDLE, _ROW = 0.0625, 0.5, 0.175  # inches, of legends in small type

Legend = dict[tuple[str, str], Artist]  # by role and label: a baseline may be called like anything else


@dataclass(frozen=True)
class Mark:
    """How one label is drawn."""

    color: str
    marker: str
    width: float
    size: float
    layer: float


def mark_of(i: int, *, is_baseline: bool) -> Mark:
    """The look of label number `i`; colours and markers repeat out of step, so that 77 labels differ."""
    color, marker = SERIES[i % len(SERIES)], _MARKERS[i % len(_MARKERS)]
    if not is_baseline:
        return Mark(color, marker, 2.6, 6.4, 3.0)
    # Ever thinner lines lie on top of each other: labels that coincide all stay visible.
    return Mark(color, marker, max(1.8 - 0.3 * i, 0.8), max(5.4 - 0.6 * i, 3.2), 3.0 + 0.1 * i)


def dash_of_reference(i: int) -> Any:
    """The dashes of reference number `i`."""
    return _DASHES[i % len(_DASHES)]


def blank_figure(width: float, height: float) -> Figure:
    """A figure of `width` by `height` inches that no window and no global state knows."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.05, wspace=0.02)  # type: ignore[union-attr, call-arg]
    return figure


def plain_frame(axes: Axes) -> None:
    """Two thin spines and faint horizontal lines: the data are the picture."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=INK, alpha=0.5, linewidth=0.8)
    axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, labelsize=_SMALL, labelcolor=MUTED, pad=4)


def legend_below(figure: FigureBase, entries: Legend) -> None:
    """A legend under everything else, so that it never covers data."""
    labels = [label for _, label in entries]
    bounds: Any = figure.bbox  # type: ignore[attr-defined]
    columns = _columns(labels, bounds.width / figure.dpi)  # type: ignore[attr-defined]
    placeholders = [str(i) for i in range(len(entries))]  # matplotlib leaves out labels that start with "_"
    legend = figure.legend(
        list(entries.values()),
        placeholders,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=_SMALL,
        labelcolor=INK,
        handlelength=2.3,
        columnspacing=1.1,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(for_figure(label))


def legend_height(labels: Sequence[str], width: float) -> float:
    """Inches that `legend_below` needs on a figure of `width` inches."""
    return _ROW * math.ceil(len(labels) / _columns(labels, width)) + 0.1 if labels else 0.0


def _columns(labels: Sequence[str], width: float) -> int:
    """As many columns as fit: each is as wide as its longest label."""
    return next((n for n in range(len(labels), 1, -1) if _width(labels, n) <= width), 1)


def _width(labels: Sequence[str], columns: int) -> float:
    sizes = [min(len(label), 40) * _CHARACTER + _HANDLE for label in labels]
    return float(sum(max(part) for part in np.array_split(sizes, columns)))
