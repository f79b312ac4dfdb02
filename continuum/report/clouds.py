"""Point clouds in the plane and in space: how a cloud changes along a path."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from continuum.core import InvalidInputError, as_array

from .text import for_figure, number
from .theme import INK, MUTED, PAPER, SERIES

__all__ = ["CLOUD_SIDE", "Frame", "cloud_png", "cloud_strip", "frame_of"]

Array = NDArray[np.float64]

_SIDE = 1.25  # inches of one picture
CLOUD_SIDE = 260  # pixels of a picture on a page
_FINER = 2  # drawn so many times larger, then averaged: smooth edges
_AZIMUTH, _ELEVATION = np.radians(35), np.radians(22)  # from where a cloud in space is seen
_FAR = 0.3  # opacity of the farthest point


@dataclass(frozen=True, eq=False)
class Frame:
    """What is in sight: clouds are compared in one frame, or their motion would not show.

    Attributes:
        centre: the middle, (d,).
        radius: half of the width of the picture.
    """

    centre: Array
    radius: float


def frame_of(clouds: Iterable[ArrayLike]) -> Frame:
    """The smallest frame around some clouds of one dimension, with a little air."""
    points = np.concatenate([as_array(cloud) for cloud in clouds]).astype(float)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    # In space the farthest point from the centre counts, so that nothing leaves the picture from whichever side seen.
    far = np.linalg.norm(points - centre, axis=1) if points.shape[1] == 3 else abs(points - centre).max(axis=1)
    return Frame(centre, 1.06 * float(far.max()) or 1.0)


def cloud_png(cloud: ArrayLike, frame: Frame, groups: ArrayLike | None = None) -> bytes:
    """A picture of one cloud as a PNG file on no ground; in space, what is far is pale.

    Args:
        cloud: points (n, 2) or (n, 3).
        frame: what is in sight; points outside are left out.
        groups: a whole number from 0 for each point, shown by its colour.
    """
    flat, depth = _seen(as_array(cloud), frame)
    colours = _colours(len(flat), groups)
    order = np.argsort(depth, kind="stable")  # what is near is drawn last, over the rest
    pixels = _discs(flat[order], np.column_stack([colours, _opacity(depth)])[order])
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def cloud_strip(
    rows: Mapping[str, Sequence[ArrayLike]],
    *,
    columns: Sequence[str | float],
    groups: Mapping[str, Sequence[ArrayLike]] | None = None,
) -> Figure:
    """Figure of point clouds, one column for each coordinate, all in one frame.

    Args:
        rows: for each label k clouds, (n, 2) or all of them (n, 3).
        columns: k headings, such as coordinates.
        groups: for a label, a whole number from 0 for each point of each cloud, shown by its colour.

    Raises:
        InvalidInputError: if there is no cloud, or a shape does not fit.

    Example:
        >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> len(cloud_strip({"shift": [square, square + 1]}, columns=[0, 1]).axes)
        2
    """
    clouds = _checked(rows, len(columns))
    frame = frame_of(cloud for row in clouds.values() for cloud in row)
    figure = Figure(figsize=(0.9 + _SIDE * len(columns), 0.35 + _SIDE * len(rows)), facecolor=PAPER, layout="tight")
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    for i, (label, row) in enumerate(clouds.items()):
        for j, cloud in enumerate(row):
            flat, depth = _seen(cloud, frame)
            colours = _colours(len(flat), None if groups is None or label not in groups else groups[label][j])
            order = np.argsort(depth, kind="stable")
            shown = np.column_stack([colours, _opacity(depth)])[order]
            grid[i, j].scatter(*flat[order].T, s=_area(len(flat)), c=shown, linewidths=0)
            grid[i, j].set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[], aspect="equal")
            grid[i, j].spines[:].set(color=MUTED, alpha=0.25)
        grid[i, 0].set_ylabel(for_figure(label, 20), fontsize=9, color=INK)
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(for_figure(name if isinstance(name, str) else number(float(name)), 14), fontsize=9, color=INK)
    return figure


def _checked(rows: Mapping[str, Sequence[ArrayLike]], k: int) -> dict[str, list[Array]]:
    clouds = {label: [as_array(cloud).astype(float) for cloud in row] for label, row in rows.items()}
    if not clouds or not k:
        raise InvalidInputError(f"`rows` and `columns` must not be empty, got {len(rows)} and {k}.")
    dimensions = {cloud.shape[1:] for row in clouds.values() for cloud in row}
    for label, row in clouds.items():
        if len(row) != k or any(cloud.ndim != 2 or not len(cloud) or not np.isfinite(cloud).all() for cloud in row):
            raise InvalidInputError(f"`rows[{label!r}]` must be {k} finite clouds (n, d), n > 0, got {len(row)}.")
    if dimensions not in ({(2,)}, {(3,)}):
        raise InvalidInputError(f"clouds must all have 2 or all 3 coordinates, got {sorted(dimensions)}.")
    return clouds


def _seen(cloud: NDArray[Any], frame: Frame) -> tuple[Array, Array]:
    """Coordinates in the picture, from -1 to 1, and how near each point is."""
    x = (cloud - frame.centre) / frame.radius
    if x.shape[1] == 2:
        return x, np.zeros(len(x))
    across = x[:, 0] * np.cos(_AZIMUTH) - x[:, 1] * np.sin(_AZIMUTH)
    away = x[:, 0] * np.sin(_AZIMUTH) + x[:, 1] * np.cos(_AZIMUTH)
    up = x[:, 2] * np.cos(_ELEVATION) - away * np.sin(_ELEVATION)
    return np.column_stack([across, up]), -(away * np.cos(_ELEVATION) + x[:, 2] * np.sin(_ELEVATION))


def _colours(n: int, groups: ArrayLike | None) -> Array:
    chosen = np.zeros(n, int) if groups is None else as_array(groups).astype(int)
    return np.array([to_rgb(SERIES[i % len(SERIES)]) for i in chosen])


def _opacity(depth: Array) -> Array:
    span = np.ptp(depth)
    return _FAR + (1 - _FAR) * (depth - depth.min()) / span if span > 0 else np.full(len(depth), 0.9)


def _area(n: int) -> float:
    """Square points of a mark: small where there are many."""
    return float(np.clip(1500 / n, 1.5, 24))


def _discs(flat: Array, colours: Array) -> NDArray[np.uint8]:
    """An image of discs; of two discs on one pixel the later is seen."""
    side = CLOUD_SIDE * _FINER
    radius = np.clip(0.55 * side / np.sqrt(len(flat)) / 2, 2.0, 9.0)
    reach = np.arange(-int(radius), int(radius) + 1)
    offsets = np.array([(i, j) for i in reach for j in reach if i * i + j * j <= radius**2])
    middle = np.round((flat * [1, -1] + 1) / 2 * (side - 1)).astype(int)
    at = (middle[:, None] + offsets).reshape(-1, 2)
    inside = ((at >= 0) & (at < side)).all(axis=1)
    canvas = np.zeros((side, side, 4))
    canvas[at[inside, 1], at[inside, 0]] = np.repeat(colours, len(offsets), axis=0)[inside]
    canvas[..., :3] *= canvas[..., 3:]  # averages of colours weigh by opacity
    small = canvas.reshape(CLOUD_SIDE, _FINER, CLOUD_SIDE, _FINER, 4).mean(axis=(1, 3))
    small[..., :3] /= np.maximum(small[..., 3:], 1e-9)
    return np.asarray((small * 255).round().astype(np.uint8))
