"""Every example runs as a program, and draws what it says."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from continuum.core import MissingDataError

matplotlib = pytest.importorskip("matplotlib")

FOLDER = Path(__file__).resolve().parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("plot_*.py"))
CLUSTERS = {"cluster_dask": "distributed", "cluster_ray": "ray"}


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


@pytest.mark.slow
@pytest.mark.parametrize(("example", "package"), CLUSTERS.items())
def test_a_cluster_makes_the_table_of_a_plain_loop(example, package, tmp_path):
    pytest.importorskip(package, reason="needs the extra `cluster`")
    command = [sys.executable, str(FOLDER / f"{example}.py")]
    # Ray writes into the home folder.
    apart = {"HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(command, env=os.environ | apart, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "largest difference from a plain loop: 0\n" in done.stdout
    assert done.stdout.count("makes the path") in (2, 3)  # here, and in one worker or both


@pytest.mark.parametrize("example", [*EXAMPLES, *FOLDER.glob("cluster_*.py")], ids=lambda example: example.stem)
def test_example_is_short(example):
    assert len(example.read_text("utf-8").splitlines()) <= 120


def test_the_geodesic_runs_with_the_digits_alone(headless, monkeypatch, tmp_path):
    monkeypatch.setenv("CONTINUUM_CACHE", str(tmp_path))
    monkeypatch.delenv("CONTINUUM_DATA", raising=False)
    example = next(example for example in EXAMPLES if example.stem == "plot_geodesic")
    assert runpy.run_path(str(example), run_name="__main__")["geodesic"].names == ("digits 0-4", "digits 5-9")
