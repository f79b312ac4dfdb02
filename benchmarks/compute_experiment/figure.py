"""Two figures: what iterations buy, and completed clouds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")
import tables
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def draw_budgets(pieces: Mapping[str, Any]) -> Figure | None:
    """Accuracy against iterations: on the ceiling where news has to travel, flat where digits are told apart."""
    walks = [row for row in tables.walks(pieces) if row["clouds"] == "test"]
    if not walks:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=False)
    for axis, task in zip(axes, ("arms", "pairs"), strict=False):
        _walk(axis, [row for row in walks if row["model"].startswith(task)], task)
        for row in tables.stopping(pieces):
            if row["model"].startswith(task) and row["clouds"] == "test":
                axis.plot(row["mean count"], row["accuracy"], "k*", ms=10, label="ends by itself")
        _labelled(axis)
    for row in tables.budgets(pieces):
        if row["model"].startswith("mnist"):
            counts = [key for key in row if key.isdigit()]
            dashed = "once" in row["model"]
            label = "trained for one" if dashed else "anytime"
            axes[2].plot([int(c) for c in counts], [row[c] for c in counts], "C3--" if dashed else "C0.-", label=label)
    axes[2].set(title="classes of MNIST clouds", xscale="log", xlabel="applications of F", ylim=(0.9, 1))
    _labelled(axes[2])
    return figure


def _walk(axis: Any, rows: list[dict[str, Any]], task: str) -> None:
    for row in rows:
        counts = [c["count"] for c in row["curve"]]
        dedicated = "dedicated" in row["model"]
        style, label = ("C3--", "trained for K = 4") if dedicated else ("C0o", "one model")
        axis.plot(counts, [c["accuracy"] for c in row["curve"]], style, ms=4, label=label)
        axis.plot(counts, [c["ceiling"] for c in row["curve"]], "-", color="0.6", lw=1, label="ceiling", zorder=0)
    titles = {"arms": "arms of spirals", "pairs": "pairs of MNIST digits"}
    axis.set(title=titles[task], xscale="log", xlabel="applications of F", ylabel="points that are right")


def _labelled(axis: Any) -> None:
    """A legend that names everything once."""
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        axis.legend(once.values(), once, frameon=False, fontsize=8, loc="lower right")


def draw_completions(pieces: Mapping[str, Any]) -> Figure | None:
    """Partial clouds, what PCN and an equilibrium make of them, and the whole clouds."""
    found = {
        (piece["data"], piece["kind"]): piece["shown"] for name, piece in pieces.items() if name.startswith("complete-")
    }
    kinds = [data for data in ("mnist", "furniture") if {(data, "pcn"), (data, "equilibrium")} <= set(found)]
    if not kinds:
        return None
    shown = 4
    figure = plt.figure(figsize=(8, 2.0 * shown * len(kinds)), layout="constrained")
    titles = ("partial", "PCN", "equilibrium", "whole")
    for block, data in enumerate(kinds):
        ours, theirs = found[data, "equilibrium"], found[data, "pcn"]
        for i in range(min(shown, len(ours) // 3)):
            part, made, whole = ours[3 * i : 3 * i + 3]
            for j, cloud in enumerate((part, theirs[3 * i + 1], made, whole)):
                place = (block * shown + i) * 4 + j + 1
                flat = len(cloud[0]) == 2
                axis = figure.add_subplot(shown * len(kinds), 4, place, projection=None if flat else "3d")
                columns = list(zip(*cloud, strict=True))
                if flat:
                    axis.plot(*columns, ".", ms=2, color="C0")
                    axis.set_aspect("equal")
                else:
                    axis.scatter(columns[0], columns[2], columns[1], s=2)  # y is up
                    axis.set_box_aspect((1, 1, 1))
                axis.set_axis_off()
                if i == 0:
                    axis.set_title(titles[j], fontsize=9)
    return figure
