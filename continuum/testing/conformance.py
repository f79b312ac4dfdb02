"""The conformance suite: run every check on an interpolant, alone or under pytest.

Shaped like scikit-learn's `check_estimator` and `parametrize_with_checks`, so that there is nothing new to learn.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest import SkipTest

from continuum.core import InvalidInputError, warn

from . import continuity, domain_law, endpoint_law, lease_law, manners, ownership_law, value_law

__all__ = ["CHECKS", "Case", "Check", "check_interpolant", "parametrize_with_checks"]

# These look at first calls, so they come first, on copies of a path that nobody has asked yet.
_FIRST = {
    "check_value_is_repeatable": value_law.check_value_is_repeatable,
    "check_global_random_state_has_no_influence": value_law.check_global_random_state_has_no_influence,
    "check_order_of_calls_does_not_matter": value_law.check_order_of_calls_does_not_matter,
    "check_global_random_state_is_untouched": manners.check_global_random_state_is_untouched,
    "check_global_settings_are_untouched": manners.check_global_settings_are_untouched,
}
CHECKS: dict[str, Callable[..., None]] = _FIRST | {
    name: getattr(module, name)
    for module in (domain_law, value_law, continuity, ownership_law, lease_law, endpoint_law, manners)
    for name in module.__all__
    if name.startswith("check_")
}


@dataclass(frozen=True)
class Check:
    """One law as a function of a path; raises AssertionError if it is broken and SkipTest if it does not apply."""

    name: str
    options: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, path: Any) -> None:
        if self.name != "check_protocol_members" and not _is_interpolant(path):
            raise SkipTest("not an interpolant: see check_protocol_members.")
        _isolated(CHECKS[self.name], path, **self.options)


def _isolated(law: Callable[..., None], path: Any, **options: float) -> None:
    """Check a law so that what a faulty path does to the process does not reach the next check."""
    with manners.settings_restored(), value_law.random_state_restored():
        law(path, **options)


def _is_interpolant(path: Any) -> bool:
    """Whether the protocol holds, as far as it can be told without reading `endpoints`, which may be a first call."""
    ends = inspect.getattr_static(path, "endpoints", {})
    is_computed = hasattr(type(ends), "__get__")
    return domain_law.has_core_members(path) and (is_computed or isinstance(ends, Mapping))


@dataclass(frozen=True, eq=False)
class Case:
    """An interpolant with what its author declares about it.

    Args:
        path: the interpolant.
        name: how reports call it; by default the name of its type.
        expected_failed_checks: reason by name of a check that is expected to fail.
        endpoint_tolerance: how far `at(p)` may be from `endpoints[p]`, relative or absolute.
        jump_tolerance: largest share of the whole change along a segment that may happen in one tiny step.
    """

    path: Any
    name: str = ""
    expected_failed_checks: Mapping[str, str] = field(default_factory=dict)
    endpoint_tolerance: float = 0.0
    jump_tolerance: float = 1e-3

    def __post_init__(self) -> None:
        if isinstance(self.path, type):
            raise InvalidInputError(f"pass an instance, not the class {self.path.__qualname__}.")
        object.__setattr__(self, "name", self.name or type(self.path).__name__)
        if unknown := sorted(set(self.expected_failed_checks) - set(CHECKS)):
            raise InvalidInputError(f"no check is called {unknown}; the names are {sorted(CHECKS)}.")

    def checks(self) -> list[Check]:
        """Every check, with the declared tolerances."""
        options = {
            "check_endpoints_equal_values": {"tolerance": self.endpoint_tolerance},
            "check_value_is_continuous": {"tolerance": self.jump_tolerance},
        }
        return [Check(name, options.get(name, {})) for name in CHECKS]


def check_interpolant(
    path: Any,
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
    endpoint_tolerance: float = 0.0,
    jump_tolerance: float = 1e-3,
    on_fail: Literal["raise", "warn"] | None = "raise",
) -> list[dict[str, Any]]:
    """Check that `path` obeys the laws of `continuum.Interpolant`.

    Args:
        path: an interpolant, an instance.
        expected_failed_checks: reason by name of a check that is expected to fail.
        endpoint_tolerance: how far `at(p)` may be from `endpoints[p]`, relative or absolute; 0 is exact.
        jump_tolerance: largest share of the whole change along a segment that may happen in one tiny step.
        on_fail: raise the first unexpected failure, warn of each, or only report.

    Returns:
        One row for each check: `check_name`, `status` ("passed", "failed", "xfail" or "skipped"), `exception`, and
        `reason`: why it was skipped or is expected to fail.

    Raises:
        AssertionError: if a law is broken and `on_fail="raise"`; it names the check.
        InvalidInputError: if `path` is a class or an expected failure names no check.

    Example:
        >>> from continuum.testing import exact
        >>> rows = check_interpolant(exact.Translation(np.zeros((3, 2)), np.ones(2)))
        >>> sorted({row["status"] for row in rows})
        ['passed', 'skipped']
    """
    if on_fail not in ("raise", "warn", None):
        raise InvalidInputError(f"`on_fail` must be 'raise', 'warn' or None, got {on_fail!r}.")
    case = Case(
        path,
        expected_failed_checks=expected_failed_checks or {},
        endpoint_tolerance=endpoint_tolerance,
        jump_tolerance=jump_tolerance,
    )
    return [_judged(_row(case, check), case, on_fail) for check in case.checks()]


def _row(case: Case, check: Check) -> dict[str, Any]:
    expected = case.expected_failed_checks.get(check.name)
    try:
        check(case.path)
    except SkipTest as skip:
        return _report(check, "skipped", skip, str(skip))
    except Exception as error:  # noqa: BLE001 -- a third party may raise anything
        return _report(check, "failed" if expected is None else "xfail", error, expected or "")
    return _report(check, "passed")


def _report(check: Check, status: str, exception: BaseException | None = None, reason: str = "") -> dict[str, Any]:
    return {"check_name": check.name, "status": status, "exception": exception, "reason": reason}


def _judged(row: dict[str, Any], case: Case, on_fail: str | None) -> dict[str, Any]:
    if row["status"] == "failed" and on_fail == "raise":
        raise AssertionError(f"{row['check_name']}: {row['exception']}") from row["exception"]
    if row["status"] == "failed" and on_fail == "warn":
        warn(f"{case.name} fails {row['check_name']}: {row['exception']}")
    return row


def parametrize_with_checks(
    interpolants: Sequence[Any] | Mapping[str, Any],
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
    endpoint_tolerance: float = 0.0,
    jump_tolerance: float = 1e-3,
) -> Any:
    """Pytest decorator that runs every check on every interpolant, each as a test of its own.

    Args:
        interpolants: instances, or instances by name. An instance with declarations of its own is a `Case`.
        expected_failed_checks: reason by name of a check that is expected to fail; for all that are no `Case`.
        endpoint_tolerance: as in `check_interpolant`; for all that are no `Case`.
        jump_tolerance: as in `check_interpolant`; for all that are no `Case`.

    Example:
        >>> from continuum.testing import exact
        >>> @parametrize_with_checks([exact.Translation(np.zeros((3, 2)), np.ones(2))])
        ... def test_translation(interpolant, check):
        ...     check(interpolant)
    """
    import pytest

    named = interpolants.items() if isinstance(interpolants, Mapping) else (("", path) for path in interpolants)
    cases = [
        path
        if isinstance(path, Case)
        else Case(path, name, expected_failed_checks or {}, endpoint_tolerance, jump_tolerance)
        for name, path in named
    ]
    return pytest.mark.parametrize(
        ("interpolant", "check"),
        [
            pytest.param(case.path, check, id=f"{case.name}-{check.name}", marks=_marks(case, check))
            for case in cases
            for check in case.checks()
        ],
    )


def _marks(case: Case, check: Check) -> list[Any]:
    import pytest

    reason = case.expected_failed_checks.get(check.name)
    return [] if reason is None else [pytest.mark.xfail(reason=reason)]
