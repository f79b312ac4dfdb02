"""The compute experiment in small: it runs, goes on where it stopped, and says all that it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_experiments import check_redrawn, check_second_run, run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "compute_experiment"

# Curves and stopping of made-up numbers.
CLAIMS = """
import json, sys; sys.path.append("..")
from claims import claims

gap, count = float(sys.argv[1]), float(sys.argv[2])
curve = [
    {"count": k, "accuracy": level - gap, "ceiling": level, "exact": 0, "exact ceiling": 0}
    for k, level in ((1, 0.6), (8, 0.9), (20, 1.0), (40, 1.0))
]
row = {"change": 0.1, "mean count": count, "accuracy": 1.0 - gap, "exact": 1, "seconds": 1.0}
row["correlation with hops"] = 0.9
walk = {"curves": {"test": curve}, "chosen change": 0.1, "adaptive, test": [row], "fixed seconds, test": 2.0}
print(json.dumps([claim._asdict() for claim in claims({"walk-arms-anytime-0": walk})]))
"""


def probe(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("gap", "count", "ceiling", "saving"),
    [(0.0, 9.0, "held", "held"), (0.02, 9.0, "did not hold", "held"), (0.0, 12.0, "held", "did not hold")],
)
def test_claims_of_propagation_are_decided_by_their_rules(gap, count, ceiling, saving):
    found = {claim["claim"]: claim["verdict"] for claim in probe(CLAIMS, gap, count)}
    assert found["where news has to travel every iteration counts"] == ceiling
    assert found["clouds that end by themselves take half the iterations"] == saving
    assert found["they take less time, too"] == "held"
    assert found["they are nearer than those of PCN"] == "not measured"
    assert found["on digits of MNIST iterations buy nothing"] == "not measured"


@pytest.mark.slow
def test_small_form_decides_every_claim_and_a_second_run_computes_only_what_is_lost(tmp_path):
    first = run(FOLDER, tmp_path / "store", tmp_path / "first.json")
    assert not first["missing"]
    assert all(claim["verdict"] in ("held", "did not hold") for claim in first["claims"])
    assert (tmp_path / "first_completion.png").exists()
    check_second_run(FOLDER, tmp_path, first, lost="class-digits-anchored-1", key="accuracy")
    check_redrawn(FOLDER, tmp_path)
