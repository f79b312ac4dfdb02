"""The experiment of the paper, in its small form: it runs, it resumes, and its tables are right."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from continuum.datasets import available

FOLDER = Path(__file__).parents[1] / "benchmarks" / "transfer_experiment"


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import tables

    return tables


def run(*arguments: str) -> str:
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(FOLDER), "--small", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=300).stdout


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(
    not {"mnist", "fashion-mnist", "animals", "optdigits"} <= set(available()),
    reason="`continuum fetch` brings the sets",
)
def test_the_small_form_runs_and_resumes_without_computing_anything_again(tmp_path):
    store, file = tmp_path / "store.db", tmp_path / "found.json"
    first = run("--store", str(store), "--save", str(file))
    found, table = json.loads(file.read_text()), file.with_suffix(".md").read_text()
    records = sqlite3.connect(store).execute("select count(*) from record").fetchone()
    again = run("--store", str(store), "--save", str(file))
    assert json.loads(file.read_text()) == found
    assert sqlite3.connect(store).execute("select count(*) from record").fetchone() == records
    assert [line[9:] for line in again.splitlines()] == [line[9:] for line in first.splitlines()]
    assert "| few-shot only |" in table
    assert found["seconds"] > 0
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert {row["row"] for row in found["differences"]} >= {"Mixup, fixed pairs", "1-NN in pixels", "nearest source"}


def test_longer_maps_are_paired_by_cell(tables, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import longer_maps

    index = pd.MultiIndex.from_tuples([("s", 0), ("t", 0)], names=["target", "seed"])
    few = pd.DataFrame({tables.REFERENCE: [0.6, 0.8], longer_maps.NEURAL: [0.5, 0.7]}, index=index)
    many = pd.DataFrame({tables.REFERENCE: [0.6, 0.8], longer_maps.NEURAL: [0.4, 0.72]}, index=index)
    rows = longer_maps.compared(few, many.iloc[::-1])
    assert rows[0] == {"target": "s", "seed": 0, "few": 0.5, "many": 0.4, "barycentric": 0.6}
    text = longer_maps.markdown({"rows": rows, "settings": {"map_steps": (400, 1200)}, "command": "python"})
    assert "| target | neural map, 400 steps | neural map, 1,200 steps | gain |" in text
    assert "| s | 50.0 | 40.0 | -10.0 | +20.0 |" in text
    assert "| all | 60.0 | 56.0 | -4.0 [-10.0, +2.0] | +14.0 [+8.0, +20.0] |" in text


def test_differences_are_paired_by_cell(tables):
    index = pd.MultiIndex.from_tuples([("s", 0), ("t", 0), ("u", 0)], names=["target", "seed"])
    numbers = {"barycentric, a*": [0.5, 0.9, 0.7], "other": [0.4, 1.0, 0.6], "only x": [0.0, np.nan, 0.0]}
    cells = pd.DataFrame(numbers, index=index)
    (row,) = tables.differences(cells)
    assert row["row"] == "other"
    assert row["difference"] == pytest.approx(0.1 / 3)
    assert (row["wins"], row["cells"]) == (2, 3)
    assert row["low"] == pytest.approx(-0.1)
    assert row["high"] == pytest.approx(0.1)


def test_the_nearest_source_is_chosen_by_distance_and_the_oracle_by_accuracy(tables):
    index = pd.MultiIndex.from_tuples([("t", 0), ("t", 1)], names=["target", "seed"])
    cells = pd.DataFrame({"only a": [0.3, 0.6], "only b": [0.5, 0.4]}, index=index)
    squared = {"squared: a": 1.0, "squared: b": 2.0, "a*: a": 0.1}
    facts = pd.DataFrame(
        [{"target": "t", "seed": seed, "fact": fact, "value": v} for seed in (0, 1) for fact, v in squared.items()]
    )
    chosen = tables.with_choices(cells, facts)
    assert chosen["nearest source"].tolist() == [0.3, 0.6]
    assert chosen["best source (oracle)"].tolist() == [0.5, 0.6]
