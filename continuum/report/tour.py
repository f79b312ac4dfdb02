"""A tour of a study: a slider over its points, and at each what the values look like and what was measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from continuum.core import Point
from continuum.harness import Exhibit, Kept

from .clouds import Frame
from .exhibit_html import exhibit_html, shared_frame
from .markup import Cell, escaped, table
from .panel import Panel
from .shape import abscissa, shape_of, varying
from .text import interval, place

__all__ = ["tour"]

_MOST = 101  # stops

Looks = Mapping[tuple[str, Point], tuple[Exhibit, ...]]


@dataclass(frozen=True)
class _Stop:
    """A point of the study: how the reader sees it, and how the tips of the pictures call it."""

    point: Point
    name: str
    tip: str


def tour(study: str, panels: Sequence[Panel], kept: Iterable[Kept]) -> str:
    """A slider with everything known of each point; empty for a study with one point and nothing to look at."""
    looks = {(one.label, one.point): one.exhibits for one in kept}
    stops = _stops(panels, {point for _, point in looks})
    if len(stops) < 2 and not looks:
        return ""
    frame = shared_frame(item for shown in looks.values() for item in shown)
    numbers = _numbers(panels)
    labels = tuple(dict.fromkeys(label for panel in panels for label in panel.paths))
    body = "".join(
        f'<div class="stop" data-tip="{escaped(stop.tip)}" data-name="{escaped(stop.name)}"{" hidden" if i else ""}>\n'
        f"{_pictures(labels, stop.point, looks, frame)}{_table(panels, labels, stop, numbers)}</div>\n"
        for i, stop in enumerate(stops)
    )
    name = "tour-" + hashlib.sha256(study.encode("utf-8", "replace")).hexdigest()[:8]
    return f'<div class="tour" id="{name}">\n{_slider(name, stops)}{body}{_beside(looks, frame)}</div>\n'


def _stops(panels: Sequence[Panel], shown: set[Point]) -> list[_Stop]:
    """The points of the study in order; if there are too many, some of them, evenly spread, and all that are shown."""
    points = sorted({point for panel in panels for frame in panel.paths.values() for point in _points(panel, frame)})
    if len(points) > _MOST:
        step = (len(points) - 1) / (_MOST - 1)
        kept = {points[round(i * step)] for i in range(_MOST)} | shown
        points = [point for point in points if point in kept]
    axes, free, told = panels[0].axes, varying(panels[0]) or panels[0].axes, _told(panels[0])
    named = [(point, dict(zip(axes, point, strict=True))) for point in points]
    return [_Stop(point, place(at, free), place(at, told)) for point, at in named]


def _told(panel: Panel) -> tuple[str, ...]:
    """The coordinates that the tips of its picture tell."""
    axis = abscissa(panel).axis if shape_of(panel) == "curve" else None
    return panel.axes if axis is None else (axis,)


def _points(panel: Panel, frame: Mapping[str, Iterable[float]]) -> list[Point]:
    return list(zip(*(map(float, frame[axis]) for axis in panel.axes), strict=True))


def _numbers(panels: Sequence[Panel]) -> dict[tuple[str, str, Point], str]:
    """Each mean with its interval, by metric, label and point."""
    return {
        (panel.metric, label, point): interval(row)
        for panel in panels
        for label, frame in panel.paths.items()
        for point, row in zip(_points(panel, frame), frame.to_dict("records"), strict=True)
    }


def _slider(name: str, stops: Sequence[_Stop]) -> str:
    if len(stops) < 2:
        return ""
    return (
        f'<p class="dial" hidden><label for="{name}-slider">Point</label> '
        f'<output for="{name}-slider">{escaped(stops[0].name)}</output>\n'
        f'<input type="range" id="{name}-slider" min="0" max="{len(stops) - 1}" value="0" step="1"></p>\n'
    )


def _pictures(labels: Sequence[str], point: Point, looks: Looks, frame: Frame | None) -> str:
    here = {label: looks[label, point] for label in labels if (label, point) in looks}
    shown = "".join(f"<h4>{escaped(label)}</h4>\n{exhibit_html(items, frame)}" for label, items in here.items())
    return f'<div class="looks">{shown}</div>\n' if shown else ""


def _table(
    panels: Sequence[Panel], labels: Sequence[str], stop: _Stop, numbers: Mapping[tuple[str, str, Point], str]
) -> str:
    rows: list[list[Cell]] = [
        [(f"{panel.quantity} {panel.direction[:1]}".rstrip(), "text")]
        + [(numbers.get((panel.metric, label, stop.point), "—"), "number") for label in labels]
        for panel in panels
    ]
    return table(["", *labels], rows, caption=f"Measured at {stop.name}")


def _beside(looks: Looks, frame: Frame | None) -> str:
    """What lies on no path is shown at every stop."""
    flat = {label: items for (label, point), items in looks.items() if not point}
    shown = "".join(f"<h4>{escaped(label)}</h4>\n{exhibit_html(items, frame)}" for label, items in flat.items())
    return f'<div class="looks beside">{shown}</div>\n' if shown else ""
