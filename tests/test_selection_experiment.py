"""The selection experiment in small: it goes on where it stopped, says what it left out, and its claims have rules.

That the stored report follows from the stored numbers is a test of stored results.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_experiments import run

_PREDICTS = ("better than embeddings do", "what sees the labels")
_RANKS = ("gradient", "hidden", "pixels", "pixels and label")
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "selection_experiment"

# Losses of made-up orders: those by gradients are lower by a gain, but for all of the pool.
CLAIMS = """
import json, sys; sys.path.append("..")
import numpy as np
from claims import claims

gain, inner, budgets = float(sys.argv[1]), float(sys.argv[2]), (20, 60, 200, 600, 1300)

def curve(loss, middle=0.0):
    return [{"loss": loss - middle * (k == 200), "accuracy": 0.5} for k in budgets]

def seed(number):
    noise = 0.01 * number
    ranks = {"gradient": 0.5 + gain - noise, "hidden": 0.5, "pixels": 0.5, "pixels and label": 0.6}
    values = {name: {key: {"spearman": rho, "values": []} for key in ("loss", "accuracy")}
        for name, rho in ranks.items()}
    curves = {"random 0": curve(1.9), "random 1": curve(2.1), "pixels, round robin": curve(2.0),
        "hidden, round robin": curve(2.0), "gradient, round robin": curve(2.0 - gain + noise, inner),
        "gradient, soft-max UOT": curve(2.0 - gain + noise, inner)}
    return {"budgets": budgets, "zero-shot": {"loss": 2.0, "accuracy": 0.5}, "curves": curves, "quantiles": values,
        "distances": {space: {name: {"transport": [far] * 5, "mmd2": [1 - far] * 5}
            for name, far in {"round robin": 0.2, "herding": 0.3, "random": 0.9}.items()}
            for space in ("pixels", "gradient")}}

pieces = {f"digits-{number}": seed(number) for number in range(4)}
for piece in pieces.values():
    for space in ("pixels", "gradient"):
        piece["curves"][f"{space}, herding"] = curve(1.95)
print(json.dumps({claim.claim: claim.verdict for claim in claims(pieces)}))
"""


def verdicts(gain: float, inner: float) -> dict[str, str]:
    command = [sys.executable, "-c", CLAIMS, str(gain), str(inner)]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("gain", "inner"), [(0.3, 0.2), (0.05, 0.2), (0.3, 0.0), (-0.1, 0.0)])
def test_claims_are_decided_by_their_rules(gain, inner):
    found, said = verdicts(gain, inner), {True: "held", False: "did not hold"}
    predicts = "how far a part of the pool is by gradients predicts the loss after training on it, "
    assert found[f"{predicts}better than embeddings do"] == said[gain > 0.03]
    assert found["and better than what sees the labels, too"] == said[gain > 0.13]
    assert found["the best budget lies inside"] == said[inner > 0]
    assert found["gradients beat random choice at small and middle budgets"] == said[gain > 0.03]
    assert found["random choice often matches what looks at inputs alone"] == "held"
    assert found["an optimal transport rule gains at large budgets"] == "did not hold"  # the same losses
    assert found["selection is the minimisation of a distance"] == "did not hold"  # herding has the greater MMD
    assert found["texts on the topic are found"] == "not measured"


def test_the_page_says_in_short_what_is_stored():
    stored = json.loads((ROOT / "docs" / "results" / "selection_experiment.json").read_text("utf-8"))
    page = " ".join((ROOT / "docs" / "experiment_selection.rst").read_text("utf-8").split())
    claims = {claim["claim"]: claim for claim in stored["claims"]}
    missed = {claim for claim, found in claims.items() if found["verdict"] != "held"}
    assert missed == {
        "random choice often matches what looks at inputs alone",
        "an optimal transport rule gains at large budgets",
        "selection is the minimisation of a distance",
    }
    predicts, labels = (next(c["measured"] for c in stored["claims"] if text in c["claim"]) for text in _PREDICTS)
    rho = {name: re.search(rf"{name} (\d\.\d\d) ±", predicts + labels)[1] for name in _RANKS}
    assert f"correlation {rho['gradient']} over ten quantiles), better than hidden states ({rho['hidden']}), " in page
    assert f"pixels ({rho['pixels']}) and pixels beside labels ({rho['pixels and label']})" in page
    assert "best at 200 of 1300" in claims["the best budget lies inside"]["measured"]
    assert claims["random choice often matches what looks at inputs alone"]["measured"] in page
    assert (
        "mmd2 of pixels: least by round robin, round robin, herding; mmd2 of gradient: least by round robin, herding"
        in (claims["selection is the minimisation of a distance"]["measured"])
    )
    found = claims["texts on the topic are found"]["measured"]
    shares = sorted(re.findall(r" (\d\.\d\d)", found.partition("at random")[0]))
    assert f"({shares[0]} to {shares[-1]} of the first 16, and {found[-4:]} at random)" in page
    gains = re.findall(
        r"-(\d\.\d+) ±", claims["what was selected teaches a language model more than random texts"]["measured"]
    )
    assert f"gradients the most: {max(gains)} nats" in page


@pytest.mark.slow
def test_small_form_says_that_it_has_no_texts_and_a_second_run_computes_only_what_is_lost(tmp_path):
    store = tmp_path / "store"
    first = run(FOLDER, store, tmp_path / "first.json")
    assert not first["missing"]
    assert (tmp_path / "first.png").exists()
    assert "no texts" in first["about"]
    assert first["about"] in (tmp_path / "first.md").read_text()
    left_out = {claim["claim"] for claim in first["claims"] if claim["verdict"] == "not measured"}
    assert left_out == {
        "texts on the topic are found",
        "what was selected teaches a language model more than random texts",
        "gradients select the texts that teach most",
    }
    lost = "digits-1"
    (store / "pieces" / f"{lost}.json").unlink()
    assert run(FOLDER, store, tmp_path / "part.json", "--report")["missing"] == [lost]
    assert f"**Not finished:** {lost}." in (tmp_path / "part.md").read_text()
    again = run(FOLDER, store, tmp_path / "again.json")["pieces"]
    # Seconds are among the numbers: what is equal was read, not measured again.
    assert again["digits-0"] == first["pieces"]["digits-0"]
    assert again[lost]["curves"] == first["pieces"][lost]["curves"]
    assert again[lost]["distances"] == first["pieces"][lost]["distances"]
    # The report follows from the stored numbers.
    copy = tmp_path / "copy.json"
    shutil.copy(tmp_path / "again.json", copy)
    subprocess.run([sys.executable, str(FOLDER / "redraw.py"), str(copy)], check=True, capture_output=True)
    assert copy.read_text() == (tmp_path / "again.json").read_text()
    assert copy.with_suffix(".md").read_text() == (tmp_path / "again.md").read_text()
