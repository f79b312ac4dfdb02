"""Every check finds its own fault, and no check finds a fault in a path that has none."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest

from continuum.core import (
    DomainError,
    Interval,
    LeaseError,
    Product,
    Simplex,
    from_function,
)
from continuum.testing import CHECKS, check_interpolant
from continuum.testing.conformance import Check


@dataclass(frozen=True, eq=False)
class Good:
    """A faultless path with every optional member; a lease works in place, on one working copy."""

    start: np.ndarray = field(default_factory=lambda: np.arange(6.0).reshape(3, 2))
    end: np.ndarray = field(default_factory=lambda: np.ones((3, 2)))
    work: np.ndarray = field(default_factory=lambda: np.zeros((3, 2)))
    lent: list = field(default_factory=list)
    domain: Interval = Interval()

    def __post_init__(self):
        object.__setattr__(self, "notes", {})  # no field: fingerprints and leaves do not see it

    def mix(self, t):
        return (1 - t) * self.start + t * self.end

    def at(self, point):
        (t,) = self.domain.point(point)
        return {"x": self.mix(t), "kind": "mixture"}

    @contextlib.contextmanager
    def lease(self, point):
        (t,) = self.domain.point(point)
        if self.lent:
            raise LeaseError("one lease at a time.")
        saved = self.work.copy()
        self.lent.append(t)
        self.work[...] = self.mix(t)
        try:
            yield {"x": self.work, "kind": "mixture"}
        finally:
            self.work[...] = saved
            self.lent.clear()

    @property
    def endpoints(self):
        return {point: copy.deepcopy(self.at(point)) for point in ((0.0,), (1.0,))}


class NoAt:
    domain = Interval()


class HashByAddress(Interval):
    __hash__ = object.__hash__


class DomainWithUnstableHash(Good):
    domain = property(lambda self: HashByAddress(), lambda self, value: None)


class IntegerVertices(Interval):
    def vertices(self):
        return ((0,), (1,))


class MisreadsLists(Good):
    def at(self, point):
        return super().at([1 - point[0]] if isinstance(point, list) else point)


class TakesNone(Good):
    def at(self, point):
        return super().at(0.0 if point is None else point)


class Clamps(Good):
    def at(self, point):
        (t,) = Interval(-1e9, 1e9).point(point)
        return super().at(min(max(t, 0.0), 1.0))


class SaysNothing(Good):
    def at(self, point):
        try:
            return super().at(point)
        except DomainError:
            raise DomainError("bad point") from None


class ForgetsHowToRepeat(Good):
    """Wrong from the fourth call in a row at one point."""

    def at(self, point):
        calls = self.notes.setdefault(threading.get_ident(), [])
        calls.append(point)
        wrong = type(point) is tuple and calls[-4:] == [point] * 4
        return super().at(0.5 if wrong else point)


class WarmStarts(Good):
    """Wrong after five points in falling order."""

    def at(self, point):
        value = super().at(point)
        calls = self.notes.setdefault(threading.get_ident(), [])
        calls.append(self.domain.point(point))
        last = calls[-5:]
        if len(last) == 5 and all(a > b for a, b in itertools.pairwise(last)) and last[0][0] - last[-1][0] > 0.1:
            value["x"] += 1e-9
        return value


class SharedScratch(Good):
    def at(self, point):
        self.notes["t"] = self.domain.point(point)
        time.sleep(1e-3)
        return super().at(self.notes["t"])


class Jumps(Good):
    def mix(self, t):
        return super().mix(t) + 0.01 * (t > 2**-0.5)


class ReadsGlobalRandomState(Good):
    def mix(self, t):
        return super().mix(t) + 1e-3 * (np.random.get_state()[1][0] % 2)


class DrawsFromGlobalRandomState(Good):
    def at(self, point):
        np.random.random()
        return super().at(point)


class SetsErrorHandling(Good):
    def at(self, point):
        np.seterr(over="ignore", divide="raise")
        return super().at(point)


class WritesIntoAnchors(Good):
    fingerprint = "named by hand"

    def at(self, point):
        self.work[0, 0] += 1
        return super().at(point)


class ReturnsItsAnchor(Good):
    def at(self, point):
        value = super().at(point)
        return {**value, "x": self.start} if self.domain.point(point) == (0.0,) else value


class ReusesABuffer(Good):
    def at(self, point):
        value = super().at(point)
        buffer = self.notes.setdefault(threading.get_ident(), np.empty((3, 2)))
        buffer[...] = value["x"]
        return {**value, "x": buffer}


class LendsSomethingElse(Good):
    @contextlib.contextmanager
    def lease(self, point):
        with super().lease(point) as value:
            value["x"] += 1e-12
            yield value


class KeepsTheLease(Good):
    @contextlib.contextmanager
    def lease(self, point):
        with super().lease(point) as value:
            yield value
            lent = value["x"].copy()
        self.work[...] = lent


class KeepsTheLeaseAfterAnException(Good):
    @contextlib.contextmanager
    def lease(self, point):
        try:
            with super().lease(point) as value:
                yield value
        except BaseException:
            self.work[0, 0] += 1
            raise


class LendsOneThingTwice(Good):
    @contextlib.contextmanager
    def lease(self, point):
        self.lent.clear()
        with super().lease(point) as value:
            yield value


class ComputesOnTheLease(Good):
    def at(self, point):
        value = super().at(point)
        return {**value, "x": self.work.copy()} if self.lent else value


class BareKeys(Good):
    @property
    def endpoints(self):
        return {0.0: self.at(0.0), 1.0: self.at(1.0)}


class WrongEndpoint(Good):
    @property
    def endpoints(self):
        return {(0.0,): {"x": self.start + 1e-9, "kind": "mixture"}}


class HoldsALambda(Good):
    def __post_init__(self):
        super().__post_init__()
        self.notes["hook"] = lambda: None


class ReprOfTwoLines(Good):
    def __repr__(self):
        return "a path\nof two lines"


FAULTS = {
    "check_anchors_are_left_alone": WritesIntoAnchors,
    "check_domain_is_constant": DomainWithUnstableHash,
    "check_domain_obeys_its_laws": lambda: Good(domain=IntegerVertices()),
    "check_endpoints_equal_values": WrongEndpoint,
    "check_endpoints_sit_at_canonical_points": BareKeys,
    "check_every_spelling_is_understood": MisreadsLists,
    "check_global_random_state_has_no_influence": ReadsGlobalRandomState,
    "check_global_random_state_is_untouched": DrawsFromGlobalRandomState,
    "check_global_settings_are_untouched": SetsErrorHandling,
    "check_lease_equals_value": LendsSomethingElse,
    "check_lease_is_undone": KeepsTheLease,
    "check_lease_is_undone_after_an_exception": KeepsTheLeaseAfterAnException,
    "check_malformed_points_are_refused": TakesNone,
    "check_order_of_calls_does_not_matter": WarmStarts,
    "check_outside_points_are_refused": Clamps,
    "check_overlapping_leases_stay_correct": LendsOneThingTwice,
    "check_pickle_keeps_values": HoldsALambda,
    "check_protocol_members": NoAt,
    "check_refusals_name_axis_and_value": SaysNothing,
    "check_repr_is_one_line": ReprOfTwoLines,
    "check_threads_do_not_matter": SharedScratch,
    "check_value_is_continuous": Jumps,
    "check_value_is_finite": lambda: Good(start=np.full((3, 2), np.nan)),
    "check_value_is_repeatable": ForgetsHowToRepeat,
    "check_value_under_a_lease_is_correct": ComputesOnTheLease,
    "check_values_are_owned": ReturnsItsAnchor,
    "check_values_share_no_memory": ReusesABuffer,
}


def failed(path, **options):
    rows = check_interpolant(path, on_fail=None, **options)
    assert [row["check_name"] for row in rows] == list(CHECKS)
    return {row["check_name"]: row["exception"] for row in rows if row["status"] == "failed"}


def test_every_check_has_a_planted_fault():
    assert set(FAULTS) == set(CHECKS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_own_check_and_by_no_other(name):
    found = failed(FAULTS[name]())
    assert set(found) == {name}, found
    assert isinstance(found[name], AssertionError)
    assert str(found[name])


def test_a_faultless_path_passes_every_check():
    assert {row["status"] for row in check_interpolant(Good())} == {"passed"}


def outcome(name, path, **options):
    try:
        Check(name, options)(path)
    except SkipTest as skip:
        return str(skip)
    except AssertionError:
        return "failed"
    return "passed"


@dataclass
class Odd:
    """An interpolant whose members can be replaced by anything."""

    lease: Any = lambda point: contextlib.nullcontext(Interval().point(point)[0])
    endpoints: Any = field(default_factory=dict)
    domain: Any = Interval()

    def at(self, point):
        return self.domain.point(point)[0]


@pytest.mark.parametrize("wrong", [{"lease": 3}, {"endpoints": [((0.0,), 1)]}, {"domain": (0, 1)}])
def test_a_wrong_member_fails_the_protocol_check_alone(wrong):
    assert set(failed(Odd(**wrong))) == {"check_protocol_members"}


class Circle:
    """A domain of a type that the checks have never heard of."""

    axes = ("angle",)

    def point(self, x):
        (angle,) = Interval(-1e9, 1e9, axis="angle").point(x)
        return (angle % math.tau,)

    def grid(self, n):
        return tuple((i * math.tau / n,) for i in range(n))

    def sample(self, n, rng):
        return tuple((float(s),) for s in rng.uniform(0, math.tau, n))

    def vertices(self):
        return ((0.0,),)

    def __contains__(self, x):
        return True


def test_checks_are_skipped_honestly_on_an_unknown_domain():
    rows = {row["check_name"]: row for row in check_interpolant(from_function(Circle(), math.cos), on_fail=None)}
    for name in ("check_outside_points_are_refused", "check_value_is_continuous"):
        assert rows[name]["status"] == "skipped"
        assert "Circle" in rows[name]["reason"]
    assert rows["check_every_spelling_is_understood"]["status"] == "passed"


def test_an_error_other_than_domain_error_is_no_refusal():
    class Fragile(Odd):
        def at(self, point):
            return super().at(tuple(point[i] for i in range(len(point))))

    with pytest.raises(AssertionError, match="must raise DomainError, raised KeyError"):
        Check("check_malformed_points_are_refused")(Fragile())


SMOOTH = {
    "line": lambda t: t,
    "constant": lambda t: 0.1 + 0 * t,
    "kink": lambda t: abs(t - 0.3),
    "root": np.sqrt,
    "waves": lambda t: np.sin(40 * t),
    "float32": lambda t: np.float32(1e3) + np.float32(t),
    "float16": lambda t: np.float16(t),
    "rounding of a large constant": lambda t: 1e8 + 1e-8 * t,
    "steep": lambda t: np.tanh(100 * (t - 0.4)),
    "complex": lambda t: np.exp(2j * t),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_continuous_paths_are_continuous(name):
    path = from_function(Interval(), lambda t: np.asarray(SMOOTH[name](t)))
    assert outcome("check_value_is_continuous", path) == "passed"


@pytest.mark.parametrize("place", [0.0, 1 / math.pi, 0.5, 1 - 2**-20, 1.0])
@pytest.mark.parametrize("height", [1.0, -0.02])
def test_a_jump_is_found_wherever_it_is(place, height):
    path = from_function(Interval(), lambda t: np.array([t, t**2 + height * (t >= place if place else t > 0)]))
    assert outcome("check_value_is_continuous", path) == "failed"


@pytest.mark.parametrize("domain", [Simplex(("a", "b", "c")), Product(s=Simplex(("a", "b")), t=Interval(1, 2))])
def test_a_jump_is_found_in_many_dimensions(domain):
    smooth = from_function(domain, lambda *p: np.array(p) ** 2)
    assert outcome("check_value_is_continuous", smooth) == "passed"
    jumping = from_function(domain, lambda *p: np.array(p) ** 2 + 0.1 * (p[0] > math.sqrt(0.1)))
    assert outcome("check_value_is_continuous", jumping) == "failed"


def test_continuity_uses_the_spacing_of_the_domain():
    path = from_function(Interval(1e-8, 1, spacing="log"), lambda t: np.log(t))
    assert outcome("check_value_is_continuous", path) == "passed"


def test_continuity_tolerance_is_a_share_of_the_whole_change():
    path = from_function(Interval(), lambda t: t + 0.1 * (t > 0.3))
    assert outcome("check_value_is_continuous", path) == "failed"
    assert outcome("check_value_is_continuous", path, tolerance=0.2) == "passed"


@pytest.mark.parametrize("fn", [lambda t: "text", lambda t: np.zeros(int(3 * t)), lambda t: ["a", "b"]])
def test_continuity_is_skipped_for_values_that_cannot_be_subtracted(fn):
    assert "values" in outcome("check_value_is_continuous", from_function(Interval(), fn))


def test_a_declared_endpoint_tolerance_is_used():
    assert outcome("check_endpoints_equal_values", WrongEndpoint()) == "failed"
    assert outcome("check_endpoints_equal_values", WrongEndpoint(), tolerance=1e-8) == "passed"


def test_read_only_values_may_be_shared():
    shared = np.arange(3.0)
    shared.flags.writeable = False
    path = from_function(Interval(), lambda t: shared)
    assert "hold no arrays" in outcome("check_values_are_owned", path)
    assert "hold no arrays" in outcome("check_values_share_no_memory", path)


def test_a_failed_check_leaves_the_path_as_it_was():
    for fault in (ReturnsItsAnchor, KeepsTheLease, KeepsTheLeaseAfterAnException, LendsOneThingTwice):
        path = fault()
        failed(path)
        np.testing.assert_array_equal(path.start, Good().start)
        np.testing.assert_array_equal(path.work, Good().work)


class BuildsFromGlobalRandomState(Good):
    """Draws from the global random state, in its first call only."""

    def at(self, point):
        if not hasattr(self, "built"):
            self.built = np.random.normal()
        return super().at(point) + self.built


class BuildsFromItsFirstPoint(Good):
    """What it is depends on the point that was asked for first."""

    def at(self, point):
        if not hasattr(self, "first"):
            (self.first,) = self.domain.point(point)
        return super().at(point) + self.first


class SeedsInItsFirstCall(Good):
    def at(self, point):
        if not hasattr(self, "seeded"):
            self.seeded = np.random.seed(0)
        return super().at(point)


class LeaseAcceptsAnything(Good):
    def lease(self, point):
        return contextlib.nullcontext(self.at(min(max(point[0], 0.0), 1.0) if point[0] == point[0] else 0.0))


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (BuildsFromGlobalRandomState, "check_global_random_state_has_no_influence"),
        (BuildsFromItsFirstPoint, "check_order_of_calls_does_not_matter"),
        (SeedsInItsFirstCall, "check_global_random_state_is_untouched"),
        (LeaseAcceptsAnything, "check_outside_points_are_refused"),
    ],
)
def test_first_calls_and_leases_are_looked_at_too(fault, check):
    assert check in failed(fault())


KEPT: list = []


def test_a_container_that_is_given_twice_is_not_owned():
    fault = from_function(Interval(), lambda t: {"x": np.array([t]), "notes": KEPT})
    assert set(failed(fault)) == {"check_values_are_owned", "check_pickle_keeps_values"}  # a lambda does not pickle
    fresh = from_function(Interval(), lambda t: {"x": np.array([t]), "notes": [1, {2}]})
    assert set(failed(fresh)) == {"check_pickle_keeps_values"}


@pytest.mark.parametrize(
    "jump",
    [
        lambda t: np.array([int(t > 0.4)]),
        lambda t: {"x": 1e6 * t, "share": 0.05 if t < 0.4 else 0.1},
        lambda t: [np.full(3, 100 * t), np.array([t < 0.7])],
    ],
    ids=["count", "small beside large", "truth"],
)
def test_a_jump_is_found_in_any_leaf(jump):
    assert "check_value_is_continuous" in failed(from_function(Interval(), jump))
