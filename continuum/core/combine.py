"""The small algebra of paths: this is where axes meet.

Each verb builds a small frozen interpolant from others. Nothing is computed until a point is asked for.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .domain import Domain, Interval, Levels, Point, PointLike, Points, Product
from .errors import IncompatibleError, InvalidInputError
from .interpolant import Interpolant, LazyEndpoints, SupportsEndpoints, lease
from .leaves import fingerprint

__all__ = [
    "Deferred",
    "FunctionPath",
    "Nested",
    "ProductPath",
    "Segment",
    "Table",
    "Transformed",
    "along",
    "deferred",
    "from_function",
    "nest",
    "product",
    "tabulate",
    "transform",
]

V = TypeVar("V")
W = TypeVar("W")


def _endpoints(path: Interpolant[V]) -> Mapping[Point, V]:
    return path.endpoints if isinstance(path, SupportsEndpoints) else {}


@dataclass(frozen=True, eq=False)
class FunctionPath(Generic[V]):
    """The path $p \\mapsto f(p)$ of a function of the coordinates."""

    domain: Domain
    fn: Callable[..., V]

    def at(self, point: PointLike, /) -> V:
        return self.fn(*self.domain.point(point))


def from_function(domain: Domain, fn: Callable[..., V]) -> FunctionPath[V]:
    """Path whose value at a point is `fn(*point)`; `fn` must return a fresh value each time.

    Example:
        >>> from_function(Interval(0, 2), lambda t: t**2).at(2)
        4.0
    """
    return FunctionPath(domain, fn)


@dataclass(frozen=True, eq=False)
class Transformed(Generic[V, W]):
    """A path followed by a function of its values."""

    path: Interpolant[V]
    fn: Callable[[V], W]

    @property
    def domain(self) -> Domain:
        return self.path.domain

    def at(self, point: PointLike, /) -> W:
        return self.fn(self.path.at(point))

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[W]:
        with lease(self.path, point) as value:
            yield self.fn(value)

    @property
    def endpoints(self) -> Mapping[Point, W]:
        ends = _endpoints(self.path)
        return LazyEndpoints(list(ends), lambda point: self.fn(ends[point]))


def transform(path: Interpolant[V], fn: Callable[[V], W]) -> Transformed[V, W]:
    """The path `fn(path.at(p))`, such as a dataset path followed by training a model.

    `fn` returns a new value and leaves its argument alone: inside a lease that argument is borrowed.
    """
    return Transformed(path, fn)


@dataclass(frozen=True, eq=False)
class ProductPath:
    """Several paths side by side; a value is a dict with one value for each."""

    paths: tuple[tuple[str, Interpolant[Any]], ...]

    @property
    def domain(self) -> Product:
        return Product(**{name: path.domain for name, path in self.paths})

    def at(self, point: PointLike, /) -> dict[str, Any]:
        parts = self.domain.split(point)
        return {name: path.at(parts[name]) for name, path in self.paths}

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[dict[str, Any]]:
        parts = self.domain.split(point)
        with ExitStack() as stack:
            yield {name: stack.enter_context(lease(path, parts[name])) for name, path in self.paths}

    @property
    def endpoints(self) -> Mapping[Point, dict[str, Any]]:
        ends = {name: _endpoints(path) for name, path in self.paths}
        rows = {tuple(itertools.chain(*row)): row for row in itertools.product(*ends.values())}
        return LazyEndpoints(
            list(rows),
            lambda point: {name: ends[name][part] for name, part in zip(ends, rows[point], strict=True)},
        )


def product(**paths: Interpolant[Any]) -> ProductPath:
    """Independent axes: the path over the product domain whose value is a dict of the values of `paths`.

    Example:
        >>> line = from_function(Interval(), lambda t: t)
        >>> product(a=line, b=line).at({"a": 0.25, "b": 1})
        {'a': 0.25, 'b': 1.0}
    """
    if not paths:
        raise InvalidInputError("product needs at least one path, got none.")
    return ProductPath(tuple(paths.items()))


@dataclass(frozen=True, eq=False)
class Nested(Generic[V, W]):
    """A second axis that acts on the values of a first."""

    outer: Interpolant[V]
    inner: Callable[[V], Interpolant[W]]
    inner_domain: Domain

    @property
    def domain(self) -> Product:
        return Product(outer=self.outer.domain, inner=self.inner_domain)

    def at(self, point: PointLike, /) -> W:
        parts = self.domain.split(point)
        return self.inner(self.outer.at(parts["outer"])).at(parts["inner"])

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[W]:
        parts = self.domain.split(point)
        with lease(self.outer, parts["outer"]) as base, lease(self.inner(base), parts["inner"]) as value:
            yield value


def nest(outer: Interpolant[V], inner: Callable[[V], Interpolant[W]], inner_domain: Domain) -> Nested[V, W]:
    """Dependent axes: at `(p, q)` the value of the path `inner(outer.at(p))` at `q`.

    Args:
        outer: the first axis.
        inner: builds the second path on a value of the first.
        inner_domain: the domain of every path that `inner` builds, known without building one.
    """
    return Nested(outer, inner, inner_domain)


@dataclass(frozen=True, eq=False)
class Segment(Generic[V]):
    """A straight segment in the domain of a path, as a path over an interval."""

    path: Interpolant[V]
    start: Point
    end: Point
    domain: Interval = Interval()

    def at(self, point: PointLike, /) -> V:
        return self.path.at(self._locate(point))

    def lease(self, point: PointLike, /) -> AbstractContextManager[V]:
        return lease(self.path, self._locate(point))

    @property
    def endpoints(self) -> Mapping[Point, V]:
        ends = _endpoints(self.path)
        here: dict[Point, Point] = {(0.0,): self.start, (1.0,): self.end}
        return LazyEndpoints([t for t, p in here.items() if p in ends], lambda t: ends[here[t]])

    def _locate(self, point: PointLike) -> Point:
        (t,) = self.domain.point(point)
        return self.path.domain.point([(1 - t) * a + t * b for a, b in zip(self.start, self.end, strict=True)])


def along(path: Interpolant[V], start: PointLike, end: PointLike) -> Segment[V]:
    """The one-dimensional path t -> path.at((1 - t) start + t end), t in [0, 1].

    Raises:
        DomainError: if `start` or `end` is not in the domain of `path`.
    """
    a, b = path.domain.point(start), path.domain.point(end)
    if a == b:
        raise InvalidInputError(f"along needs two different points, got {a} twice.")
    if (middle := [(p + q) / 2 for p, q in zip(a, b, strict=True)]) not in path.domain:
        raise InvalidInputError(f"along needs a domain that holds the segment from {a} to {b}, {middle} is not in it.")
    return Segment(path, a, b)


@dataclass(frozen=True, eq=False)
class Table(Generic[V]):
    """A finite set of values that were made one by one, as a sparse path."""

    values: Mapping[Point, V]
    domain: Domain

    def at(self, point: PointLike, /) -> V:
        return copy.deepcopy(self.values[self.domain.point(point)])

    @property
    def endpoints(self) -> Mapping[Point, V]:
        """All of them: each is a discrete choice."""
        return LazyEndpoints(tuple(self.values), self.at)


def tabulate(values: Mapping[Any, V], *, axes: Sequence[str] = ("t",)) -> Table[V]:
    """Path through independently made values, such as models trained one for each size.

    Args:
        values: value by point. With one axis the domain is `Levels` (a request snaps to the nearest level), otherwise
            `Points`.
        axes: names of the coordinates.

    Example:
        >>> tabulate({0: "small", 1: "large"}).at(0.9)
        'large'
    """
    members = Points(tuple(values), tuple(axes))
    table = dict(zip(members.points, values.values(), strict=True))
    if len(members.axes) > 1:
        return Table(table, members)
    return Table(table, Levels(tuple(sorted(t for (t,) in table)), axis=members.axes[0]))


_BUILT: dict[str, Interpolant[Any]] = {}
_BUILDING = threading.RLock()  # a factory may itself ask for a deferred path


@dataclass(frozen=True, eq=False)
class Deferred(Generic[V]):
    """A path that travels as its recipe and is built once in each process, when a value is first asked for."""

    factory: Callable[..., Interpolant[V]]
    args: tuple[Any, ...]
    domain: Domain

    @property
    def fingerprint(self) -> str:
        return fingerprint((self.factory, self.args, self.domain))

    @property
    def path(self) -> Interpolant[V]:
        """The built path; one for each recipe and process, however often the recipe was unpickled."""
        key = self.fingerprint
        with _BUILDING:
            if key not in _BUILT:
                _BUILT[key] = self._build()
            return _BUILT[key]

    def _build(self) -> Interpolant[V]:
        path = self.factory(*self.args)
        if path.domain != self.domain:
            raise IncompatibleError(f"deferred promised the domain {self.domain}, its factory built {path.domain}.")
        return path

    def at(self, point: PointLike, /) -> V:
        here = self.domain.point(point)  # first: a wrong point must not cost a build
        return self.path.at(here)

    def lease(self, point: PointLike, /) -> AbstractContextManager[V]:
        here = self.domain.point(point)
        return lease(self.path, here)


def deferred(factory: Callable[..., Interpolant[V]], *args: Any, domain: Domain) -> Deferred[V]:
    """Path that is pickled as `factory(*args)`: what to send to a cluster instead of a big model.

    It has no `endpoints`, since to list them is to build it; name the discrete choices as `references` of `evaluate`.

    Args:
        factory: importable function that builds the path.
        *args: its arguments; small, since they travel.
        domain: the domain of the built path, known without building it.
    """
    return Deferred(factory, args, domain)
