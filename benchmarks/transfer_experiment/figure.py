"""Distance of a mixture to the base against the accuracy after transfer."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_COLOURS = {"pca": "#0072b2", "learned": "#d55e00"}  # told apart by the colour-blind, Okabe & Ito (2008)


def distance_against_accuracy(lattice: pd.DataFrame, ranks: list[dict[str, Any]]) -> Figure:
    """A row for each space of the ground cost, a column for each target; single sources are squares."""
    spaces, targets = list(lattice["space"].unique()), list(lattice["target"].unique())
    size = (0.5 + 1.6 * len(targets), 0.8 + 1.7 * len(spaces))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(spaces), len(targets), sharey="col", squeeze=False)
    for (place, part), rank in zip(lattice.groupby(["space", "target"], sort=False), ranks, strict=True):
        panel = panels[spaces.index(place[0]), targets.index(place[1])]
        _scatter(panel, part, _COLOURS.get(place[0], "black"))
        panel.set_title(_correlation(rank), fontsize=8)
    for panel, target in zip(panels[0], targets, strict=True):
        panel.set_title(target.replace(" (", "\n(") + "\n" + panel.get_title(), fontsize=8)
    for row, space in zip(panels, spaces, strict=True):
        row[0].set_ylabel(f"accuracy, % ({space} space)", fontsize=8)
    figure.supxlabel("distance to the base along the generalized geodesic; squares are single sources", fontsize=8)
    figure.suptitle("Spearman's correlation of distance and accuracy over mixtures, with 95% intervals", fontsize=9)
    return figure


def _scatter(panel: Axes, part: pd.DataFrame, colour: str) -> None:
    alone = part["alone"].astype(bool)
    for marker, shown in (("o", part[~alone]), ("s", part[alone])):
        face = colour if marker == "o" else "none"
        panel.scatter(shown["squared"] ** 0.5, 100 * shown["value"], s=14, c=face, marker=marker, edgecolors=colour)
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3, linewidth=0.5)


def _correlation(rank: dict[str, Any]) -> str:
    return f"{rank['spearman']:+.2f} [{rank['low']:+.2f}, {rank['high']:+.2f}]"
