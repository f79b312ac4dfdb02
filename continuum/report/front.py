"""The Pareto front: what quality costs, where a study measures a cost."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from continuum.harness import Results, pareto

from .panel import Panel
from .shape import is_geometric
from .text import for_figure, number, place
from .theme import ENDPOINT, INK, MUTED, PAPER, Legend, blank_figure, legend_below, legend_height, mark_of, plain_frame
from .tips import set_tips

__all__ = ["cost_pairs", "draw_front"]

_COSTS = re.compile(
    r"\b(cost|param(eter)?s?|bytes|memory|flops?|macs?|latency|time|seconds?|iterations?|evaluations|steps|layers|"
    r"energy)\b",
    re.IGNORECASE,
)
_UNITS = {
    "s",
    "ms",
    "B",
    "bytes",
    "kB",
    "MB",
    "GB",
    "KiB",
    "MiB",
    "GiB",
    "FLOP",
    "FLOPs",
    "parameters",
    "J",
    "kJ",
    "Wh",
}
_MOST = 4  # pictures a study


def cost_pairs(panels: Sequence[Panel]) -> tuple[tuple[Panel, Panel], ...]:
    """Each quality with each cost, of one study, the first few.

    A cost is a metric for which more is not better, and whose name or unit is that of a cost, such as "parameters" or
    "ms". A quality is any other metric with a goal.
    """
    costs = [panel for panel in panels if panel.goal != "max" and _is_cost(panel)]
    others = [panel for panel in panels if panel.goal is not None and not _is_cost(panel)]
    return tuple((quality, cost) for cost in costs for quality in others)[:_MOST]


def draw_front(results: Results, quality: Panel, cost: Panel) -> Figure | None:
    """Every point of a study by its cost and quality, with the front; None if no point has both numbers."""
    part = results.select(study=quality.study)
    both = part.frame[part.frame["metric"].isin([quality.metric, cost.metric])]
    finite = both[both["metric"] == cost.metric]["value"].map(math.isfinite).any()
    if not finite or not both[both["metric"] == quality.metric]["value"].map(math.isfinite).any():
        return None
    found = pareto(part, quality.metric, cost.metric)
    found = found[np.isfinite(found[[quality.metric, cost.metric]]).all(axis=1)]
    roles = found[found["role"].isin(["path", "baseline"])]
    labels = list(dict.fromkeys(roles.sort_values("role", ascending=False)["label"]))
    figure = blank_figure(4.6, 3.0 + legend_height([*labels, "endpoint", "Pareto front"], 4.6))
    axes = figure.subplots()
    plain_frame(axes)
    entries = _marks(axes, found, labels, quality, cost) | _front(axes, found, quality, cost)
    if is_geometric(found[cost.metric]):
        axes.set_xscale("log")
    axes.set_xlabel(for_figure(f"{cost.quantity}   ← less is better"), fontsize=9, color=INK)
    axes.set_ylabel(for_figure(quality.quantity), fontsize=9, color=INK)
    axes.set_title(quality.direction, loc="left", fontsize=8.5, color=MUTED)
    legend_below(figure, entries)
    return figure


def _is_cost(panel: Panel) -> bool:
    return panel.unit in _UNITS or _COSTS.search(panel.metric) is not None


def _marks(axes: Axes, found: pd.DataFrame, labels: Sequence[str], quality: Panel, cost: Panel) -> Legend:
    entries: Legend = {}
    for i, label in enumerate(labels):
        rows = found[(found["label"] == label) & found["role"].isin(["path", "baseline"])]
        mark = mark_of(i, is_baseline=label in quality.baselines)
        look: dict[str, Any] = {"color": mark.color, "marker": mark.marker, "markersize": mark.size}
        edge: dict[str, Any] = {"markeredgecolor": PAPER, "markeredgewidth": 0.6, "zorder": mark.layer}
        (line,) = axes.plot(rows[cost.metric], rows[quality.metric], linestyle="none", label=label, **look, **edge)
        set_tips(line, [_tip(row, quality, cost) for row in rows.to_dict("records")])
        entries["path", label] = line
    ends = found[found["role"] == "endpoint"]
    if len(ends):
        (line,) = axes.plot(ends[cost.metric], ends[quality.metric], **ENDPOINT)
        entries["endpoint", "endpoint"] = line
    return entries


def _front(axes: Axes, found: pd.DataFrame, quality: Panel, cost: Panel) -> Legend:
    front = found[found["on_front"]].drop_duplicates([quality.metric, cost.metric])
    # From each point on, until the next better one, its quality is what so much buys.
    (line,) = axes.step(
        front[cost.metric], front[quality.metric], where="post", color=INK, alpha=0.55, linewidth=1.2, zorder=1.5
    )
    return {("front", "Pareto front"): line}


def _tip(row: dict[str, float], quality: Panel, cost: Panel) -> str:
    here = tuple(axis for axis in quality.axes if not math.isnan(row[axis]))
    numbers = f"{cost.metric} {number(row[cost.metric])}, {quality.metric} {number(row[quality.metric])}"
    return f"{row['label']}\n{place(row, here)}\n{numbers}"
