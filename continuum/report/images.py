"""Strips of images: how a picture changes along a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from continuum.core import InvalidInputError

from .text import for_figure, number
from .theme import INK, MUTED, PAPER

__all__ = ["image_strip"]

_SIDE = 0.72  # inches of one picture
_GAP = 0.06  # of a picture
_NOTE = 0.2  # of a picture: room for the texts below it
_LABEL = 28  # letters of the longest name
_MARGIN, _HEADINGS = 0.08, 0.28  # inches
_ROUNDING = 1e-6

Images = NDArray[np.float64]  # (r, k, h, w) grey or (r, k, h, w, c) colour


def image_strip(
    rows: Mapping[str, ArrayLike],
    *,
    columns: Sequence[str | float],
    titles: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Figure of images, one column for each coordinate, black for 0 and white for 1.

    Args:
        rows: for each label k images in [0, 1]: (k, h, w), or (r, k, h, w) for r examples. Colour images have a fifth
            axis of length 3: (r, k, h, w, 3). A NaN is left blank.
        columns: k headings, such as coordinates.
        titles: for a label, k short texts to write under its images, such as their soft labels.

    Raises:
        InvalidInputError: if there is no image, a shape does not fit, or a value is outside [0, 1].

    Example:
        >>> ramp = np.linspace(0, 1, 3)[:, None, None] * np.ones((3, 4, 4))
        >>> len(image_strip({"McCann": ramp}, columns=[0, 0.5, 1]).axes)
        1
    """
    blocks = {label: _checked(label, images, len(columns)) for label, images in rows.items()}
    notes = _checked_titles(titles or {}, blocks)
    if not blocks or not len(columns):
        raise InvalidInputError(f"`rows` and `columns` must not be empty, got {len(rows)} and {len(columns)}.")
    bottoms = _bottoms(blocks, notes)
    floor = bottoms[-1] + (_NOTE if list(blocks)[-1] in notes else _GAP)
    figure = Figure(facecolor=PAPER)
    axes = figure.subplots()
    for (label, block), bottom in zip(blocks.items(), bottoms, strict=True):
        _draw(axes, block, bottom, notes.get(label, ()))
    _name(axes, blocks, bottoms, columns)
    axes.set(xlim=(0, _step(len(columns)) + 2 * _GAP), ylim=(floor, 0))
    _fit(figure, axes)
    return figure


def _fit(figure: Figure, axes: Axes) -> None:
    """Give each picture its size, and the names at the left the room that they take."""
    figure.draw_without_rendering()
    names = max(tick.get_window_extent().width for tick in axes.get_yticklabels()) / figure.dpi
    (_, right), (floor, _) = axes.get_xlim(), axes.get_ylim()
    left, wide, high = names + 2 * _MARGIN, _SIDE * right, _SIDE * floor
    width, height = left + wide + _MARGIN, high + _MARGIN + _HEADINGS
    figure.set_size_inches(width, height)
    axes.set_position((left / width, _MARGIN / height, wide / width, high / height))


def _checked(label: str, images: ArrayLike, k: int) -> Images:
    try:
        block = np.asarray(images, float)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"`rows[{label!r}]` must be an array of images: {error}.") from error
    block = block[None] if block.ndim == 3 else block
    if block.ndim not in (4, 5) or block.shape[1] != k or 0 in block.shape or block.shape[4:] not in ((), (3,)):
        raise InvalidInputError(
            f"`rows[{label!r}]` must have the shape ({k}, h, w), (r, {k}, h, w) or (r, {k}, h, w, 3) for {k} columns, "
            f"got {np.shape(images)}."
        )
    low, high = np.nanmin(block, initial=1.0), np.nanmax(block, initial=0.0)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise InvalidInputError(f"`rows[{label!r}]` must lie in [0, 1], got [{low:g}, {high:g}]; rescale the images.")
    return np.asarray(np.clip(block, 0, 1))


def _checked_titles(titles: Mapping[str, Sequence[str]], blocks: Mapping[str, Images]) -> dict[str, list[str]]:
    for label, texts in titles.items():
        if label not in blocks:
            raise InvalidInputError(f"`titles` names {label!r}, which is not in `rows`: {list(blocks)}.")
        if len(texts) != blocks[label].shape[1]:
            raise InvalidInputError(f"`titles[{label!r}]` needs {blocks[label].shape[1]} texts, got {len(texts)}.")
    return {label: list(map(str, texts)) for label, texts in titles.items()}


def _step(count: int) -> float:
    """Room for `count` pictures side by side, in widths of a picture."""
    return count * (1 + _GAP) - _GAP


def _tall(block: Images) -> float:
    """Height of all examples of a label, in widths of a picture."""
    r, _, h, w = block.shape[:4]
    return float(_step(r) * h / w)


def _bottoms(blocks: Mapping[str, Images], notes: Mapping[str, Sequence[str]]) -> list[float]:
    """Where each label ends, from the top down."""
    bottoms, y = [], 0.0
    for label, block in blocks.items():
        bottoms.append(y + _tall(block))
        y = bottoms[-1] + (_NOTE if label in notes else 0.0) + 2.5 * _GAP
    return bottoms


def _draw(axes: Axes, block: Images, bottom: float, titles: Sequence[str]) -> None:
    r, k, h, w = block.shape[:4]
    for i in range(r):
        for j in range(k):
            left, top = j * (1 + _GAP) + _GAP, bottom - _tall(block) + i * (1 + _GAP) * h / w
            where = (left, left + 1, top + h / w, top)
            axes.imshow(block[i, j], extent=where, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    for x, text in zip(_centres(k), titles, strict=False):
        axes.text(x, bottom + 0.03, for_figure(text, 14), ha="center", va="top", fontsize=7.5, color=MUTED)


def _name(axes: Axes, blocks: Mapping[str, Images], bottoms: list[float], columns: Sequence[str | float]) -> None:
    """Names of rows at the left, of columns on top."""
    middles = [bottom - _tall(block) / 2 for bottom, block in zip(bottoms, blocks.values(), strict=True)]
    axes.set_yticks(middles, [for_figure(label, _LABEL) for label in blocks])
    axes.xaxis.tick_top()
    names = [for_figure(text if isinstance(text, str) else number(float(text)), 14) for text in columns]
    axes.set_xticks(_centres(len(columns)), names)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK, pad=3)
    axes.spines[:].set_visible(False)


def _centres(k: int) -> list[float]:
    return [j * (1 + _GAP) + _GAP + 0.5 for j in range(k)]
