"""The weight experiment in small: it runs, goes on where it stopped, and says all that it measured."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from continuum.harness import status

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "docs" / "results" / "weight_experiment.json"


PROBE = """
import json, sys
import numpy as np
from shapes import shape, stable_interval
x = np.linspace(0, 1, 11)
curves = {"line": 3 - 2 * x, "step": (x > 0.45) * 1.0, "parabola": x**2, "constant": 0 * x, "back": x - 4 * x * (1 - x)}
with np.errstate(all="ignore"):
    found = {name: shape(x, curve).tolist() for name, curve in curves.items()}
grid = np.linspace(-1, 2, 13)
found["stable"] = stable_interval(grid, np.log(1.1) * np.abs(2 * np.clip(np.maximum(-grid, grid - 1), 0, None)))
print(json.dumps(found))
"""


def test_p_shapes_have_their_known_answers():
    folder = ROOT / "benchmarks" / "weight_experiment"
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=folder, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["line"] == pytest.approx([1, 0, 0, 1], abs=1e-9)  # R^2, chord deviation, V, K
    assert found["step"][2:] == pytest.approx([0, 10])  # V, and K: the number of steps
    assert found["parabola"][1:] == pytest.approx([0.25, 0, 1.9])
    assert all(math.isnan(value) for value in found["constant"])
    assert found["back"][2] == pytest.approx(0.56 / 2.12)  # 0.56 down, 1.56 up
    assert found["stable"] == pytest.approx([-0.5, 1.5])


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
