"""The weight experiment in small: it runs, goes on where it stopped, and says all that it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from continuum.harness import status

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "docs" / "results" / "weight_experiment.json"


def run(store, save):
    program = [sys.executable, str(ROOT / "benchmarks" / "weight_experiment"), "--small"]
    subprocess.run([*program, "--store", str(store), "--save", str(save)], check=True, capture_output=True)
    return json.loads(save.read_text())


@pytest.mark.slow
def test_small_form_runs_and_a_second_run_computes_nothing_again(tmp_path):
    first = run(tmp_path / "store", tmp_path / "first.json")
    database = next((tmp_path / "store").glob("*.db"))
    assert (status(database)["done"] == status(database)["planned"]).all()
    second = run(tmp_path / "store", tmp_path / "second.json")
    # Times are stored with the numbers: these are equal only if they were read, not measured again. As text, for NaN.
    for part in ("studies", "tables"):
        assert json.dumps(second[part]) == json.dumps(first[part])


def test_the_stored_run_has_every_table_and_claim():
    stored = json.loads(STORED.read_text())
    markdown = STORED.with_suffix(".md").read_text()
    headings = (
        *("What held", "Anchors", "Stable interval", "Sweep: sentiment", "Sentiment of generations"),
        *("Models trained on the mixture", "Predictions, token by token", "Two attributes", "Entanglement"),
        *("Five attributes on the simplex", "Angles of weights"),
    )
    for heading in headings:
        assert f"## {heading}" in markdown
    assert "dequantised from Q4_1" in markdown
    rows = markdown.split("## What held")[1].split("## Anchors")[0].strip().splitlines()
    assert len(rows) - 2 == len(stored["claims"])
