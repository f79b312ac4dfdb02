"""Law 3: `at` accepts exactly the points of `domain`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from continuum.core import Domain, DomainError, Interpolant, Point, SupportsLease, rng_for

from .compare import require, restored, snapshot, visit_lease
from .points import malformed, outside, some_points, spellings

__all__ = [
    "check_domain_is_constant",
    "check_domain_obeys_its_laws",
    "check_every_spelling_is_understood",
    "check_malformed_points_are_refused",
    "check_outside_points_are_refused",
    "check_protocol_members",
    "check_refusals_name_axis_and_value",
    "has_core_members",
]


def check_protocol_members(path: Any) -> None:
    """An interpolant has a `domain` and a method `at`; `lease` is a method and `endpoints` a mapping if they exist."""
    require(callable(getattr(path, "at", None)), "`at` is missing or cannot be called.")
    require(isinstance(getattr(path, "domain", None), Domain), "`domain` is missing or is no Domain (six members).")
    require(callable(getattr(path, "lease", check_protocol_members)), "`lease` cannot be called.")
    require(isinstance(getattr(path, "endpoints", {}), Mapping), "`endpoints` is not a mapping from points to values.")


def has_core_members(path: Any) -> bool:
    """Whether `path` has a `domain`, a method `at`, and a method `lease` if any."""
    is_domain = isinstance(getattr(path, "domain", None), Domain)
    return callable(getattr(path, "at", None)) and is_domain and callable(getattr(path, "lease", has_core_members))


def check_domain_is_constant(path: Interpolant[Any]) -> None:
    """Reading `domain` twice gives equal domains with one hash."""
    first, second = path.domain, path.domain
    require(first == second, f"`domain` was {first}, then {second}.")
    require(hash(first) == hash(second), "two equal readings of `domain` have different hashes.")


def check_domain_obeys_its_laws(path: Interpolant[Any]) -> None:
    """Points of `grid`, `sample` and `vertices` are canonical: tuples of floats, in the domain, fixed by `point`."""
    domain = path.domain
    listed = {
        "vertices()": domain.vertices(),
        "grid(3)": domain.grid(3),
        "sample(3, rng)": domain.sample(3, rng_for(0, "sample")),
    }
    for source, points in listed.items():
        require(len(points) > 0, f"`domain.{source}` is empty.")
        for point in points:
            require(_is_canonical(domain, point), f"{point!r} from `domain.{source}` is not a canonical point.")


def _is_canonical(domain: Domain, point: Point) -> bool:
    well_formed = isinstance(point, tuple) and all(type(c) is float for c in point)
    fixed = well_formed and domain.point(point) == point and point in domain
    return fixed and len(point) == len(domain.axes) and tuple(json.loads(json.dumps(point))) == point


def check_every_spelling_is_understood(path: Interpolant[Any]) -> None:
    """A point gives the same value as a number, tuple, list, array or mapping by name."""
    for point in some_points(path.domain, "spelling", n=1)[-2:]:
        expected = snapshot(path.at(point))
        for way, spelled in spellings(path.domain, point).items():
            got = snapshot(path.at(spelled))
            require(got.equals(expected), f"at({spelled!r}), a {way}, differs from at({point}).")


def check_malformed_points_are_refused(path: Interpolant[Any]) -> None:
    """`at` raises DomainError for NaN, infinity, a wrong number of coordinates, unknown names, None and text."""
    for what, point in malformed(path.domain).items():
        _refusal(path, point, what)


def check_outside_points_are_refused(path: Interpolant[Any]) -> None:
    """`at` raises DomainError for a well-formed point that is not in the domain."""
    for point in outside(path.domain):
        _refusal(path, point, "a point outside the domain")


def _refusal(path: Interpolant[Any], point: Any, what: str) -> None:
    for door in ("at", "lease") if isinstance(path, SupportsLease) else ("at",):
        try:
            with restored(path):
                visit_lease(path, point) if isinstance(path, SupportsLease) and door == "lease" else path.at(point)
        except DomainError:
            continue
        except Exception as error:
            raise AssertionError(
                f"{door}({point!r}), {what}, must raise DomainError, raised {type(error).__name__}: {error}"
            ) from error
        raise AssertionError(f"{door}({point!r}), {what}, must raise DomainError, returned a value.")


def check_refusals_name_axis_and_value(path: Interpolant[Any]) -> None:
    """The message of a DomainError names an axis and shows a number that was asked for."""
    for point in outside(path.domain):
        message = _message(path, point)
        if message is None:  # not refused with DomainError: that is the business of another check
            continue
        axes = {part for axis in path.domain.axes for part in (axis, *axis.split("."))}
        numbers = {text for c in point for text in (repr(c), f"{c:g}")}
        require(_mentions(message, axes), f"at({point}): the message names none of {path.domain.axes}: {message!r}")
        require(_mentions(message, numbers), f"at({point}): the message shows no number asked for: {message!r}")


def _message(path: Interpolant[Any], point: Point) -> str | None:
    try:
        path.at(point)
    except DomainError as error:
        return str(error)
    except Exception:  # noqa: BLE001 -- a third party may raise anything
        return None
    return None


def _mentions(message: str, words: set[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", message) for word in words)
