"""What the documentation shows is what happens: its examples run, and what it names exists."""

from __future__ import annotations

import doctest
import importlib
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from continuum.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(page for page in (ROOT / "docs").glob("*.rst") if ">>> " in page.read_text("utf-8"))
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.fixture
def module(monkeypatch, tmp_path):
    """An importable module for the code of a page, so that its classes pickle as they would in a program."""
    monkeypatch.chdir(tmp_path)
    made = types.ModuleType("a_page_of_the_documentation")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_in_pages_run(page, module):
    examples = doctest.DocTestParser().get_doctest(page.read_text("utf-8"), {}, page.stem, str(page), 0)
    examples.globs = vars(module)
    report = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(examples, out=report.append, clear_globs=False)
    assert not report, "".join(report)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_code_in_papers_runs(page, module, monkeypatch):
    pytest.importorskip("matplotlib").use("agg")
    for code in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL):
        exec(compile(code, page, "exec"), vars(module))
    assert page != "README.md" or (module.results.missing == 0 and module.Translation)


def test_every_cited_law_is_a_test():
    laws = set(re.findall(r":law:`([^`]+)`", (ROOT / "docs" / "reliability.rst").read_text("utf-8")))
    files = (ROOT / "tests").rglob("test_*.py")
    tests = {name for file in files for name in re.findall(r"^def test_(\w+)", file.read_text("utf-8"), re.MULTILINE)}
    assert laws
    assert sorted(law for law in laws if law.replace(" ", "_") not in tests) == []


def test_every_command_is_described():
    text = (ROOT / "docs" / "command_line.rst").read_text("utf-8")
    commands = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert [name for name in commands if f"``continuum {name}" not in text] == []


ROOMS = [
    "",
    ".harness",
    ".models",
    ".models.size",
    ".models.weights",
    ".datasets",
    ".decisions",
    ".selection",
    ".compute",
]


def public(name):
    """What a name such as `Results.summary` stands for, from the first package that has it."""
    first, *rest = name.removesuffix("()").split(".")
    rooms = (importlib.import_module(f"continuum{room}") for room in ROOMS)
    found = next((getattr(room, first) for room in rooms if hasattr(room, first)), None)
    for attribute in rest:
        found = getattr(found, attribute, None)
    return found


def test_every_command_of_the_coverage_exists():
    rows = (ROOT / "docs" / "coverage.rst").read_text("utf-8").split("   * - ")[2:]
    commands = [part for row in rows for part in re.findall(r"``(.+?)``", row.split("\n     -")[1])]
    told = {command.name or command.callback.__name__ for command in app.registered_commands}
    for command in commands:
        *_, last = command.split()
        if command.startswith("continuum "):
            assert last in told, command
        elif command.startswith(("python ", "pytest ", "examples/")):
            assert (ROOT / last).exists(), command
        else:
            assert public(command) is not None, command
    assert len(commands) > 30


def test_every_interpolant_has_a_row_in_the_page_of_choices():
    text = (ROOT / "docs" / "choosing.rst").read_text("utf-8")
    rooms = [importlib.import_module(f"continuum{room}") for room in ROOMS]
    named = {name: getattr(room, name) for room in rooms for name in room.__all__}
    paths = [name for name, value in named.items() if isinstance(value, type) and {"at", "domain"} <= set(dir(value))]
    assert {"McCann", "WeightPath", "PatchPath", "BudgetPath", "DecisionPath", "SubsetPath"} <= set(paths)
    assert [name for name in paths if f".{name}>" not in text and name != "Interpolant"] == []


def test_every_public_name_has_a_place_in_the_reference():
    pages = {page.stem: page.read_text("utf-8") for page in (ROOT / "docs" / "api").glob("*.rst")}
    assert {"core", "decisions", "selection", "compute"} < pages.keys()
    for room in pages.keys() - {"index"}:
        names = __import__(f"continuum.{room}", fromlist=["__all__"]).__all__
        absent = [name for name in names if not re.search(rf"\b{name}\b", pages[room])]
        assert absent == [], f"docs/api/{room}.rst lacks {absent}"


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx_gallery")
    generated = shutil.ignore_patterns("_build", "gallery", "generated")
    for folder in ("docs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=generated)
    for file in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / file, tmp_path)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", "html"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "index.html").exists()
