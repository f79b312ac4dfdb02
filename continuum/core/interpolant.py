"""The idea: a family of values over a domain of coordinates.

Implementers do not inherit from anything. An object that has `domain` and `at` *is* an interpolant; `lease` and
`endpoints` are optional. Four laws make such an object useful to everybody else, and
`continuum.testing.check_interpolant` checks them:

1. **Value.** `at(p)` depends on `p` only: not on earlier calls, on threads or on global random state.
2. **Ownership.** What `at` returns is the caller's: writing to it changes nothing else. What `lease` yields is
   borrowed: valid inside the block, equal to `at(p)`, and undone bit for bit on exit, even after an exception.
   Overlapping leases stay correct or raise `LeaseError`.
3. **Domain.** `at` accepts exactly the points of `domain`, otherwise it raises `DomainError` that names the axis, the
   value and the bound. One line does it: `(t,) = self.domain.point(t)`.
4. **Endpoints.** For each `p` in `endpoints`, `at(p)` equals the endpoint within the tolerance that the implementer
   declares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

from .domain import Domain, Point, PointLike

__all__ = ["Interpolant", "LazyEndpoints", "SupportsEndpoints", "SupportsLease", "lease"]

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


@runtime_checkable
class Interpolant(Protocol[V_co]):
    """A family of values over a domain of coordinates."""

    @property
    def domain(self) -> Domain:
        """Where `at` is defined. Cheap: reading it builds nothing."""
        ...

    def at(self, point: PointLike, /) -> V_co:
        """The value at `point`, independent of every other value; the same point gives the same value."""
        ...


@runtime_checkable
class SupportsLease(Protocol[V_co]):
    """An interpolant with cheaper access to a borrowed value, such as a big model that is changed in place."""

    def lease(self, point: PointLike, /) -> AbstractContextManager[V_co]:
        """A context that lends the value at `point` and undoes every change on exit."""
        ...


@runtime_checkable
class SupportsEndpoints(Protocol[V_co]):
    """An interpolant that knows the discrete choices which it joins."""

    @property
    def endpoints(self) -> Mapping[Point, V_co]:
        """The choices by point. Cheap to read: a value that is dear to build is built when it is looked up."""
        ...


class LazyEndpoints(Mapping[Point, V]):
    """Endpoints whose points are known, and whose values are built by `lookup` when they are asked for."""

    def __init__(self, keys: Sequence[Point], lookup: Callable[[Point], V]) -> None:
        self._keys, self._lookup = tuple(keys), lookup

    def __getitem__(self, key: Point) -> V:
        if key not in self._keys:
            raise KeyError(key)
        return self._lookup(key)

    def __iter__(self) -> Iterator[Point]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def lease(interpolant: Interpolant[V], point: PointLike) -> AbstractContextManager[V]:
    """Borrow the value at `point` in the cheapest way that the interpolant offers.

    Example:
        >>> from continuum import Interval, from_function
        >>> with lease(from_function(Interval(), lambda t: 2 * t), 0.25) as value:
        ...     value
        0.5
    """
    if isinstance(interpolant, SupportsLease):
        return interpolant.lease(point)
    return nullcontext(interpolant.at(point))
