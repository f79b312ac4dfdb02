"""The one door to pictures of results: the coordinates choose the kind of picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.figure import Figure, FigureBase

from continuum.harness import Results

from .curves import curves_size, draw_curves
from .dots import dots_size, draw_dots
from .maps import draw_maps, maps_size
from .panel import Panel, panels
from .shape import Shape, shape_of
from .simplex import draw_triangles, triangles_size
from .text import for_figure
from .theme import INK, blank_figure

__all__ = ["draw_panels", "plot_results"]


@dataclass(frozen=True)
class _Kind:
    draw: Callable[[FigureBase, Sequence[Panel]], None]
    size: Callable[[Sequence[Panel]], tuple[float, float]]


_KINDS: Mapping[Shape, _Kind] = {
    "curve": _Kind(draw_curves, curves_size),
    "triangle": _Kind(draw_triangles, triangles_size),
    "map": _Kind(draw_maps, maps_size),
    "dots": _Kind(draw_dots, dots_size),
}


def plot_results(results: Results, metric: str | None = None, *, study: str | None = None) -> Figure:
    """Picture of results, always beside what the path has to beat: baselines, references, the best endpoint.

    One coordinate gives curves with 95 % intervals over seeds, three weights a triangle, two coordinates a map, more a
    sorted dot plot. A metric shows missing points as crosses, never as zero.

    Args:
        results: what `evaluate` returned or `Results.load` read.
        metric: one metric; all by default.
        study: one study; all by default, one below the other.

    Returns:
        A figure that no window and no global state knows; `figure.savefig(path)` writes it.

    Raises:
        InvalidInputError: if there is nothing to show, or no such metric or study.

    Example:
        >>> from continuum import Interval, evaluate, from_function
        >>> path = from_function(Interval(), lambda t: t)
        >>> figure = plot_results(evaluate(path, {"square": lambda x: x**2}, points=5))
        >>> figure.axes[0].get_ylabel()
        'square'
    """
    return draw_panels(panels(results, metric, study))


def draw_panels(shown: Sequence[Panel]) -> Figure:
    """Figure of panels, one block for each study."""
    blocks = [(study, shape, list(group)) for (study, shape), group in groupby(shown, lambda p: (p.study, shape_of(p)))]
    sizes = [_KINDS[shape].size(group) for _, shape, group in blocks]
    figure = blank_figure(max(width for width, _ in sizes), sum(height for _, height in sizes))
    if len(blocks) == 1:
        _KINDS[blocks[0][1]].draw(figure, shown)
        return figure
    places = figure.subfigures(len(blocks), 1, height_ratios=[height for _, height in sizes], squeeze=False)[:, 0]
    for place, (study, shape, group) in zip(places, blocks, strict=True):
        place.set_facecolor("none")
        place.suptitle(for_figure(study, 60), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
        _KINDS[shape].draw(place, group)
    return figure
