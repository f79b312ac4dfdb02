"""The experiment of linked continua in small: it runs, goes on where it stopped, and says all that it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_experiments import check_redrawn, check_second_run, run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "linked_experiment"
KINDS = ("pooled", "geodesic", "Mixup")

# Two seeds of every path of data, with three points and ends that lie 1 apart.
CLAIMS = """
import json, sys; sys.path.append("..")
from claims import claims
from tables import SETTINGS

link, floor, alpha = map(float, sys.argv[1:])
left = dict.fromkeys(("identity", "best constant", "arithmetic ensemble", "geometric ensemble", "untuned"), 0.5)


def piece(noise):
    met = {**left, "link": link, "link, held out": link + noise}
    one = {"a": [0.0, 0.5, 1.0], "alpha": [0.0, alpha, 1.0], "on a": [0.0, 0.5, 1.0], "between": [[0.0, 0.2, 1.0]] * 3}
    one["distances"] = {label: [0.0, x, 0.0] for label, x in met.items()}
    both = {label: one for label in ("weights", "arithmetic ensemble", "geometric ensemble")}
    gaps = {"arithmetic ensemble": [0.0, 0.2, 0.0], "geometric ensemble": [0.0, 0.1 + noise, 0.0]}
    return {"divergence": both, "value": both, "weights to ensembles": gaps}


pieces = {}
for start in SETTINGS.values():
    pieces |= {f"{start}0": piece(0.0), f"{start}1": piece(0.001)}
    pieces[f"{start}floor"] = {"other seed": [[0.0, floor, 0.0]]}
pieces["text-floor"]["other texts"] = [floor, floor + 0.001]
print(json.dumps([claim._asdict() for claim in claims(pieces)]))
"""


def decided(*arguments):
    command = [sys.executable, "-c", CLAIMS, *map(str, arguments)]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    return {claim["claim"]: claim["verdict"] for claim in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    ("link", "floor", "alpha", "linked", "near", "straight"),
    [
        (0.1, 0.3, 0.5, "held", "held", "held"),
        (0.6, 0.3, 0.5, "did not hold", "did not hold", "held"),
        (0.4, 0.3, 0.6, "held", "did not hold", "did not hold"),
    ],
)
def test_claims_of_links_are_decided_by_their_rules(link, floor, alpha, linked, near, straight):
    found = decided(link, floor, alpha)
    assert found["models trained along a path of data are linked with the weights between its ends"] == linked
    assert found["a model between the weights is as near to a trained one as another training is"] == near
    assert found["the map along optimal transport is nearly the identity"] == straight
    assert found["weights in between are nearer to the geometric than to the arithmetic ensemble of the ends"] == "held"
    assert found["of the paths of data, that along optimal transport is linked best"] == "did not hold"


# What is left by the link and by another seed, where each point is met, and the bend of each map, by setting.
STORED = """
import json, sys; sys.path.append("..")
import tables

KINDS = ("trained", "weights")
pieces = json.load(open(sys.argv[1]))["pieces"]
found = {}
for name in tables.measured(pieces, (*tables.SETTINGS, *tables.BESIDE)):
    left = {label: tables.share(pieces, name, label).mean() for label in tables.RIVALS}
    maps = [tables.interval(column) for column in tables.maps(pieces, name).T]
    found[name] = {"left": left, "maps": maps, "bend": tables.bend(pieces, name).mean()}
    found[name]["ends"] = tables.between_ends(pieces, name).mean()
    if name in tables.IMAGES:
        rows = [piece["accuracy"] for piece in tables.seeds(pieces, name)]
        found[name]["half way"] = [[sum(row[kind][4][end] for row in rows) for end in (0, 1)] for kind in KINDS]
print(json.dumps(found))
"""


def test_the_page_tells_what_came_out():
    stored = ROOT / "docs" / "results" / "linked_experiment.json"
    command = [sys.executable, "-c", STORED, str(stored)]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    left = {name: row["left"]["link"] for name, row in found.items()}
    floor = {name: row["left"]["another seed"] for name, row in found.items()}
    main = [name for name in found if name in ("texts, pooled", *(f"images, {k}" for k in KINDS))]
    assert all(0.09 < left[name] < 0.35 for name in main), "between a tenth and a third"
    assert left["texts, pooled"] < floor["texts, pooled"]
    assert 2 < left["images, geodesic"] / floor["images, geodesic"] < 2.5, "two times as much"
    assert 3 < left["images, Mixup"] / floor["images, Mixup"] < 3.5, "three times as much"
    sixths = [step / 6 for step in range(1, 6)]
    inner = found["texts, pooled"]["maps"][1:-1]
    assert all(low <= a <= high for a, (_, low, high) in zip(sixths, inner, strict=True)), "the identity"
    assert found["images, pooled"]["maps"][1][0] > 1 / 3, "an eighth is worth a third of the way"
    gentle = found["texts, half the rate"]
    assert all(mean > a for a, (mean, _, _) in zip(sixths, gentle["maps"][1:-1], strict=True)), "above"
    assert 0.3 < gentle["ends"] / found["texts, pooled"]["ends"] < 0.37, "a third as far apart"
    for kind in KINDS[1:]:
        trained, between = found[f"images, {kind}"]["half way"]
        assert all(x < y for x, y in zip(trained, between, strict=True)), "half way both ends are read worse"
    assert min(KINDS, key=lambda kind: left[f"images, {kind}"]) == "pooled"
    assert min(KINDS, key=lambda kind: left[f"weak start, {kind}"]) == "geodesic"
    assert found["weak start, geodesic"]["bend"] < 0.05, "nearly the identity"


@pytest.mark.slow
def test_small_form_decides_every_claim_and_a_second_run_computes_only_what_is_lost(tmp_path):
    first = run(FOLDER, tmp_path / "store", tmp_path / "first.json")
    assert not first["missing"]
    assert all(claim["verdict"] in ("held", "did not hold") for claim in first["claims"])
    check_second_run(FOLDER, tmp_path, first, lost="image-geodesic-1", key="divergence")
    check_redrawn(FOLDER, tmp_path)
