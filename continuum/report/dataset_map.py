"""A map of datasets: each is a point with its name, and near ones are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from continuum.core import InvalidInputError

from .text import for_figure
from .theme import INK, MUTED, PAPER, blank_figure, mark_of, plain_frame

__all__ = ["NamedCoordinates", "dataset_map"]


class NamedCoordinates(Protocol):
    """Named points of a plane, such as `continuum.datasets.DistanceMatrix.coordinates` returns."""

    @property
    def names(self) -> Sequence[str]:
        """One for each point."""
        ...

    @property
    def coordinates(self) -> NDArray[Any]:
        """(N, 2)."""
        ...

    @property
    def share(self) -> float:
        """Part of the variation between the datasets that the plane shows, between 0 and 1."""
        ...


def dataset_map(shown: NamedCoordinates, *, title: str = "", unit: str = "distance") -> Figure:
    """Picture of datasets as points of a plane, with equal scales, since only distances mean something.

    Args:
        shown: names, coordinates and the share of variation that they show.
        title: a title.
        unit: what the coordinates are measured in.

    Returns:
        A figure that no window and no global state knows; `figure.savefig(path)` writes it.

    Raises:
        InvalidInputError: if the coordinates are not finite points of a plane, one for each name.
    """
    points = np.asarray(shown.coordinates, float)
    if points.shape != (len(shown.names), 2) or not np.isfinite(points).all() or not len(points):
        raise InvalidInputError(
            f"`coordinates` must be finite and ({len(shown.names)}, 2), got shape {points.shape}; pass the coordinates "
            "of dimension 2."
        )
    figure = blank_figure(6.4, 4.8)
    axes = figure.subplots()
    plain_frame(axes)
    axes.grid(axis="x", color=INK, alpha=0.12, linewidth=0.7)
    for i, (name, point) in enumerate(zip(shown.names, points, strict=True)):
        _draw(axes, name, point, i)
    axes.margins(0.18)  # room for the names
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(for_figure(f"first coordinate ({unit})"), fontsize=9, color=INK)
    axes.set_ylabel(for_figure(f"second coordinate ({unit})"), fontsize=9, color=INK)
    if title:
        figure.suptitle(for_figure(title, 60), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    note = f"{len(points)} datasets; the plane shows {shown.share:.0%} of the variation"
    axes.set_title(note, loc="left", fontsize=8.5, color=MUTED)
    return figure


def _draw(axes: Axes, name: str, point: NDArray[Any], i: int) -> None:
    mark = mark_of(i, is_baseline=False)
    axes.plot(
        *point[:, None],
        linestyle="none",
        color=mark.color,
        marker=mark.marker,
        markersize=8,
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
        zorder=mark.layer,
    )
    # Neighbours in the order of the names stand above and below: two halves of one set often coincide.
    shift, anchor = ((0, 8), "bottom") if i % 2 == 0 else ((0, -8), "top")
    axes.annotate(
        for_figure(name, 24),
        (float(point[0]), float(point[1])),
        xytext=shift,
        textcoords="offset points",
        ha="center",
        va=anchor,
        fontsize=8.5,
        color=INK,
        zorder=4,
    )
