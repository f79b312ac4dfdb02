"""Laws of sliders: wherever they stand there is a point, and a point tells where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum import Interval, Levels, Product, Simplex
from continuum.core.domain import Points
from continuum.explorer import dials

DOMAINS = {
    "interval": Interval(-0.5, 1.5),
    "logarithmic": Interval(1e-4, 10, axis="epsilon", spacing="log"),
    "levels": Levels((0, 0.1, 0.4, 1)),
    "one level": Levels((3,)),
    "two weights": Simplex(("mnist", "usps")),
    "one weight": Simplex(("mnist",)),
    "four weights": Simplex(tuple("abcd")),
    "points": Points(((0, 0), (1, 0), (0, 2)), ("a", "b")),
    "product": Product(data=Simplex(tuple("abc")), size=Levels((1, 2, 4)), t=Interval()),
}


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
@given(shares=st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_wherever_sliders_stand_there_is_a_point(domain, shares):
    found = dials(domain)
    places = [dial.low + share * (dial.high - dial.low) for dial, share in zip(found.dials, shares, strict=False)]
    point = found.point(places)
    assert point in domain
    assert point == domain.point(point)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_a_point_tells_where_sliders_stand(domain, rng):
    found = dials(domain)
    for point in (*domain.vertices(), *domain.grid(5), *domain.sample(5, rng)):
        places = found.places(point)
        assert len(places) == len(found.dials)
        assert all(dial.low - 1e-9 <= x <= dial.high + 1e-9 for dial, x in zip(found.dials, places, strict=True))
        assert np.allclose(found.point(places), point, atol=1e-9)


def test_levels_snap_to_the_nearest():
    assert dials(DOMAINS["levels"]).point([0.3]) == (0.4,)
    assert dials(DOMAINS["levels"]).places((0.4,)) == (0.4,)


def test_shares_need_not_sum_to_one():
    found = dials(Simplex(("a", "b", "c")))
    assert found.point([1.0, 1.0, 0.0]) == (0.5, 0.5, 0.0)
    assert found.point([0.0, 0.0, 0.0]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_every_slider_is_named_after_what_it_moves():
    assert [dial.label for dial in dials(DOMAINS["product"]).dials] == [
        "data: share of a",
        "data: share of b",
        "data: share of c",
        "size: level",
        "t",
    ]
    assert dials(DOMAINS["two weights"]).dials[0].label == "weight of usps (0 is mnist alone)"


def test_a_domain_of_another_kind_has_a_slider_over_its_grid():
    @dataclass(frozen=True)
    class Circle:
        axes = ("x", "y")

        def grid(self, n):
            angles = 2 * np.pi * np.arange(n) / n
            return tuple(zip(np.cos(angles).tolist(), np.sin(angles).tolist(), strict=True))

    found = dials(Circle())
    assert found.point([0]) == (1.0, 0.0)
    assert found.places((1.0, 0.0)) == (0.0,)
