"""What the pictures of several coordinates share: one part of the figure a metric, marks with tips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from .colour import ColourScale
from .panel import Panel
from .text import interval, place
from .theme import DARK, legend_height
from .tips import set_tips

__all__ = ["coloured_marks", "multiples_size", "parts_of", "point_tips"]


def multiples_size(
    panels: Sequence[Panel], *, alone: tuple[float, float], among: tuple[float, float]
) -> tuple[float, float]:
    """Inches that the panels want, one below the other, if a picture wants `alone`, or `among` others beside it."""
    labels = max(len(panel.paths) or 1 for panel in panels)
    columns, rows = min(labels, 3), math.ceil(labels / 3)
    across, up = alone if columns == 1 else (among[0] * columns, among[1] * rows)
    names = [*panels[0].references, "best end of the path (choosing): 0.1234", "best point"]
    return 1.1 + across, len(panels) * (up + legend_height(names, 1.1 + across))


def parts_of(figure: FigureBase, panels: Sequence[Panel]) -> Iterator[tuple[FigureBase, Panel]]:
    """The part of `figure` for each panel, one below the other."""
    parts = figure.subfigures(len(panels), 1, squeeze=False)[:, 0] if len(panels) > 1 else [figure]
    for part, panel in zip(parts, panels, strict=True):
        part.set_facecolor("none")
        yield part, panel


def coloured_marks(axes: Axes, panel: Panel, label: str, scale: ColourScale, x: Any, y: Any, size: float) -> None:
    """A mark at each point of a label that has a number, in its colour and with its tip."""
    frame = panel.paths[label]
    z = frame["mean"].to_numpy(float)
    known = np.isfinite(z)
    look: dict[str, Any] = {"cmap": scale.colours, "norm": scale.norm, "edgecolors": DARK, "linewidths": 0.65}
    marks = axes.scatter(x[known], y[known], c=z[known], s=size, zorder=4, clip_on=False, **look)
    set_tips(marks, point_tips(panel, label, frame[known]))


def point_tips(panel: Panel, label: str, frame: pd.DataFrame) -> list[str]:
    """The tip of each row: whose it is, where, and the number with its interval."""
    return [f"{label}\n{place(row, panel.axes)}\n{interval(row)}" for row in frame.to_dict("records")]
