"""One figure: what a budget buys, what an order predicts, and what selectors make small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
import tables
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_SHOWN = {
    "gradient, round robin": "C0",
    "hidden, round robin": "C1",
    "pixels, round robin": "C2",
    "pixels and label, round robin": "C4",
    "loss drop": "C5",
    "random": "k",
}


def draw(pieces: Mapping[str, Any]) -> Figure:
    """Loss against budget, loss against quantile, transport cost against budget."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
    _budgets(axes[0], pieces)
    _quantiles(axes[1], pieces)
    _distances(axes[2], pieces)
    return figure


def _budgets(axis: Any, pieces: Mapping[str, Any]) -> None:
    found, budgets = tables.seeds(pieces), tables.budgets(pieces)
    for name, colour in _SHOWN.items():
        losses = np.array([tables.curve(piece, name) for piece in found])
        error = losses.std(0) / len(losses) ** 0.5
        style = "--" if name == "random" else ".-"
        axis.plot(budgets, losses.mean(0), style, color=colour, label=name)
        axis.fill_between(budgets, losses.mean(0) - error, losses.mean(0) + error, color=colour, alpha=0.15, lw=0)
    axis.axhline(np.mean([piece["zero-shot"]["loss"] for piece in found]), color="0.6", lw=1, label="zero-shot")
    axis.set(xscale="log", xlabel="examples", ylabel="loss on the task", title="what a budget buys")
    axis.set_xticks(budgets, map(str, budgets))
    axis.minorticks_off()
    _named_below(axis)


def _named_below(axis: Any) -> None:
    axis.legend(frameon=False, fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))


def _quantiles(axis: Any, pieces: Mapping[str, Any]) -> None:
    for name, colour in (("gradient", "C0"), ("hidden", "C1"), ("pixels", "C2"), ("pixels and label", "C4")):
        values = np.array([piece["quantiles"][name]["loss"]["values"] for piece in tables.seeds(pieces)])
        axis.plot(range(1, values.shape[1] + 1), values.mean(0), ".-", color=colour, label=name)
    axis.set(xlabel="quantile, from the nearest", ylabel="loss on the task", title="60 examples of each quantile")
    _named_below(axis)


def _distances(axis: Any, pieces: Mapping[str, Any]) -> None:
    budgets = tables.budgets(pieces)
    for selector, values in tables.distances(pieces, "gradient", "transport").items():
        style = "k--" if selector == "random" else ".-"
        axis.plot(budgets, values, style, lw=1, label=selector)
    axis.set(xscale="log", xlabel="examples", ylabel="transport cost to the query", title="distance, by gradients")
    axis.set_xticks(budgets, map(str, budgets))
    axis.minorticks_off()
    _named_below(axis)
