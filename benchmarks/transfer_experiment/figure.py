"""Distance of a mixture to the base against the accuracy after transfer."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

_COLOURS = {"pca": "#0072b2", "learned": "#d55e00"}  # told apart by the colour-blind, Okabe & Ito (2008)


def distance_against_accuracy(lattice: pd.DataFrame, ranks: list[dict[str, Any]]) -> Figure:
    """A row for each space of the ground cost, a column for each target; single sources are squares."""
    spaces, targets = lattice["space"].unique(), lattice["target"].unique()
    figure = Figure(figsize=(2.6 * len(targets), 2.5 * len(spaces)), layout="constrained")
    panels = figure.subplots(len(spaces), len(targets), squeeze=False)
    places = {(space, target): panels[i, j] for i, space in enumerate(spaces) for j, target in enumerate(targets)}
    for (place, part), rank in zip(lattice.groupby(["space", "target"], sort=False), ranks, strict=True):
        panel = places[place]
        for marker, shown in (("o", part[~part["alone"].astype(bool)]), ("s", part[part["alone"].astype(bool)])):
            panel.scatter(shown["squared"] ** 0.5, 100 * shown["value"], s=18, marker=marker, color=_COLOURS[place[0]])
        interval = f"{rank['spearman']:+.2f} [{rank['low']:+.2f}, {rank['high']:+.2f}]"
        panel.set_title(f"{place[1]}\nSpearman {interval}", fontsize=8)
        panel.tick_params(labelsize=7)
    for row, space in zip(panels, spaces, strict=True):
        row[0].set_ylabel(f"accuracy, %\n({space} space)", fontsize=8)
    figure.supxlabel("distance to the base along the generalized geodesic; squares are single sources", fontsize=8)
    return figure
