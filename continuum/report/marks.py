"""What the pictures of several coordinates share: one part of the figure a metric, marks with tips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from .colour import ColourScale
from .panel import Panel
from .text import interval, place
from .theme import DARK
from .tips import set_tips

__all__ = ["coloured_marks", "parts_of", "point_tips"]


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
