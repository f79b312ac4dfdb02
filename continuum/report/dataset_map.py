"""A map of datasets: each is a point with its name, and near ones are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from continuum.core import InvalidInputError

from .text import for_figure
from .theme import INK, MUTED, PAPER, blank_figure, mark_of, plain_frame

__all__ = ["NamedCoordinates", "dataset_map"]

_SIZE = 8  # points, of a mark
# Where a name may stand, the best first: distances from its mark in points, and directions.
_RINGS = (8, 20, 32, 44)
_SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
_ANCHORS = {-1: ("right", "top"), 0: ("center", "center"), 1: ("left", "bottom")}


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
    names = [_draw(axes, name, point, i) for i, (name, point) in enumerate(zip(shown.names, points, strict=True))]
    axes.margins(0.18)  # room for the names
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(for_figure(f"first coordinate ({unit})"), fontsize=9, color=INK)
    axes.set_ylabel(for_figure(f"second coordinate ({unit})"), fontsize=9, color=INK)
    if title:
        figure.suptitle(for_figure(title, 60), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    note = f"{len(points)} datasets; the plane shows {shown.share:.0%} of the variation"
    axes.set_title(note, loc="left", fontsize=8.5, color=MUTED)
    _spread(figure, axes, names, points)
    return figure


def _draw(axes: Axes, name: str, point: NDArray[Any], i: int) -> Annotation:
    mark = mark_of(i, is_baseline=False)
    axes.plot(
        *point[:, None],
        linestyle="none",
        color=mark.color,
        marker=mark.marker,
        markersize=_SIZE,
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
        zorder=mark.layer,
    )
    return axes.annotate(
        for_figure(name, 24),
        (float(point[0]), float(point[1])),
        xytext=(0, 0),
        textcoords="offset points",
        fontsize=8.5,
        color=INK,
        zorder=4,
        arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 0.6 * _SIZE},
    )


def _spread(figure: Figure, axes: Axes, names: Sequence[Annotation], points: NDArray[Any]) -> None:
    """Move each name in turn to the nearest place where it covers no mark and no earlier name, or the least of them."""
    figure.draw_without_rendering()  # only now are the limits of the axes and the sizes of the texts known
    radius = 0.6 * _SIZE * figure.dpi / 72
    centres = axes.transData.transform(points)
    taken = [Bbox([centre - radius, centre + radius]) for centre in centres]
    places = [(ring, side) for ring in _RINGS for side in _SIDES]
    for name in names:

        def cost(place: tuple[int, tuple[int, int]], name: Annotation = name) -> float:
            box = _put(name, *place)
            covered = sum(_area(Bbox.intersection(box, other)) for other in taken)
            return covered + _area(box) - _area(Bbox.intersection(box, axes.bbox))

        taken.append(_put(name, *min(places, key=cost)))


def _put(name: Annotation, ring: int, side: tuple[int, int]) -> Bbox:
    x, y = side
    name.xyann = (ring * x, ring * y) if 0 in side else (0.7 * ring * x, 0.7 * ring * y)
    name.set(ha=_ANCHORS[x][0], va=_ANCHORS[y][1])
    if name.arrow_patch is not None:  # a line tells whose name it is; next to the mark nobody asks
        name.arrow_patch.set_visible(ring > _RINGS[0])
    name.get_window_extent()  # moves the text, and is with the line
    return Text.get_window_extent(name)


def _area(box: Bbox | None) -> float:
    return 0.0 if box is None else float(box.width * box.height)
