"""Domains as sliders: from where sliders stand to a point, and back."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from continuum.core import Domain, Interval, Levels, Point, Points, Product, Simplex

__all__ = ["Dial", "Dials", "dials"]

_STEPS = 200  # of a slider
_OTHER = 33  # points of the grid of a domain that is not ours

Place = tuple[float, ...]


@dataclass(frozen=True)
class Dial:
    """One slider.

    Attributes:
        label: what it moves.
        low: where it begins.
        high: where it ends.
        step: its smallest move.
    """

    label: str
    low: float
    high: float
    step: float


@dataclass(frozen=True, eq=False)
class Dials:
    """The sliders of a domain.

    Laws: `point` of any places of the sliders is in the domain; `point(places(p)) == p` up to the steps of the sliders.

    Attributes:
        dials: the sliders.
        point: from where they stand to a point.
        places: from a point to where they stand.
    """

    dials: tuple[Dial, ...]
    point: Callable[[Sequence[float]], Point]
    places: Callable[[Point], Place]


@functools.singledispatch
def dials(domain: Domain) -> Dials:
    """The sliders of a domain; register a class of domains for sliders of its own.

    A domain that is not known gets one slider over the points of its grid.

    Example:
        >>> moved = dials(Levels((0, 0.25, 1)))
        >>> moved.point([0.4])
        (0.25,)
    """
    return _among(domain.grid(_OTHER), "point")


@dials.register
def _(domain: Interval) -> Dials:
    if domain.spacing == "linear":
        step = (domain.high - domain.low) / _STEPS
        return Dials((Dial(domain.axis, domain.low, domain.high, step),), _clipped(domain), tuple)
    low, high = math.log10(domain.low), math.log10(domain.high)

    def point(places: Sequence[float]) -> Point:
        return domain.point(min(max(10 ** places[0], domain.low), domain.high))

    dial = Dial(f"log₁₀ {domain.axis}", low, high, (high - low) / _STEPS)
    return Dials((dial,), point, lambda at: (math.log10(at[0]),))


@dials.register
def _(domain: Levels) -> Dials:
    low, high = domain.values[0], domain.values[-1]
    if low == high:
        return Dials((), lambda _: (low,), lambda _: ())
    return Dials((Dial(domain.axis, low, high, (high - low) / _STEPS),), _clipped(domain), tuple)


@dials.register
def _(domain: Simplex) -> Dials:
    if len(domain.axes) == 1:
        return Dials((), lambda _: (1.0,), lambda _: ())
    if len(domain.axes) == 2:
        first, second = domain.axes
        dial = Dial(f"weight of {second} (0 is {first} alone)", 0.0, 1.0, 1 / _STEPS)
        return Dials((dial,), lambda places: domain.point((1 - places[0], places[0])), lambda at: at[1:])
    sliders = tuple(Dial(f"share of {axis}", 0.0, 1.0, 1 / _STEPS) for axis in domain.axes)
    return Dials(sliders, lambda places: domain.point(_shares(places)), tuple)


@dials.register
def _(domain: Points) -> Dials:
    return _among(domain.points, "member")


@dials.register
def _(domain: Product) -> Dials:
    parts = [(name, dials(factor)) for name, factor in domain.factors]
    sliders = tuple(
        Dial(_named(name, dial.label), dial.low, dial.high, dial.step) for name, part in parts for dial in part.dials
    )
    sizes = {name: len(part.dials) for name, part in parts}

    def point(places: Sequence[float]) -> Point:
        pieces = _pieces(places, sizes.values())
        return domain.point([x for (_, part), piece in zip(parts, pieces, strict=True) for x in part.point(piece)])

    def places(at: Point) -> Place:
        split: Mapping[str, Point] = domain.split(at)
        return tuple(x for name, part in parts for x in part.places(split[name]))

    return Dials(sliders, point, places)


def _among(points: Sequence[Point], label: str) -> Dials:
    """One slider over a list of points."""
    points = tuple(points)
    if len(points) == 1:
        return Dials((), lambda _: points[0], lambda _: ())

    def places(at: Point) -> Place:
        return (float(min(range(len(points)), key=lambda i: math.dist(points[i], at))),)

    last = len(points) - 1
    return Dials((Dial(label, 0, last, 1),), lambda at: points[round(min(max(at[0], 0), last))], places)


def _clipped(domain: Interval | Levels) -> Callable[[Sequence[float]], Point]:
    low, high = domain.vertices()[0][0], domain.vertices()[-1][0]
    return lambda places: domain.point(min(max(places[0], low), high))


def _shares(places: Sequence[float]) -> Place:
    """Weights in proportion to the sliders; equal ones where all are at 0."""
    total = math.fsum(max(x, 0.0) for x in places)
    return tuple(max(x, 0.0) / total for x in places) if total > 0 else (1 / len(places),) * len(places)


def _named(factor: str, label: str) -> str:
    return label if label == factor else f"{factor}: {label}"


def _pieces(places: Sequence[float], sizes: Iterable[int]) -> list[Sequence[float]]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(places[start : start + size])
        start += size
    return pieces
