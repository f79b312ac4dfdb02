"""Law 4: at an endpoint, the path is the discrete choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest import SkipTest

from continuum.core import Interpolant, Point, SupportsEndpoints

from .compare import require, snapshot

__all__ = ["check_endpoints_equal_values", "check_endpoints_sit_at_canonical_points"]


def check_endpoints_sit_at_canonical_points(path: Interpolant[Any]) -> None:
    """The keys of `endpoints` are canonical points of the domain."""
    for key in _endpoints(path):
        canonical = isinstance(key, tuple) and all(type(c) is float for c in key)
        require(canonical, f"the endpoint key {key!r} must be a tuple of floats, such as `domain.point` returns.")
        require(path.domain.point(key) == key, f"the endpoint key {key!r} is not canonical: {path.domain.point(key)}.")


def check_endpoints_equal_values(path: Interpolant[Any], *, tolerance: float = 0.0) -> None:
    """`at(p)` equals `endpoints[p]`: floating leaves within `tolerance`, relative or absolute, all others exactly."""
    for point, value in _endpoints(path).items():
        end, here = snapshot(value), snapshot(path.at(point))
        require(end.kinds == here.kinds, f"at({point}) holds {here.kinds}, the endpoint {end.kinds}.")
        require(
            here.near(end, tolerance),
            f"at({point}) is {here.distance(end):.3g} from the endpoint; the declared tolerance is {tolerance:g}.",
        )


def _endpoints(path: Interpolant[Any]) -> Mapping[Point, Any]:
    if not isinstance(path, SupportsEndpoints):
        raise SkipTest("the path has no `endpoints`.")
    if not path.endpoints:
        raise SkipTest("`endpoints` is empty.")
    return path.endpoints
