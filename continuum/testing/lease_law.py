"""Law 2, second half: what `lease` yields is borrowed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import SkipTest

from continuum.core import Interpolant, LeaseError, Point, SupportsLease

from .compare import Snapshot, require, restored, snapshot, writable
from .points import some_points

__all__ = [
    "check_lease_equals_value",
    "check_lease_is_undone",
    "check_lease_is_undone_after_an_exception",
    "check_overlapping_leases_stay_correct",
    "check_value_under_a_lease_is_correct",
]


def check_lease_equals_value(path: Interpolant[Any]) -> None:
    """What `lease(p)` yields equals `at(p)`, bit for bit."""
    leasable = _leasable(path)
    for point in some_points(path.domain, "lease"):
        expected = snapshot(path.at(point))
        with restored(path), leasable.lease(point) as value:
            require(snapshot(value).equals(expected), f"lease({point}) yields another value than at({point}).")


def check_lease_is_undone(path: Interpolant[Any]) -> None:
    """After the block, the arrays of the path and its values are bit for bit what they were."""
    leasable = _leasable(path)
    for point in some_points(path.domain, "undone"):
        with _unchanged(path, f"lease({point})"), leasable.lease(point):
            pass


def check_lease_is_undone_after_an_exception(path: Interpolant[Any]) -> None:
    """After a block that raised, the path is what it was, and the exception reaches the caller."""
    leasable = _leasable(path)
    for point in some_points(path.domain, "exception", n=1):
        with _unchanged(path, f"lease({point}) left by an exception"):
            require(not _swallows(leasable, point), f"lease({point}) swallowed an exception.")


class _PlannedError(Exception):
    """What the check raises inside a lease."""


def _swallows(leasable: SupportsLease[Any], point: Point) -> bool:
    try:
        with leasable.lease(point):
            raise _PlannedError
    except _PlannedError:
        return False
    return True


def check_overlapping_leases_stay_correct(path: Interpolant[Any]) -> None:
    """Two open leases both equal `at`, in whichever order they close; or LeaseError says that they cannot coexist."""
    leasable, (p, q) = _leasable(path), _two_points(path)
    expected = {point: snapshot(path.at(point)) for point in (p, q)}
    # First the usual order, the inner lease closing first; then the other.
    for first, last in ((q, p), (p, q)):
        try:
            with _unchanged(path, f"overlapping leases of {p} and {q}"):
                _overlap(leasable, expected, first, last)
        except LeaseError:  # an honest answer
            continue


def _overlap(leasable: SupportsLease[Any], expected: dict[Point, Snapshot], first: Point, last: Point) -> None:
    """Open leases in the order of `expected`; close `first` and then `last`."""
    stacks = {point: ExitStack() for point in expected}
    with stacks[last], stacks[first]:
        values = {point: stacks[point].enter_context(leasable.lease(point)) for point in expected}
        for point, value in values.items():
            right = snapshot(value).equals(expected[point])
            require(right, f"of two open leases, {tuple(expected)}, the one of {point} is wrong.")
        stacks[first].close()
        require(snapshot(values[last]).equals(expected[last]), f"closing the lease of {first} changed that of {last}.")


def check_value_under_a_lease_is_correct(path: Interpolant[Any]) -> None:
    """While a value is lent, `at` gives the value that it always gives, or raises LeaseError."""
    leasable, (p, q) = _leasable(path), _two_points(path)
    expected = snapshot(path.at(q))
    with restored(path), leasable.lease(p):
        try:
            value = snapshot(path.at(q))
        except LeaseError:
            return
        require(value.equals(expected), f"at({q}) is another value while lease({p}) is open.")


def _leasable(path: Interpolant[Any]) -> SupportsLease[Any]:
    if not isinstance(path, SupportsLease):
        raise SkipTest("the path has no `lease`.")
    return path


def _two_points(path: Interpolant[Any]) -> tuple[Point, Point]:
    points = some_points(path.domain, "overlap")
    if len(points) < 2:
        raise SkipTest("the domain has one point only.")
    return points[0], points[-1]


@contextmanager
def _unchanged(path: Interpolant[Any], what: str) -> Iterator[None]:
    """Require that the block leaves the arrays and values of `path` alone; put the arrays back in any case."""
    probes = some_points(path.domain, "probe", n=1)[-2:]
    values = {point: snapshot(path.at(point)) for point in probes}
    anchors = [(leaf, snapshot(leaf)) for leaf in writable(path)]
    with restored(path):
        yield
        for leaf, before in anchors:
            require(snapshot(leaf).equals(before), f"{what} left an array {before.kinds[0]} of the path changed.")
        for point, value in values.items():
            require(snapshot(path.at(point)).equals(value), f"{what} changed at({point}).")
