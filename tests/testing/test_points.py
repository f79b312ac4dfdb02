"""The points with which the checks try a path."""

from __future__ import annotations

from unittest import SkipTest

import pytest

from continuum.core import DomainError, Interval, Levels, Points, Product, Simplex
from continuum.testing.points import malformed, midpoint, outside, segments, some_points, spellings

DOMAINS = [
    Interval(),
    Interval(-3, 5),
    Interval(1e12, 1e12 + 1),
    Interval(1e-6, 1, spacing="log"),
    Interval(0, 1e-300),
    Levels((0, 0.25, 1)),
    Levels((3,)),
    Simplex(("a", "b", "c")),
    Simplex(("only",)),
    Points(((0, 0), (1, 2)), ("a", "b")),
    Product(data=Simplex(("a", "b")), size=Levels((0, 1)), t=Interval()),
    Product(outer=Product(a=Interval(), b=Interval()), inner=Simplex(("p", "q"))),
]
CONNECTED = [d for d in DOMAINS if isinstance(d, Interval | Simplex)] + DOMAINS[-1:]

every_domain = pytest.mark.parametrize("domain", DOMAINS, ids=repr)


@every_domain
def test_points_outside_are_outside(domain):
    assert outside(domain)
    for point in outside(domain):
        with pytest.raises(DomainError):
            domain.point(point)


@every_domain
def test_malformed_points_are_refused(domain):
    for point in malformed(domain).values():
        with pytest.raises(DomainError):
            domain.point(point)


@every_domain
def test_points_to_try_are_distinct_reproducible_and_inside(domain):
    points = some_points(domain, "here")
    assert len(set(points)) == len(points)
    assert points == some_points(domain, "here")
    assert all(domain.point(point) == point for point in points)


@every_domain
def test_all_spellings_are_one_point(domain):
    for point in some_points(domain, "spelled"):
        assert {domain.point(way) for way in spellings(domain, point).values()} == {point}


@pytest.mark.parametrize("domain", CONNECTED, ids=repr)
def test_midpoints_of_segments_are_inside(domain):
    for a, b in segments(domain):
        assert midpoint(domain, a, b) in domain


def test_segments_need_a_connected_domain():
    for domain in (Levels((0, 1)), Product(t=Interval(), size=Levels((0, 1)))):
        with pytest.raises(SkipTest, match="continuity has no meaning"):
            segments(domain)


def test_outside_can_be_taught_a_new_domain():
    class Disc:
        pass

    with pytest.raises(SkipTest, match="Disc"):
        outside(Disc())
    outside.register(Disc, lambda domain: [(2.0, 2.0)])
    assert outside(Disc()) == [(2.0, 2.0)]
