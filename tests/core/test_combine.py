"""The algebra of paths."""

from __future__ import annotations

import contextlib
import pickle
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum import Interpolant, Interval, Simplex, SupportsEndpoints, SupportsLease, lease
from continuum.core import (
    Deferred,
    DomainError,
    IncompatibleError,
    InvalidInputError,
    Levels,
    Points,
    Product,
    along,
    combine,
    deferred,
    fingerprint,
    from_function,
    nest,
    product,
    tabulate,
    transform,
)
from continuum.testing import exact

X, SHIFT = np.arange(6.0).reshape(3, 2), np.array([1.0, -2.0])
LINE = exact.Translation(X, SHIFT)
TRIANGLE = from_function(Simplex(("a", "b", "c")), lambda *weights: np.array(weights))

unit = st.floats(0, 1)


@dataclass(frozen=True, eq=False)
class Lender:
    """A path that lends one number in a list, records what is lent, and knows its ends."""

    log: list = field(default_factory=list)
    domain: Interval = Interval()

    def at(self, point):
        return list(self.domain.point(point))

    @contextlib.contextmanager
    def lease(self, point):
        value = self.at(point)
        self.log.append(("lent", *value))
        try:
            yield value
        finally:
            self.log.append(("back", *value))

    @property
    def endpoints(self):
        return {(0.0,): [0.0], (1.0,): [1.0]}


def identity(value):
    return value


ALL = {
    "from_function": TRIANGLE,
    "transform": transform(LINE, np.mean),
    "product": product(a=LINE, b=TRIANGLE),
    "nest": nest(LINE, lambda x: exact.Translation(x, SHIFT), Interval()),
    "along": along(TRIANGLE, {"a": 1}, {"b": 1}),
    "tabulate": tabulate({0: "small", 1: "large"}),
    "deferred": deferred(exact.Translation, X, SHIFT, domain=Interval()),
}


@pytest.mark.parametrize("path", ALL.values(), ids=ALL)
def test_every_verb_makes_an_interpolant(path):
    assert isinstance(path, Interpolant)
    point = path.domain.vertices()[0]
    with lease(path, point) as value:
        np.testing.assert_equal(value, path.at(point))
    with pytest.raises(DomainError):
        path.at((np.nan,) * len(point))


# from_function


def test_a_function_gets_one_argument_for_each_axis():
    np.testing.assert_array_equal(TRIANGLE.at({"b": 1}), [0, 1, 0])
    assert from_function(Product(x=Interval(), y=Interval(0, 2)), lambda x, y: x + 10 * y).at({"x": 1, "y": 2}) == 21


def test_without_a_lease_a_value_is_lent_by_making_it():
    assert not isinstance(LINE, SupportsLease)
    with lease(LINE, 0.5) as value:
        np.testing.assert_array_equal(value, LINE.at(0.5))


# transform


@given(unit)
def test_transform_by_identity_is_the_path(t):
    np.testing.assert_array_equal(transform(LINE, identity).at(t), LINE.at(t))
    assert transform(LINE, identity).domain == LINE.domain


@given(unit)
def test_transforms_compose(t):
    twice = transform(transform(LINE, np.exp), np.sum)
    assert twice.at(t) == transform(LINE, lambda x: np.sum(np.exp(x))).at(t)


def test_transform_lends_and_returns():
    path = Lender()
    with transform(path, sum).lease(0.25) as value:
        assert value == 0.25
        assert path.log == [("lent", 0.25)]
    assert path.log[-1] == ("back", 0.25)


def test_transform_maps_endpoints_when_they_are_looked_up():
    calls = []
    path = transform(Lender(), lambda value: calls.append(value) or 2 * value[0])
    ends = path.endpoints
    assert list(ends) == [(0.0,), (1.0,)]
    assert calls == []
    assert ends[1.0,] == 2.0 == path.at(1)
    with pytest.raises(KeyError):
        ends[0.5,]


def test_transform_of_a_path_without_endpoints_has_none():
    assert len(transform(LINE, identity).endpoints) == 0


# product


@given(unit, unit)
def test_a_product_is_its_factors_side_by_side(s, t):
    value = product(one=LINE, two=Lender()).at((s, t))
    np.testing.assert_array_equal(value["one"], LINE.at(s))
    assert value["two"] == [t]


def test_a_product_of_one_is_that_one():
    np.testing.assert_array_equal(product(only=LINE).at(0.5)["only"], LINE.at(0.5))


def test_endpoints_of_a_product_are_all_pairs():
    path = product(a=Lender(), b=tabulate({0: "s", 1: "l"}))
    ends = path.endpoints
    assert dict(ends) == {
        (0.0, 0.0): {"a": [0.0], "b": "s"},
        (0.0, 1.0): {"a": [0.0], "b": "l"},
        (1.0, 0.0): {"a": [1.0], "b": "s"},
        (1.0, 1.0): {"a": [1.0], "b": "l"},
    }
    assert all(path.at(point) == value for point, value in ends.items())


def test_a_product_with_a_factor_without_endpoints_has_none():
    assert len(product(a=Lender(), b=LINE).endpoints) == 0


def test_a_product_enters_every_lease_and_undoes_them_in_turn():
    a, b = Lender(), Lender()
    with product(a=a, b=b).lease((0.25, 0.75)) as value:
        assert value == {"a": [0.25], "b": [0.75]}
        assert (a.log, b.log) == ([("lent", 0.25)], [("lent", 0.75)])
    assert (a.log[-1], b.log[-1]) == (("back", 0.25), ("back", 0.75))


def test_leases_of_a_product_are_undone_after_an_exception():
    a, b = Lender(), Lender()
    with pytest.raises(ZeroDivisionError), product(a=a, b=b).lease((0, 1)):
        raise ZeroDivisionError
    assert [log[-1][0] for log in (a.log, b.log)] == ["back", "back"]


def test_leases_are_undone_if_a_later_factor_cannot_be_lent():
    a = Lender()
    broken = from_function(Interval(), lambda t: 1 / 0)
    with pytest.raises(ZeroDivisionError), product(a=a, b=broken).lease((0, 1)):
        pass
    assert a.log == [("lent", 0.0), ("back", 0.0)]


def test_an_empty_product_is_refused():
    with pytest.raises(InvalidInputError, match="at least one path"):
        product()


# nest


@given(unit, unit)
def test_nest_is_product_when_the_inner_path_ignores_the_outer(s, t):
    nested = nest(Lender(), lambda value: LINE, Interval())
    np.testing.assert_array_equal(nested.at((s, t)), product(outer=Lender(), inner=LINE).at((s, t))["inner"])
    assert nested.domain == Product(outer=Interval(), inner=Interval())


@given(unit, unit)
def test_nest_builds_the_inner_path_on_the_outer_value(s, t):
    nested = nest(LINE, lambda x: exact.Translation(x, 10 * SHIFT), Interval())
    np.testing.assert_array_equal(nested.at({"outer": s, "inner": t}), LINE.at(s) + t * 10 * SHIFT)


def test_nest_borrows_the_outer_value_for_as_long_as_the_inner():
    outer = Lender()
    nested = nest(outer, lambda value: from_function(Interval(), lambda t: value[0] + t), Interval())
    with nested.lease((0.25, 0.5)) as value:
        assert value == 0.75
        assert outer.log == [("lent", 0.25)]
    assert outer.log[-1] == ("back", 0.25)


# along

weights = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda w: sum(w) > 0.1)


@given(weights, weights)
def test_a_segment_ends_where_it_was_told(start, end):
    a, b = (tuple(np.array(w) / sum(w)) for w in (start, end))
    if TRIANGLE.domain.point(a) == TRIANGLE.domain.point(b):
        return
    path = along(TRIANGLE, a, b)
    np.testing.assert_array_equal(path.at(0), TRIANGLE.at(a))
    np.testing.assert_array_equal(path.at(1), TRIANGLE.at(b))
    np.testing.assert_allclose(path.at(0.5), (TRIANGLE.at(a) + TRIANGLE.at(b)) / 2, atol=1e-15)


def test_a_segment_backwards_is_the_segment_reversed():
    forward, backward = along(TRIANGLE, (1, 0, 0), (0, 1, 0)), along(TRIANGLE, (0, 1, 0), (1, 0, 0))
    for t in (0, 0.25, 1):
        np.testing.assert_array_equal(forward.at(t), backward.at(1 - t))


def test_a_segment_knows_the_endpoints_on_it():
    assert dict(along(Lender(), 0, 1).endpoints) == {(0.0,): [0.0], (1.0,): [1.0]}
    assert dict(along(Lender(), 1, 0.5).endpoints) == {(0.0,): [1.0]}
    assert len(along(LINE, 0, 1).endpoints) == 0


def test_a_segment_lends_what_its_path_lends():
    path = Lender()
    with along(path, 0, 0.5).lease(0.5) as value:
        assert value == [0.25]
    assert path.log == [("lent", 0.25), ("back", 0.25)]


def test_a_segment_needs_two_points_of_the_domain():
    with pytest.raises(InvalidInputError, match="two different points"):
        along(LINE, 0.5, (0.5,))
    with pytest.raises(DomainError):
        along(LINE, 0, 1.5)


# tabulate


def test_a_table_snaps_to_its_levels():
    table = tabulate({1.0: "large", 0.0: "small", 0.25: "medium"})
    assert table.domain == Levels((0, 0.25, 1), axis="t")
    assert [table.at(t) for t in (0, 0.2, 0.9)] == ["small", "medium", "large"]
    assert dict(table.endpoints) == {(0.0,): "small", (0.25,): "medium", (1.0,): "large"}


def test_a_table_of_many_axes_is_a_set_of_points():
    table = tabulate({(0, 1): "a", (1, 0): "b"}, axes=("x", "y"))
    assert isinstance(table.domain, Points)
    assert table.at({"x": 1, "y": 0}) == "b"
    assert set(table.endpoints) == {(0.0, 1.0), (1.0, 0.0)}
    with pytest.raises(DomainError, match="the nearest is"):
        table.at((0.5, 0.5))


def test_a_table_keeps_its_values_whoever_writes_into_what_it_gives():
    table = tabulate({0: np.zeros(2), 1: np.ones(2)})
    table.at(0)[:] = 7
    table.endpoints[(0.0,)][:] = 7
    with lease(table, 0) as borrowed:
        borrowed[:] = 7
    np.testing.assert_array_equal(table.at(0), [0, 0])


def test_a_segment_that_leaves_the_domain_is_refused():
    table = tabulate({(0, 1): "a", (1, 0): "b"}, axes=("x", "y"))
    with pytest.raises(InvalidInputError, match="holds the segment"):
        along(table, (0, 1), (1, 0))


def test_an_empty_table_is_refused():
    with pytest.raises(InvalidInputError):
        tabulate({})


# deferred

BUILT = []


def build(name):
    BUILT.append(name)
    return Lender()


def build_on(inner):
    """A factory that asks another deferred path for a value while it builds."""
    return exact.Translation(X, np.array(inner.at(0.5) * 2))


@pytest.fixture
def _fresh(monkeypatch):
    monkeypatch.setattr(combine, "_BUILT", {})
    BUILT.clear()


@pytest.mark.usefixtures("_fresh")
def test_a_deferred_path_is_built_once_in_a_process():
    path = deferred(build, "once", domain=Interval())
    assert path.at(0.5) == [0.5]
    with path.lease(0.25) as value:
        assert value == [0.25]
    assert pickle.loads(pickle.dumps(path)).at(1) == [1.0]
    assert deferred(build, "once", domain=Interval()).at(0) == [0.0]
    assert BUILT == ["once"]


@pytest.mark.usefixtures("_fresh")
def test_other_arguments_are_another_path():
    for name in ("one", "two"):
        deferred(build, name, domain=Interval()).at(0)
    assert BUILT == ["one", "two"]


@pytest.mark.usefixtures("_fresh")
def test_describing_a_deferred_path_does_not_build_it():
    path = deferred(build, "never", domain=Interval())
    assert isinstance(path, Interpolant)
    assert isinstance(path, SupportsLease)
    assert not isinstance(path, SupportsEndpoints)
    fingerprint(path), repr(path), pickle.dumps(path), path.domain.grid(3)
    with pytest.raises(DomainError):
        path.at(2)
    assert BUILT == []


@pytest.mark.usefixtures("_fresh")
def test_threads_build_one_path():
    path = deferred(build, "shared", domain=Interval())
    threads = [threading.Thread(target=path.at, args=(0.5,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert BUILT == ["shared"]


@pytest.mark.usefixtures("_fresh")
def test_a_factory_may_ask_another_deferred_path():
    done = []
    outer = deferred(build_on, deferred(build, "inner", domain=Interval()), domain=Interval())
    thread = threading.Thread(target=lambda: done.append(outer.at(1)), daemon=True)
    thread.start()
    thread.join(timeout=5)
    np.testing.assert_array_equal(done, [X + 0.5])


@pytest.mark.usefixtures("_fresh")
def test_a_wrong_promise_is_refused():
    with pytest.raises(IncompatibleError, match=r"promised the domain .* built"):
        deferred(build, "wrong", domain=Interval(0, 2)).at(0)


def test_a_recipe_travels_small():
    path = deferred(build, "small", domain=Interval())
    assert isinstance(path, Deferred)
    assert len(pickle.dumps(path)) < 500
