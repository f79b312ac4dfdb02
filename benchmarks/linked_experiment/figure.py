"""One figure: the maps above, and what they leave below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")
import tables
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_SHOWN = {
    "link": ("C0", ".-"),
    "identity": ("C1", ".-"),
    f"{tables.ARITHMETIC}, linked": ("C2", "--"),
    f"{tables.GEOMETRIC}, linked": ("C4", "--"),
    tables.FLOOR: ("0.4", ":"),
}


def draw(pieces: Mapping[str, Any]) -> Figure:
    """A column for each dataset path."""
    settings = tables.measured(pieces)
    figure, axes = plt.subplots(2, len(settings), figsize=(3.4 * len(settings), 6.4), squeeze=False)
    figure.subplots_adjust(left=0.07, right=0.985, top=0.94, bottom=0.17, hspace=0.32, wspace=0.25)
    for (above, below), setting in zip(axes.T, settings, strict=True):
        _map(above, pieces, setting)
        _left(below, pieces, setting)
    axes[0, 0].set(ylabel=r"$\alpha$ of the weights")
    axes[1, 0].set(ylabel="divergence, % of that of the ends")
    for axis, height in ((axes[0, 0], 0.045), (axes[1, 0], 0.0)):
        anchor = {"loc": "lower center", "bbox_to_anchor": (0.5, height)}
        figure.legend(*axis.get_legend_handles_labels(), ncols=5, frameon=False, fontsize=9, **anchor)
    return figure


def _map(axis: Any, pieces: Mapping[str, Any], setting: str) -> None:
    a = tables.points(pieces, setting)
    axis.plot([0, 1], [0, 1], color="0.7", lw=1, label="identity")
    for likeness, colour in (("divergence", "C0"), ("value", "C3")):
        rows = tables.maps(pieces, setting, likeness)
        axis.plot(a, rows.T, color=colour, lw=0.6, alpha=0.4)
        axis.plot(a, rows.mean(0), ".-", color=colour, label=f"map by {likeness}")
    axis.set(title=setting, xlabel="a of the data")


def _left(axis: Any, pieces: Mapping[str, Any], setting: str) -> None:
    a, ends = tables.points(pieces, setting)[1:-1], tables.between_ends(pieces, setting)
    for label, (colour, style) in _SHOWN.items():
        rows = 100 * tables.apart(pieces, setting, label) / ends[:, None]
        axis.plot(a, rows.mean(0), style, color=colour, label=label)
    axis.set(xlabel="a of the data", xlim=(0, 1), ylim=(0, None))
