"""Domains: the sets of coordinates on which interpolants live.

A `Point` is the canonical form of a coordinate: a tuple of finite floats that was validated and snapped, so that it can
be hashed, compared and written to JSON. Whatever a user may pass for a coordinate becomes a `Point` in exactly one
place, `Domain.point`.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from .errors import DomainError, InvalidInputError

__all__ = ["Domain", "Interval", "Levels", "Point", "PointLike", "Points", "Product", "Simplex"]

Point = tuple[float, ...]
PointLike = float | Sequence[float] | Mapping[str, Any]

_SIMPLEX_TOLERANCE = 1e-6  # what rounding in float32 or in a printed table can do to a sum
_EDGE_TOLERANCE = 1e-12  # relative; what float64 arithmetic can do to an end point


@runtime_checkable
class Domain(Protocol):
    """A set of coordinates; any object with these six members is one.

    Laws: `point` is idempotent; every point of `grid`, `sample` and `vertices` is in the domain and already canonical;
    `x in domain` holds if and only if `point(x)` does not raise.
    """

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the coordinates, one for each number in a point."""
        ...

    def point(self, x: PointLike, /) -> Point:
        """Canonical form of `x`.

        Raises:
            DomainError: if `x` is not in the domain; names the axis, the value and the bound.
        """
        ...

    def grid(self, n: int, /) -> tuple[Point, ...]:
        """Regular grid with `n` points along each edge."""
        ...

    def sample(self, n: int, rng: np.random.Generator, /) -> tuple[Point, ...]:
        """`n` independent points, uniform on the domain."""
        ...

    def vertices(self) -> tuple[Point, ...]:
        """The extreme points: where the discrete choices sit."""
        ...

    def __contains__(self, x: object, /) -> bool: ...


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`.

    Args:
        low: lower end, included.
        high: upper end, included. Extrapolation is a wider interval, such as `Interval(-0.5, 1.5)`.
        axis: name of the coordinate.
        spacing: "linear" or "log"; how `grid` and `sample` spread their points.

    Example:
        >>> Interval(0, 1).grid(3)
        ((0.0,), (0.5,), (1.0,))
    """

    low: float = 0.0
    high: float = 1.0
    axis: str = "t"
    spacing: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        # One form for equal intervals: 0, 0.0, -0.0 and a NumPy zero must have one fingerprint.
        for end in ("low", "high"):
            object.__setattr__(self, end, _tidy(_real(getattr(self, end), f"`{end}` of Interval")))
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InvalidInputError(f"Interval needs finite `low` < `high`, got {self.low!r}, {self.high!r}.")
        if self.spacing not in ("linear", "log"):
            raise InvalidInputError(f"`spacing` must be 'linear' or 'log', got {self.spacing!r}.")
        if self.spacing == "log" and self.low <= 0:
            raise InvalidInputError(f"Interval with log spacing needs `low` > 0, got {self.low!r}.")
        _check_axes((self.axis,))

    @property
    def axes(self) -> tuple[str, ...]:
        return (self.axis,)

    def point(self, x: PointLike, /) -> Point:
        (t,) = _coordinates(x, self)
        slack = _EDGE_TOLERANCE * max(abs(self.low), abs(self.high))
        if not self.low - slack <= t <= self.high + slack:
            raise DomainError(f"point {(t,)} is outside {self}: {self.axis} must lie in [{self.low:g}, {self.high:g}].")
        return (_tidy(min(max(t, self.low), self.high)),)

    def grid(self, n: int, /) -> tuple[Point, ...]:
        if _count(n) == 1:
            return ((_tidy(self.low),),)
        # i / (n - 1) is correctly rounded, so nested grids share their points bit for bit.
        return tuple((self._between(i / (n - 1)),) for i in range(n))

    def sample(self, n: int, rng: np.random.Generator, /) -> tuple[Point, ...]:
        return tuple((self._between(float(s)),) for s in rng.random(_count(n)))

    def vertices(self) -> tuple[Point, ...]:
        return ((_tidy(self.low),), (_tidy(self.high),))

    def _between(self, s: float) -> float:
        if s in (0.0, 1.0) or self.spacing == "linear":
            return _tidy(self.low * (1 - s) + self.high * s)
        t = math.exp(math.log(self.low) * (1 - s) + math.log(self.high) * s)
        return min(max(t, self.low), self.high)

    def __contains__(self, x: object, /) -> bool:
        return _accepts(self, x)


@dataclass(frozen=True)
class Levels:
    """A strictly increasing finite set of numbers.

    Any number between the first and the last level is accepted and snapped to the nearest one (the lower one of two
    equally near), so that a continuous request is legal while the record shows what was really evaluated.

    Args:
        values: the levels, at least one.
        axis: name of the coordinate.

    Example:
        >>> Levels((0, 0.25, 1)).point(0.4)
        (0.25,)
    """

    values: tuple[float, ...]
    axis: str = "level"

    def __post_init__(self) -> None:
        values = tuple(_tidy(_real(v, "a level")) for v in self.values)
        if not values or any(not math.isfinite(v) for v in values):
            raise InvalidInputError(f"Levels needs at least one finite value, got {self.values!r}.")
        if any(b <= a for a, b in itertools.pairwise(values)):
            raise InvalidInputError(f"Levels must increase strictly, got {self.values!r}; sort and deduplicate.")
        _check_axes((self.axis,))
        object.__setattr__(self, "values", values)

    @property
    def axes(self) -> tuple[str, ...]:
        return (self.axis,)

    def point(self, x: PointLike, /) -> Point:
        (t,) = _coordinates(x, self)
        low, high = self.values[0], self.values[-1]
        slack = _EDGE_TOLERANCE * max(abs(low), abs(high))
        if not low - slack <= t <= high + slack:
            raise DomainError(
                f"point {(t,)} is outside the levels: {self.axis} must lie in [{low:g}, {high:g}] "
                f"({len(self.values)} levels)."
            )
        right = min(bisect.bisect_left(self.values, t), len(self.values) - 1)
        left = max(right - 1, 0)
        nearest = left if t - self.values[left] <= self.values[right] - t else right
        return (self.values[nearest],)

    def grid(self, n: int, /) -> tuple[Point, ...]:
        if _count(n) >= len(self.values):
            return tuple((v,) for v in self.values)
        even = np.linspace(self.values[0], self.values[-1], n)
        return tuple(dict.fromkeys(self.point(float(t)) for t in even))

    def sample(self, n: int, rng: np.random.Generator, /) -> tuple[Point, ...]:
        return tuple((self.values[i],) for i in rng.integers(len(self.values), size=_count(n)))

    def vertices(self) -> tuple[Point, ...]:
        return tuple(dict.fromkeys(((self.values[0],), (self.values[-1],))))

    def __contains__(self, x: object, /) -> bool:
        return _accepts(self, x)


@dataclass(frozen=True)
class Simplex:
    r"""The probability simplex $\{a : a_i \ge 0, \sum_i a_i = 1\}$, one named weight for each choice.

    A sum that is off by at most 1e-6 is renormalised. In a mapping, a name that is left out has weight 0.

    Args:
        axes: names of the weights.

    Example:
        >>> Simplex(("mnist", "usps")).point({"mnist": 1})
        (1.0, 0.0)
    """

    axes: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        _check_axes(self.axes)

    def point(self, x: PointLike, /) -> Point:
        if isinstance(x, Mapping) and set(x) <= set(self.axes):
            x = {axis: x.get(axis, 0.0) for axis in self.axes}
        a = _coordinates(x, self)
        total = math.fsum(a)
        for axis, weight in zip(self.axes, a, strict=True):
            if weight < -_SIMPLEX_TOLERANCE:
                raise DomainError(f"point {a} is outside the simplex: {axis} must be at least 0, got {weight:g}.")
        if abs(total - 1) > _SIMPLEX_TOLERANCE:
            raise DomainError(
                f"point {a} is outside the simplex: {', '.join(self.axes)} must sum to 1, got {total:.9g}."
            )
        return _on_simplex(a)

    def grid(self, n: int, /) -> tuple[Point, ...]:
        if _count(n) == 1:
            return self.vertices()[:1]
        # A lattice: all ways to write n - 1 as an ordered sum of len(axes) counts.
        steps, parts = n - 1, len(self.axes)
        bars = itertools.combinations(range(steps + parts - 1), parts - 1)
        counts = ([b - a - 1 for a, b in itertools.pairwise((-1, *bar, steps + parts - 1))] for bar in bars)
        return tuple(tuple(c / steps for c in row) for row in reversed(list(counts)))

    def sample(self, n: int, rng: np.random.Generator, /) -> tuple[Point, ...]:
        draws = rng.dirichlet(np.ones(len(self.axes)), size=_count(n))
        return tuple(_on_simplex(tuple(map(float, row))) for row in draws)

    def vertices(self) -> tuple[Point, ...]:
        k = len(self.axes)
        return tuple(tuple(float(i == j) for j in range(k)) for i in range(k))

    def __contains__(self, x: object, /) -> bool:
        return _accepts(self, x)


@dataclass(frozen=True)
class Points:
    """A finite set of points in any dimension, such as the keys of a table of trained models.

    Args:
        points: the members; a request must be within 1e-9 of one of them in every coordinate.
        axes: names of the coordinates.
    """

    points: tuple[Point, ...]
    axes: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        _check_axes(self.axes)
        members = tuple(tuple(map(_tidy, _coordinates(p, self))) for p in self.points)
        if not members or len(set(members)) < len(members):
            raise InvalidInputError(f"Points needs distinct members, at least one, got {self.points!r}.")
        object.__setattr__(self, "points", members)

    def point(self, x: PointLike, /) -> Point:
        wanted = _coordinates(x, self)
        # The nearest, not the first that is near enough: a member must be its own canonical form.
        nearest = min(self.points, key=lambda member: math.dist(member, wanted))
        if all(abs(a - b) <= 1e-9 * max(1.0, abs(b)) for a, b in zip(wanted, nearest, strict=True)):
            return nearest
        raise DomainError(
            f"point {wanted} of axes {self.axes} is none of the {len(self.points)} members; the nearest is {nearest}."
        )

    def grid(self, n: int, /) -> tuple[Point, ...]:
        chosen = np.unique(np.linspace(0, len(self.points) - 1, min(_count(n), len(self.points))).round())
        return tuple(self.points[int(i)] for i in chosen)

    def sample(self, n: int, rng: np.random.Generator, /) -> tuple[Point, ...]:
        return tuple(self.points[i] for i in rng.integers(len(self.points), size=_count(n)))

    def vertices(self) -> tuple[Point, ...]:
        return self.points

    def __contains__(self, x: object, /) -> bool:
        return _accepts(self, x)


@dataclass(frozen=True, init=False)
class Product:
    """The product of named domains; a point is the concatenation of the points of its factors.

    A factor with one axis lends its name to that axis; the axes of a larger factor become `factor.axis`. A coordinate
    may be given flat, by flat name, or nested by factor: `{"data": (0.5, 0.5), "model": 0.3}`.

    Args:
        **factors: the domains, at least one.

    Example:
        >>> Product(data=Simplex(("a", "b")), model=Interval()).axes
        ('data.a', 'data.b', 'model')
    """

    factors: tuple[tuple[str, Domain], ...]

    def __init__(self, **factors: Domain) -> None:
        if not factors:
            raise InvalidInputError("Product needs at least one factor, got none.")
        for name, factor in factors.items():
            if not isinstance(factor, Domain):
                raise InvalidInputError(f"factor `{name}` of Product must be a Domain, got {type(factor).__name__}.")
        object.__setattr__(self, "factors", tuple(factors.items()))
        _check_axes(self.axes)

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(
            name if len(factor.axes) == 1 else f"{name}.{axis}" for name, factor in self.factors for axis in factor.axes
        )

    def point(self, x: PointLike, /) -> Point:
        names = {name for name, _ in self.factors}
        if isinstance(x, Mapping) and set(x) == names:
            return tuple(c for name, factor in self.factors for c in _within(name, factor, x[name]))
        flat = _coordinates(x, self)
        return tuple(c for name, factor, part in self._parts(flat) for c in _within(name, factor, part))

    def split(self, x: PointLike, /) -> dict[str, Point]:
        """The point of each factor, by name."""
        return {name: part for name, _, part in self._parts(self.point(x))}

    def grid(self, n: int, /) -> tuple[Point, ...]:
        return self._combine(lambda factor: factor.grid(n))

    def sample(self, n: int, rng: np.random.Generator, /) -> tuple[Point, ...]:
        columns = [factor.sample(n, rng) for _, factor in self.factors]
        return tuple(tuple(itertools.chain(*row)) for row in zip(*columns, strict=True))

    def vertices(self) -> tuple[Point, ...]:
        return self._combine(lambda factor: factor.vertices())

    def _combine(self, points_of: Callable[[Domain], tuple[Point, ...]]) -> tuple[Point, ...]:
        rows = itertools.product(*(points_of(factor) for _, factor in self.factors))
        return tuple(tuple(itertools.chain(*row)) for row in rows)

    def _parts(self, flat: Point) -> Iterable[tuple[str, Domain, Point]]:
        start = 0
        for name, factor in self.factors:
            stop = start + len(factor.axes)
            yield name, factor, flat[start:stop]
            start = stop

    def __contains__(self, x: object, /) -> bool:
        return _accepts(self, x)

    def __repr__(self) -> str:
        return f"Product({', '.join(f'{name}={factor!r}' for name, factor in self.factors)})"


def _coordinates(x: Any, domain: Domain) -> Point:
    """`x` as one finite float for each axis of `domain`, in order."""
    axes = domain.axes
    if isinstance(x, Mapping):
        if set(x) != set(axes):
            unknown, missing = sorted(map(str, set(x) - set(axes))), sorted(set(axes) - set(x))
            raise DomainError(f"a point of axes {axes} was asked by name: unknown {unknown}, missing {missing}.")
        x = [x[axis] for axis in axes]
    elif isinstance(x, str | bytes) or x is None:
        raise DomainError(f"a point of axes {axes} must be numbers, got {x!r}.")
    elif not hasattr(x, "__iter__") or getattr(x, "ndim", 1) == 0:
        x = [x]
    values = tuple(_real(v, f"a coordinate of axes {axes}") for v in x)
    if len(values) != len(axes):
        raise DomainError(f"a point needs {len(axes)} coordinates {axes}, got {len(values)}: {values}.")
    for axis, value in zip(axes, values, strict=True):
        if not math.isfinite(value):
            raise DomainError(f"point {values} is not finite: {axis} is {value}.")
    return values


def _within(name: str, factor: Domain, x: Any) -> Point:
    try:
        return factor.point(x)
    except DomainError as error:
        raise DomainError(f"in factor `{name}`: {error}") from None


def _on_simplex(a: Point) -> Point:
    clipped = tuple(max(weight, 0.0) for weight in a)
    total = math.fsum(clipped)
    # Dividing again by a sum that is 1 up to rounding would move the last bit each time: leave such points alone.
    if abs(total - 1) <= _EDGE_TOLERANCE:
        return tuple(_tidy(weight) for weight in clipped)
    return tuple(_tidy(weight / total) for weight in clipped)


def _real(value: Any, what: str) -> float:
    if isinstance(value, str | bytes) or value is None:
        raise DomainError(f"{what} must be a number, got {value!r}.")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise DomainError(f"{what} must be a number, got {value!r}.") from None


def _tidy(value: float) -> float:
    return float(value) + 0.0  # -0.0 and 0.0 are one point and must have one key


def _count(n: int) -> int:
    if n < 1:
        raise InvalidInputError(f"the number of points must be at least 1, got {n}.")
    return n


def _accepts(domain: Domain, x: Any) -> bool:
    try:
        domain.point(x)
    except DomainError:
        return False
    return True


def _check_axes(axes: tuple[str, ...]) -> None:
    if not axes or not all(isinstance(axis, str) and axis for axis in axes) or len(set(axes)) < len(axes):
        raise InvalidInputError(f"axes must be distinct non-empty names, at least one, got {axes!r}.")
