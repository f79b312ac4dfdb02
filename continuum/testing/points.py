"""Points to try a path with: inside, outside, malformed, halfway, and one point in every spelling."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any
from unittest import SkipTest

import numpy as np

from continuum.core import Domain, Interval, Levels, Point, Points, Product, Simplex, rng_for

__all__ = ["malformed", "midpoint", "outside", "segments", "some_points", "spellings"]


def some_points(domain: Domain, place: str, n: int = 3) -> list[Point]:
    """Up to three vertices and `n` random points, each once; the same ones for the same `place`."""
    corners = domain.vertices()
    drawn = domain.sample(n, rng_for(0, place))
    return list(dict.fromkeys([*corners[:2], *corners[-1:], *drawn]))


def spellings(domain: Domain, point: Point) -> dict[str, Any]:
    """Every way to write `point` that `at` must understand."""
    ways: dict[str, Any] = {
        "list": list(point),
        "array": np.array(point),
        "tuple of numpy scalars": tuple(map(np.float64, point)),
        "mapping": dict(zip(domain.axes, point, strict=True)),
    }
    if len(point) == 1:
        ways |= {"float": point[0], "numpy scalar": np.float64(point[0]), "0-d array": np.array(point[0])}
    if isinstance(domain, Product):
        ways["mapping by factor"] = domain.split(point)
    return ways


def malformed(domain: Domain) -> dict[str, Any]:
    """What is no point of any domain with these axes."""
    inside = domain.vertices()[0]
    return {
        "NaN": (math.nan, *inside[1:]),
        "infinity": (*inside[:-1], math.inf),
        "minus infinity": (-math.inf, *inside[1:]),
        "one coordinate too many": (*inside, 0.0),
        "no coordinate": (),
        "an unknown name": {**dict(zip(domain.axes, inside, strict=True)), "no such axis": 0.0},
        "None": None,
        "text": "0.5",
        "a text coordinate": ("0.5",) * len(inside),
    }


@functools.singledispatch
def outside(domain: Any) -> list[Point]:
    """Well-formed points that are not in `domain`; register a rule for a new type of domain."""
    raise SkipTest(f"no rule tells what is outside a {type(domain).__name__}; register one with `outside.register`.")


@outside.register
def _(domain: Interval) -> list[Point]:
    return _beyond(domain.low, domain.high)


@outside.register
def _(domain: Levels) -> list[Point]:
    return _beyond(domain.values[0], domain.values[-1])


@outside.register
def _(domain: Simplex) -> list[Point]:
    k = len(domain.axes)
    too_much, too_little = (1.5 / k,) * k, (0.5 / k,) * k
    negative = [(-0.25, 1.25, *(0.0,) * (k - 2))] if k > 1 else []
    return [too_much, too_little, *negative]


@outside.register
def _(domain: Points) -> list[Point]:
    reach = max(abs(coordinate) for point in domain.points for coordinate in point)
    return [(2 * reach + 1,) * len(domain.axes)]


@outside.register
def _(domain: Product) -> list[Point]:
    inside, found, start = domain.vertices()[0], list[Point](), 0
    for _name, factor in domain.factors:
        stop = start + len(factor.axes)
        found += [(*inside[:start], *part, *inside[stop:]) for part in outside(factor)]
        start = stop
    return found


def _beyond(low: float, high: float) -> list[Point]:
    """Points just and far beyond the two ends; "just" is clear of what `point` forgives as rounding."""
    step = 1e-3 * (high - low) + 1e-9 * max(abs(low), abs(high), 1e-300)
    return [(low - step,), (high + step,), (low - 1e3 * step - 1,), (high + 1e3 * step + 1,)]


def segments(domain: Domain) -> list[tuple[Point, Point]]:
    """Segments on which to look for jumps: a chain of at most four vertices and one segment through the inside.

    Raises:
        SkipTest: if the domain is not known to be connected.
    """
    if not _is_connected(domain):
        raise SkipTest(f"continuity has no meaning on a {type(domain).__name__} that is not known to be connected.")
    corners = domain.vertices()[:4]
    chain = list(itertools.pairwise(corners))
    if len(domain.axes) == 1:
        return chain
    a, b = domain.sample(2, rng_for(0, "segments"))
    return [*chain, (a, b)]


def midpoint(domain: Domain, a: Point, b: Point) -> Point:
    """The point halfway between two points of a connected domain, in the spacing of the domain."""
    if isinstance(domain, Product):
        left, right = domain.split(a), domain.split(b)
        return tuple(c for name, factor in domain.factors for c in midpoint(factor, left[name], right[name]))
    if isinstance(domain, Interval) and domain.spacing == "log":
        return (math.sqrt(a[0]) * math.sqrt(b[0]),)
    return domain.point([0.5 * s + 0.5 * t for s, t in zip(a, b, strict=True)])


def _is_connected(domain: Domain) -> bool:
    if isinstance(domain, Product):
        return all(_is_connected(factor) for _, factor in domain.factors)
    return isinstance(domain, Interval | Simplex)
