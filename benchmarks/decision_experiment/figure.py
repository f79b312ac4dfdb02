"""The experiment in one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tables
from distances import AGNOSTIC, GRID, JOINT, THIRDS
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Pieces = Mapping[str, Any]

# Told apart by the colour-blind, Okabe & Ito (2008).
_BLUE, _ORANGE, _GREEN, _PINK, _GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#999999"

_SHOWN = {
    "features and labels": _GREY,
    "equal thirds": _GREEN,
    "decisions only": _PINK,
    "best joint": "#e69f00",
    "priced": _BLUE,
    "imputed": "black",
}


def draw(pieces: Pieces) -> Figure:
    """Six panels; what is not measured is left empty."""
    figure = Figure(figsize=(15, 9.5), layout="constrained")
    parts: tuple[Callable[[Axes, Pieces], None], ...] = (_scatter, _bars, _simplex, _cubic, _choices, _curves)
    for axes, part in zip(figure.subplots(2, 3).ravel(), parts, strict=True):
        part(axes, pieces)
        axes.tick_params(labelsize=8)
    return figure


def _named(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.grid(alpha=0.3, linewidth=0.5)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.11), frameon=False)


def _scatter(axes: Axes, pieces: Pieces) -> None:
    found = tables.panels(pieces).get("terrain, independent, random units")
    if found is None:
        return
    panel = found.all[0]
    kinds = ((AGNOSTIC, "features and labels", _GREY, "s"), (THIRDS, "equal thirds", _GREEN, "^"))
    for name, label, colour, marker in (*kinds, ("priced", "priced", _BLUE, "o")):
        values = panel.distances[name]
        r = np.corrcoef(values, panel.regret)[0, 1]
        spread = (values - values.min()) / (np.ptp(values) or 1)
        axes.plot(spread, panel.regret, marker, ms=4, c=colour, alpha=0.8, label=f"{label}, r = {r:.2f}")
    _named(axes, "terrain, own maps, one target: 40 sources", "distance, from least to greatest", "regret")


def _bars(axes: Axes, pieces: Pieces) -> None:
    rows = [row for row in tables.correlations(pieces) if "ridge" not in row["setting"]]
    for place, row in enumerate(reversed(rows)):
        for k, (name, colour) in enumerate(_SHOWN.items()):
            mean, low, high = row[name]
            y = place + 0.3 - 0.15 * k
            axes.plot([low, high], [y, y], "-", lw=1, c=colour)
            axes.plot(mean, y, "o", ms=3.5, c=colour, label=name if place == 0 else None)
    axes.set_yticks(range(len(rows)), [row["setting"].removesuffix(", quantile") for row in reversed(rows)])
    axes.axvline(0, c="black", lw=0.6)
    _named(axes, "correlation of distance and regret, 95% intervals", "Pearson's r", "")


def _simplex(axes: Axes, pieces: Pieces) -> None:
    found = tables.panels(pieces).get("terrain, independent, random units")
    if found is None:
        return
    triples = np.array(GRID)
    values = np.array([found.mean(name) for name in JOINT])
    x, y = triples[:, 1] + triples[:, 2] / 2, triples[:, 2] * 3**0.5 / 2
    dots = axes.scatter(x, y, c=values, s=36, cmap="RdBu", vmin=-1, vmax=1, edgecolors="0.7", linewidths=0.4)
    axes.figure.colorbar(dots, ax=axes, shrink=0.7).ax.tick_params(labelsize=7)
    for place, text in ((-0.02, "features"), (1.02, "labels")):
        axes.text(place, -0.08, text, ha="center", fontsize=8)
    axes.text(0.5, 0.92, "decisions", ha="center", fontsize=8)
    axes.set(xlim=(-0.15, 1.15), ylim=(-0.15, 1.0), aspect="equal")
    axes.set_axis_off()
    axes.set_title(f"terrain, own maps: r of joint distances (priced: {found.mean('priced'):.2f})", fontsize=9)


def _cubic(axes: Axes, pieces: Pieces) -> None:
    rows = tables.cubic(pieces)
    if not rows:
        return
    x = [row["coefficient"] for row in rows]
    for name, colour in (("least squares", "black"), ("decisions", "0.5")):
        axes.plot(x, [row[name] for row in rows], "o-", ms=3, c=colour, label=f"regret, learnt by {name}")
    for name, colour in (("features and labels", _GREY), ("decisions only", _PINK), ("priced", _BLUE)):
        axes.plot(x, [row[name] for row in rows], "--", c=colour, label=f"distance: {name}")
    axes.axvline(0.65, c="black", lw=0.6, ls=":")
    _named(axes, "cubic top-k: target at 0.65", "coefficient of the source", "normalised regret; scaled distance")


def _choices(axes: Axes, pieces: Pieces) -> None:
    settings = [f"{data}, scaled, quantile" for data in ("yaz", "bakery", "store-items")]
    rows = {setting: tables.chosen(pieces, setting) for setting in settings}
    rows = {setting: found for setting, found in rows.items() if found}
    names = (
        *("at random", "nearest, agnostic", "nearest, priced", "nearest, imputed", "nearest, tried out"),
        "nearest 3, priced",
    )
    names = (*names, "all", "best in hindsight")
    for k, (setting, found) in enumerate(rows.items()):
        for key, style in (("zero-shot", "o"), ("with few", "x")):
            means = [found[name][key].mean() for name in names]
            label = setting.split(",")[0] if key == "zero-shot" else None
            axes.plot(means, np.arange(len(names)) - 0.2 + 0.2 * k, style, ms=5, c=f"C{k}", label=label)
        axes.axvline(found["few alone"]["with few"].mean(), c=f"C{k}", lw=0.8, ls=":")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    title = "scaled demand: o zero-shot, x with 20 days, dotted these alone"
    _named(axes, title, "lost for each unit asked for", "")


def _curves(axes: Axes, pieces: Pieces) -> None:
    for k, row in enumerate(row for row in tables.curves(pieces) if row["labels"] == "few"):
        for key, style in (("path", "-"), ("mixture", "--")):
            mean = row[key].mean(0)
            axes.plot(
                row["t"], mean / mean[0], style, c=f"C{k}", lw=1.2, label=row["setting"] if style == "-" else None
            )
    _named(axes, "from a source to few labels: path, mixture (dashed)", "t", "regret, relative to the source's")
