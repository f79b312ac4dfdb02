"""The runner: statuses, what happens on failure, expected failures, and the pytest decorator."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from continuum.core import InvalidInputError, from_function
from continuum.core.domain import Interval
from continuum.core.errors import ContinuumWarning
from continuum.testing import CHECKS, Case, check_interpolant, exact, parametrize_with_checks


def constant(t):
    return np.ones(3)


def step(t):
    return np.full(3, float(t > 0.3))


GOOD = exact.Translation(np.zeros((3, 2)), np.ones(2))
STEP = from_function(Interval(), step)
JUMP = "check_value_is_continuous"


def by_name(rows):
    return {row["check_name"]: row for row in rows}


def test_rows_tell_what_passed_and_why_not():
    rows = by_name(check_interpolant(STEP, on_fail=None))
    assert set(rows) == set(CHECKS)
    assert rows[JUMP]["status"] == "failed"
    assert isinstance(rows[JUMP]["exception"], AssertionError)
    assert rows["check_value_is_finite"] == {
        "check_name": "check_value_is_finite",
        "status": "passed",
        "exception": None,
        "reason": "",
    }
    assert rows["check_lease_is_undone"]["status"] == "skipped"
    assert "no `lease`" in rows["check_lease_is_undone"]["reason"]


def test_the_first_failure_is_raised_by_default():
    with pytest.raises(AssertionError, match="jumps by 1"):
        check_interpolant(STEP)


def test_failures_can_be_warnings():
    with pytest.warns(ContinuumWarning, match=f"FunctionPath fails {JUMP}") as caught:
        check_interpolant(STEP, on_fail="warn")
    assert [warning.filename for warning in caught] == [__file__]


def test_an_expected_failure_has_a_reason():
    rows = by_name(check_interpolant(STEP, expected_failed_checks={JUMP: "a step by design"}))
    assert rows[JUMP]["status"] == "xfail"
    assert rows[JUMP]["reason"] == "a step by design"
    assert isinstance(rows[JUMP]["exception"], AssertionError)


def test_an_expected_failure_that_passes_is_passed():
    rows = by_name(check_interpolant(GOOD, expected_failed_checks={JUMP: "we were too modest"}))
    assert rows[JUMP]["status"] == "passed"


def test_an_expected_failure_that_does_not_apply_is_skipped():
    rows = by_name(check_interpolant(GOOD, expected_failed_checks={"check_lease_is_undone": "no lease"}))
    assert rows["check_lease_is_undone"]["status"] == "skipped"


def test_whatever_a_path_raises_is_a_failure():
    path = from_function(Interval(), lambda t: 1 / (t - t))
    rows = by_name(check_interpolant(path, on_fail=None))
    assert isinstance(rows["check_value_is_finite"]["exception"], ZeroDivisionError)
    with pytest.raises(AssertionError, match="check_value_is_repeatable") as caught:
        check_interpolant(path)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_tolerances_reach_their_checks():
    assert by_name(check_interpolant(STEP, jump_tolerance=1.0))[JUMP]["status"] == "passed"


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((GOOD,), {"expected_failed_checks": {"check_nonsense": "?"}}, "check_nonsense"),
        ((exact.Translation,), {}, "not the class Translation"),
        ((GOOD,), {"on_fail": "ignore"}, "'ignore'"),
    ],
)
def test_wrong_arguments_are_refused(args, options, message):
    with pytest.raises(InvalidInputError, match=message):
        check_interpolant(*args, **options)


def params(*args, **options):
    return parametrize_with_checks(*args, **options).args[1]


def test_ids_name_the_interpolant_and_the_check():
    assert [param.id for param in params([GOOD])] == [f"Translation-{name}" for name in CHECKS]
    assert {param.id.split("-")[0] for param in params({"one": GOOD, "two": STEP})} == {"one", "two"}


def test_expected_failures_are_marked():
    marks = {param.id: param.marks for param in params([STEP], expected_failed_checks={JUMP: "by design"})}
    assert [mark.kwargs for mark in marks[f"FunctionPath-{JUMP}"]] == [{"reason": "by design"}]
    assert not any(found for name, found in marks.items() if JUMP not in name)


def test_a_case_declares_for_itself():
    case = Case(STEP, name="step", expected_failed_checks={JUMP: "by design"})
    marked = [param.id for param in params([GOOD, case]) if param.marks]
    assert marked == [f"step-{JUMP}"]


def test_unknown_expected_failures_are_refused_when_tests_are_collected():
    with pytest.raises(InvalidInputError, match="check_nonsense"):
        parametrize_with_checks([GOOD], expected_failed_checks={"check_nonsense": "?"})


def test_pytest_sees_each_outcome(tmp_path):
    """One real run: the step fails, is expected to fail, or is allowed; checks that do not apply are skipped."""
    (tmp_path / "test_paths.py").write_text(
        textwrap.dedent("""
        import numpy as np
        from continuum import Interval, from_function
        from continuum.testing import Case, parametrize_with_checks

        def step(t):
            return np.full(3, float(t > 0.3))

        path = from_function(Interval(), step)
        declared = Case(path, "declared", {"check_value_is_continuous": "by design"})

        @parametrize_with_checks([path, declared, Case(path, "allowed", jump_tolerance=1.0)])
        def test_path(interpolant, check):
            check(interpolant)
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-c", "/dev/null", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert f"FAILED test_paths.py::test_path[FunctionPath-{JUMP}]" in run.stdout, run.stdout
    assert f"XFAIL test_paths.py::test_path[declared-{JUMP}] - by design" in run.stdout
    assert f"PASSED test_paths.py::test_path[allowed-{JUMP}]" in run.stdout
    assert "1 failed" in run.stdout
    assert "1 xfailed" in run.stdout
    assert "the path has no `lease`" in run.stdout


def test_checks_find_faults_under_python_optimised():
    """`python -O` removes assert statements; the laws must not vanish with them."""
    code = (
        "import numpy as np; from continuum.testing import check_interpolant; "
        "from continuum import Interval, from_function; "
        "rows = check_interpolant(from_function(Interval(), lambda t: np.full(3, float(t > 0.3))), on_fail=None); "
        "print([r['check_name'] for r in rows if r['status'] == 'failed'])"
    )
    run = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True)
    assert JUMP in run.stdout
