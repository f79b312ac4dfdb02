"""The experiment in one picture: sizes against pruning, orders, losses, and the layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter
from measured import Model, Run
from verdicts import NotMeasuredError

# Told apart by the colour-blind, Okabe & Ito (2008).
_BLUE, _ORANGE, _GREEN, _SKY, _PINK, _YELLOW, _GREY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#56b4e9",
    "#cc79a7",
    "#e69f00",
    "#999999",
)


def draw(run: Run) -> Figure:
    """Four panels; what is not measured is left empty."""
    figure = Figure(figsize=(10.4, 7.6), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    parts: tuple[Callable[[Axes, Run], None], ...] = (_pruning, _orders, _trainings, _layout)
    for panel, part in zip(panels, parts, strict=True):
        try:
            part(panel, run)
        except NotMeasuredError as missing:
            panel.text(0.5, 0.5, f"{missing} is missing", ha="center", transform=panel.transAxes, fontsize=8)
        panel.grid(alpha=0.3, linewidth=0.5)
        panel.tick_params(labelsize=8)
    return figure


def _curve(panel: Axes, run: Run, model: Model, label: str, colour: str, style: str = "o-") -> None:
    """Divergence by depth, if it was measured."""
    try:
        depths = run.depths(*model)
    except NotMeasuredError:
        return
    means = [run.values(*model, depth).mean() for depth in depths]
    panel.plot(depths, means, style, ms=3.5, lw=1.3, c=colour, label=label)


def _axes(panel: Axes, title: str) -> None:
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_title(title, fontsize=9)
    panel.set_xlabel("layers", fontsize=8)
    panel.set_ylabel("KL from the teacher, nats per token", fontsize=8)
    panel.legend(fontsize=7)


def _pruning(panel: Axes, run: Run) -> None:
    run.piece("family-main-0")
    _curve(panel, run, ("main-0", "backward greedy"), "boomerang, backward greedy", _BLUE)
    _curve(panel, run, ("main-0", "last to first"), "boomerang, last to first", _SKY)
    _curve(panel, run, ("pruned", "naive, last to first"), "same layout, untrained", _GREY, "s--")
    _curve(panel, run, ("pruned", "one-shot, single drop"), "one-shot pruning, single drop", _ORANGE, "^-")
    _curve(panel, run, ("pruned", "one-shot, block influence"), "one-shot pruning, block influence", _YELLOW, "v-")
    _curve(panel, run, ("pruned", "LaCo"), "LaCo", _PINK, "d-")
    _curve(panel, run, ("random-start", "last to first"), "random start, distilled alike", "black", "x:")
    _axes(panel, "one student, all sizes: against pruning")


def _orders(panel: Axes, run: Run) -> None:
    run.piece("family-main-0")
    colours = {
        "last to first": _SKY,
        "first to last": _ORANGE,
        "KLPatch": _GREEN,
        "backward greedy": _BLUE,
        "additive": _YELLOW,
        "quadratic": _PINK,
    }
    for label in run.families("main-0"):
        _curve(panel, run, ("main-0", label), label, colours.get(label, _GREY), "o-" if label in colours else ".:")
    _axes(panel, "the order of patching")


def _trainings(panel: Axes, run: Run) -> None:
    weight = run.piece("weight")["weight"]
    order = "last to first"
    _curve(panel, run, (f"cosine-{weight}", order), "64 steps", _SKY)
    _curve(panel, run, ("middle", order), "128 steps", _GREEN)
    _curve(panel, run, ("main-0", order), "310 steps", _BLUE)
    _curve(panel, run, ("main-1", order), "310 steps, second seed", _BLUE, "o:")
    _curve(panel, run, ("random-slots", order), "128 steps, random slots patched", _PINK)
    alone = [name[len("family-") :] for name in run.pieces if name.startswith("family-size-")]
    depths = [run.depths(name, "alone")[0] for name in alone]
    levels = [run.values(name, "alone", depth).mean() for name, depth in zip(alone, depths, strict=True)]
    panel.plot(depths, levels, "*", ms=9, c=_ORANGE, label="128 steps, each for its own size")
    _axes(panel, "more training, and models of their own size (from last to first)")


def _layout(panel: Axes, run: Run) -> None:
    found = run.piece("layout")
    scores = np.array(found["single drop"]["scores"])
    layers = np.arange(len(scores))
    kept = np.isin(layers, found["kept"])
    panel.bar(layers[kept], scores[kept], color=_BLUE, label="kept")
    panel.bar(layers[~kept], scores[~kept], color=_GREY, label="dropped")
    panel.plot(layers, found["block influence"]["scores"], "o", ms=3, c=_ORANGE, label="block influence")
    panel.set_yscale("log")
    panel.set_title("what is lost with one layer, and how much it turns the states", fontsize=9)
    panel.set_xlabel("layer", fontsize=8)
    panel.set_ylabel("KL without it, nats per token; 1 - cos", fontsize=8)
    panel.legend(fontsize=7)
