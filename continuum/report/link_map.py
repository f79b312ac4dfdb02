"""A link of two paths: two sliders joined by the map, and what the map leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from continuum.harness import Link

from .text import for_figure, number
from .theme import INK, MUTED, PAPER, SERIES, Legend, blank_figure, legend_below, plain_frame
from .tips import set_tips

__all__ = ["plot_link"]

_LINK, _IDENTITY = SERIES[0], SERIES[1]
_TICKS = 5


def plot_link(link: Link) -> Figure:
    """Two sliders joined by the map, and the distance at the match beside those that it has to beat.

    Args:
        link: what `continuum.link` returned.

    Returns:
        A figure that no window and no global state knows; `figure.savefig(path)` writes it.

    Example:
        >>> from continuum import Interval, from_function, link
        >>> slow, fast = (from_function(Interval(axis=name), lambda t: t) for name in ("a", "alpha"))
        >>> len(plot_link(link(slow, fast, lambda value: value, points=5, progress=False)).axes)
        2
    """
    figure = blank_figure(5.6, 5.2)
    sliders, distances = figure.subplots(2, 1, height_ratios=[1.15, 1])
    _sliders(sliders, link)
    legend_below(figure, _distances(distances, link))
    return figure


def _sliders(axes: Axes, link: Link) -> None:
    """The first path above, the second below, at their shares of the way; a band where the interval is."""
    shown = link.map[link.map["alpha"].notna()]
    above, below = link.side_a.share(shown["a"]), link.side_b.share(shown["alpha"])
    low, high = (link.side_b.share(shown[end]) for end in ("low", "high"))
    for x, left, right in zip(above, low, high, strict=True):
        if np.isfinite(left):
            axes.fill([x, left, right], [1, 0, 0], color=_LINK, alpha=0.09, linewidth=0)
    joints = [[(x, 1.0), (y, 0.0)] for x, y in zip(above, below, strict=True)]
    axes.add_collection(LineCollection(joints, colors=_LINK, linewidths=1.1, alpha=0.75))
    for height, at in ((1.0, above), (0.0, below)):
        axes.plot([0, 1], [height, height], color=INK, linewidth=3, alpha=0.25, solid_capstyle="round", zorder=2)
        (knobs,) = axes.plot(
            at, np.full(len(at), height), "o", color=_LINK, markersize=7, markeredgecolor=PAPER, zorder=3
        )
        set_tips(knobs, [f"a = {number(row.a)}\nα = {number(row.alpha)}" for row in shown.itertuples()])
    _scale(axes, link.side_a, height=1.0, offset=9)
    _scale(axes, link.side_b, height=0.0, offset=-18)
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.42, 1.42))
    axes.set_axis_off()


def _scale(axes: Axes, side: Any, *, height: float, offset: float) -> None:
    """Numbers beside a slider, and its name at the left end."""
    for share in np.linspace(0, 1, _TICKS):
        text = number(float(side.coordinate(share)), 3)
        axes.annotate(
            text, (share, height), (0, offset), textcoords="offset points", ha="center", fontsize=8.5, color=MUTED
        )
    (axis,) = side.path.domain.axes
    name = f"{for_figure(axis, 24)} ({type(side.path).__name__})"
    away = offset + (14 if offset > 0 else -14)
    axes.annotate(name, (0, height), (0, away), textcoords="offset points", fontsize=9, color=INK)


def _distances(axes: Axes, link: Link) -> Legend:
    plain_frame(axes)
    entries: Legend = {}
    x = link.side_a.share(link.map["a"])
    for label, column, colour in (("link", "residual", _LINK), ("identity", "identity_residual", _IDENTITY)):
        y: NDArray[Any] = link.map[column].to_numpy(float)
        (line,) = axes.plot(x, y, color=colour, marker="o", markersize=4, linewidth=1.8, label=label)
        set_tips(line, [f"{label}\n{number(value)}" for value in y[np.isfinite(y)]])
        entries["path", label] = line
    best = float(link.rivals.loc["best constant", "residual"])
    entries["reference", "best constant"] = axes.axhline(best, color=MUTED, linestyle=(0, (5, 2.5)), linewidth=1.3)
    axes.set_xlim(-0.04, 1.04)
    shares = np.linspace(0, 1, _TICKS)
    axes.set_xticks(shares, [number(float(t), 3) for t in link.side_a.coordinate(shares)])
    (axis,) = link.side_a.path.domain.axes
    axes.set_xlabel(for_figure(axis, 48), fontsize=9, color=INK)
    unit = f" [{link.unit}]" if link.unit else ""
    axes.set_ylabel(for_figure(f"distance: {link.metric}{unit}"), fontsize=9, color=INK)
    return entries
