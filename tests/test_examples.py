"""Every example runs as a program, and draws what it says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from continuum.core import MissingDataError

matplotlib = pytest.importorskip("matplotlib")

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("plot_*.py"))


@pytest.fixture
def headless(monkeypatch, tmp_path):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    yield
    pyplot.close("all")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_example_runs_and_draws(example, headless):
    try:
        names = runpy.run_path(str(example), run_name="__main__")
    except MissingDataError as error:
        pytest.skip(str(error))
    figures = [value for value in names.values() if isinstance(value, matplotlib.figure.Figure)]
    assert figures
    for figure in figures:
        figure.canvas.draw()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_example_is_short(example):
    assert len(example.read_text("utf-8").splitlines()) <= 120


def test_the_geodesic_runs_with_the_digits_alone(headless, monkeypatch, tmp_path):
    monkeypatch.setenv("CONTINUUM_CACHE", str(tmp_path))
    monkeypatch.delenv("CONTINUUM_DATA", raising=False)
    example = next(example for example in EXAMPLES if example.stem == "plot_geodesic")
    assert runpy.run_path(str(example), run_name="__main__")["geodesic"].names == ("digits 0-4", "digits 5-9")
