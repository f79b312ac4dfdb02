"""The decision experiment in small: its parts obey their laws, it goes on where it stopped, its report follows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from small_experiments import check_redrawn, check_second_run, run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "decision_experiment"

START = "import json, sys; sys.path.append('..'); import numpy as np; from pathlib import Path\n"


def probe(program, *arguments):
    """What a program prints that runs among the modules of the experiment."""
    command = [sys.executable, "-c", START + program, *map(str, arguments)]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


DRAWN = """
from panels import pearson, spearman
from continuum.decisions import correlate
rng = np.random.default_rng(0)
x, y = rng.integers(6, size=12).astype(float), rng.normal(size=12)
counts = np.concatenate([np.ones((1, 12)), rng.multinomial(12, np.ones(12) / 12, 5), 12 * np.eye(12)[:1]])
found = correlate(x, y)
print(json.dumps({"x": x.tolist(), "y": y.tolist(), "counts": counts.astype(int).tolist(),
    "pearson": pearson(x, y, counts).tolist(), "spearman": spearman(x, y, counts).tolist(),
    "library": [found.pearson, found.spearman]}))
"""


def test_correlations_of_drawn_sources_are_those_of_repeated_ones():
    found = probe(DRAWN)
    x, y = np.array(found["x"]), np.array(found["y"])
    for counts, r, rho in list(zip(found["counts"], found["pearson"], found["spearman"], strict=True))[:-1]:
        drawn = np.repeat(x, counts), np.repeat(y, counts)
        np.testing.assert_allclose(r, pearsonr(*drawn)[0], rtol=1e-9)
        np.testing.assert_allclose(rho, spearmanr(*drawn)[0], rtol=1e-9)
    np.testing.assert_allclose([found["pearson"][0], found["spearman"][0]], found["library"], rtol=1e-9)
    assert np.isnan([found["pearson"][-1], found["spearman"][-1]]).all()  # one source only, again and again


DOMAINS = """
from panels import Panel, Panels
names = list("abcde")
panels = Panels([Panel(t, [s for s in names if s != t], np.arange(4.0), {"d": np.arange(4.0)}, 0.0) for t in names],
    shares_domains=True)
counts = {t: {**dict(zip(panel.sources, drawn.T.tolist())), t: times.tolist()}
    for t, panel, (drawn, times) in zip(names, panels.all, panels.draws)}
print(json.dumps({"same": all(counts[t][s] == counts["a"][s] for t in names for s in names),
    "total": sorted({sum(counts["a"][s][k] for s in names) for k in range(9)}), "r": panels.mean("d")}))
"""


def test_domains_are_drawn_in_both_of_their_roles():
    assert probe(DOMAINS) == {"same": True, "total": [5.0], "r": pytest.approx(1.0)}


DISTANCES = """
from distances import GRID, JOINT, distances
from pieces import Lab
import digit_grid
from continuum.decisions import DecisionAwareCost, decision_distance
family = digit_grid.family(Lab(Path(), small=True), sys.argv[1], 3)
source, target = next(iter(family.sources.values())), family.target
found, priced = distances(source, target)
rows = [(found[JOINT[k]], decision_distance(source, target, DecisionAwareCost(source.problem, GRID[k])).value)
    for k in (3, 40, 90)]
alone = {kind: decision_distance(source, target, DecisionAwareCost(source.problem, disparity=kind), mode="priced")
    .components[2] for kind in ("target", "sym", "profile")}
own = source.problem.paired(source.z, target.y) - target.problem.paired(target.z, target.y)
print(json.dumps({"joint": rows, "names": len(set(JOINT)), "identity": float(own.mean() / priced.scales[2]),
    "priced": [(found["priced"], alone["target"]), *((found[f"priced, {k}"], alone[k]) for k in ("sym", "profile"))],
    "priced is above joint": all(priced.at(w) >= found[n] - 1e-12 for w, n in zip(GRID, JOINT))}))
"""


@pytest.mark.parametrize("kind", ["independent", "same"])
def test_distances_are_those_of_the_library(kind):
    found = probe(DISTANCES, kind)
    assert found["names"] == 91
    assert found["priced is above joint"]
    for ours, library in found["joint"] + found["priced"]:
        np.testing.assert_allclose(ours, library, rtol=1e-9)
    if kind == "same":  # every instance stays where it is
        np.testing.assert_allclose(found["priced"][0][0], found["identity"], rtol=1e-9)


LEARNERS = """
from dataclasses import replace
from cubic import _line, _task
from families import pooled
from pieces import Lab
from continuum.decisions import Newsvendor, PtODataset
import between, digit_grid, stock
lines = [_line(_task(c, 400, 0, "law")) for c in (0.0, 0.6, 1.2)]
slopes = [float(line(np.ones((1, 1)))[0, 0] - line(np.zeros((1, 1)))[0, 0]) for line in lines]
demand = np.arange(1.0, 101.0)[:, None]
flat = PtODataset(np.zeros((100, 1)), demand, stock._SHOP)
family = digit_grid.family(Lab(Path(), small=True), "same", 0)
curves = between.measured(family, 1)["pairs"][0]
parts = [PtODataset([[0.0]], [[1.0]], Newsvendor(2, 1)), PtODataset([[1.0], [2.0]], [[2.0], [3.0]], Newsvendor(2, 1))]
print(json.dumps({"slopes": slopes, "order": float(stock.quantile(flat)(np.zeros((1, 1)))[0, 0]),
    "path": curves["path"], "mixture": curves["mixture"], "drift": curves["drift"],
    "weights": [pooled(parts).weights.tolist(), pooled(parts, [0, 1]).y.ravel().tolist()],
    "unit": float(stock._SHOP.paired([[1.0], [3.0]], [[2.0], [2.0]]).sum())}))
"""


def test_learners_and_mixtures_know_their_answers():
    found = probe(LEARNERS)
    # 20,000 items: the error of the slope of x^3 on x is far below 0.1.
    np.testing.assert_allclose(found["slopes"], [6, 0, -6], atol=0.1)
    assert 75 <= found["order"] <= 76  # the critical fractile of 0.75
    assert found["unit"] == (2 + 3) + 3  # one is missing, where it costs 4 less 1; one is left over
    assert found["weights"] == [[0.5, 0.25, 0.25], [2.0, 3.0]]
    # On the same images squared loss cannot tell a mean label from two labels.
    np.testing.assert_allclose(found["path"], found["mixture"], rtol=1e-6)
    assert found["drift"][0] == 0


CLAIMS = """
from claims import claims
from distances import JOINT
level = float(sys.argv[1])
rng, pieces = np.random.default_rng(0), {}
for name in ("digits, independent", "digits, same", "terrain, independent", "terrain, same"):
    learners = ["random units", "linear"][: 1 + name.startswith("terrain")]
    for seed in range(2):
        regret = rng.random(30)
        found = {key: rng.random(30).tolist() for key in [*JOINT, "priced", "priced labels", "independent"]}
        found["priced"] = (level * regret + (1 - level) * rng.random(30)).tolist()
        known = {learner: regret.tolist() for learner in learners}
        pieces[f"{name}, {seed}"] = {"target": str(seed), "sources": [str(k) for k in range(30)],
            "distances": found, "regret": known, "tried": known, "imputed": known,
            "own": dict.fromkeys(learners, 0.1), "slack": [0.1 * level - 0.05]}
print(json.dumps({claim.claim: claim.verdict for claim in claims(pieces)}))
"""


@pytest.mark.parametrize(("level", "verdict"), [(1.0, "held"), (0.0, "did not hold")])
def test_claims_are_decided_by_their_rules(level, verdict):
    found = probe(CLAIMS, level)
    assert found["digit grids: pricing decisions tells transfer better than features and labels do"] == verdict
    assert found["on terrain, learnt linearly, the numbers are those that were seen before"] == verdict
    assert found["the transfer bound holds"] == verdict
    assert found["decisions that choose the plan ruin it"] == verdict
    assert found["a line learnt by least squares decides by its sign"] == "not measured"
    assert found["real demand: pricing decisions tells transfer better than features and labels do"] == "not measured"


SHORT = """
import tables
from distances import AGNOSTIC, DECISIONS
found = tables.panels(json.loads(Path("../../docs/results/decision_experiment.json").read_text())["pieces"])
r = lambda setting, name: round(found[setting].mean(name), 2)
print(json.dumps({
    "alone": sorted(r(setting, DECISIONS) for setting in (*tables.LINEAR, *tables.UNITS)),
    "pairs": [(r(setting, "priced"), r(setting, AGNOSTIC)) for setting in ("digits, same", tables.UNITS[1],
        "cubic, least squares", "digits, independent", "bakery, scaled, quantile")],
    "linear": [r(setting, "priced") < r(setting, AGNOSTIC) for setting in tables.LINEAR],
    "imputed": sorted(r(setting, "imputed") for setting in (tables.DIGITS[0], *tables.UNITS)),
    "misled": r("cubic, least squares", "imputed"),
    "tried": min(r(setting, "tried out") for setting in (*tables.PATHS, *tables.CUBIC)),
    "best": [max(r(setting, name) for name in found[setting].names if name not in ("imputed", "tried out"))
        for setting in (tables.DIGITS[0], *tables.UNITS)],
}))
"""


def test_the_page_says_in_short_what_is_stored():
    found = probe(SHORT)
    page = " ".join((ROOT / "docs" / "experiment_decisions.rst").read_text("utf-8").split())
    assert f"({found['alone'][0]} to {found['alone'][-1]})" in page
    pairs = [tuple(f"{r:.2f}" for r in pair) for pair in found["pairs"]]
    for ours, agnostic in [*pairs[:3], pairs[4]]:
        assert f"{ours} against {agnostic}" in page
    assert f"{pairs[3][1]} against {pairs[3][0]}" in page
    assert all(found["linear"])
    assert f"({found['imputed'][0]} to {found['imputed'][-1]})" in page
    assert found["imputed"][0] > max(found["best"])
    assert f"({found['misled']})" in page
    assert f"({found['tried']} or more)" in page


def test_the_page_says_that_nowhere_between_is_better_with_few_labels():
    claims = json.loads((ROOT / "docs" / "results" / "decision_experiment.json").read_text("utf-8"))["claims"]
    names = [claim["claim"] for claim in claims]
    first = names.index("with few labels of the target halfway along the path is better than both ends")
    assert names[first + 1] == "so is the mixture of both"
    for claim in claims[first : first + 2]:
        found = [part.split(": ")[1].split(" ± ") for part in claim["measured"].split("; ")]
        assert len(found) == 6
        assert all(float(mean) > -2 * float(error) for mean, error in found)


@pytest.mark.slow
def test_small_form_decides_every_claim_and_a_second_run_computes_only_what_is_lost(tmp_path):
    first = run(FOLDER, tmp_path / "store", tmp_path / "first.json")
    assert not first["missing"]
    assert all(claim["verdict"] in ("held", "did not hold") for claim in first["claims"])
    assert next(claim for claim in first["claims"] if "bound" in claim["claim"])["verdict"] == "held"
    assert (tmp_path / "first.png").exists()
    check_second_run(FOLDER, tmp_path, first, lost="digits, same, 1", key="distances")
    check_redrawn(FOLDER, tmp_path)
