"""Domains as images of a cube, so that any optimiser of numbers in [0, 1] can look for a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from continuum.core import Domain, Interval, InvalidInputError, Levels, Product, Simplex
from continuum.core.domain import Points

__all__ = ["Cube", "cube_of"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Cube:
    r"""A map from $[0, 1]^d$ onto a domain. Uniform numbers give uniform points, and (1/2, ...) its middle.

    Attributes:
        size: d.
        coordinates: of d numbers, those of a point before it is canonical.
    """

    size: int
    coordinates: Callable[[Sequence[float]], tuple[float, ...]]


def cube_of(domain: Domain) -> Cube:
    """The cube of a domain of this library.

    Raises:
        InvalidInputError: for other domains.
    """
    if isinstance(domain, Product):
        return _product([cube_of(factor) for _, factor in domain.factors])
    if isinstance(domain, Simplex):
        return Cube(len(domain.axes), _on_simplex)
    if isinstance(domain, Interval):
        return Cube(1, lambda u: (_between(domain, u[0]),))
    if isinstance(domain, Levels):
        return Cube(1, lambda u: (_picked(domain.values, u[0]),))
    if isinstance(domain, Points):
        return Cube(1, lambda u: tuple(_picked(domain.points, u[0])))
    raise InvalidInputError(
        f"points of a {type(domain).__name__} cannot be looked for; search a path over Interval, Levels, Points, "
        "Simplex or a Product of these."
    )


def _product(cubes: Sequence[Cube]) -> Cube:
    ends = [sum(cube.size for cube in cubes[: k + 1]) for k in range(len(cubes))]

    def coordinates(u: Sequence[float]) -> tuple[float, ...]:
        parts = zip(cubes, ends, strict=True)
        return tuple(x for cube, end in parts for x in cube.coordinates(u[end - cube.size : end]))

    return Cube(ends[-1], coordinates)


def _on_simplex(u: Sequence[float]) -> tuple[float, ...]:
    """Exponential variables divided by their sum are uniform on the simplex."""
    draws = [-math.log1p(-min(x, 1 - 1e-12)) for x in u]
    total = sum(draws)
    return tuple(x / total for x in draws) if total > 0 else (1 / len(u),) * len(u)


def _between(domain: Interval, u: float) -> float:
    if domain.spacing == "log":
        return float(domain.low * (domain.high / domain.low) ** u)
    return domain.low + u * (domain.high - domain.low)


def _picked(values: Sequence[T], u: float) -> T:
    return values[min(int(u * len(values)), len(values) - 1)]
