"""What README and documentation say of stored results is what is stored.

Numbers in tables are read from the files when pages are built. What is left are numbers in README, and words: where a
test of words fails after results have been measured anew, the page that it names has to be written anew.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from continuum.harness import Results

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
SCORES = ("single drop", "block influence")
MIXUPS = ("Mixup, unlimited pairs", "Mixup, fixed pairs")
PAGE = """
.. stored-command:: bench.json

.. stored-rows:: bench.json
   :columns: n; ours = ours (s); ratio
   :works: sum

   sum; ratio <= 1.5
   sum; n = 20; n <= 9

.. stored-table:: bench.md
   :heading: B
"""


def stored(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def differences(setting: str | None = None) -> dict[str, dict]:
    """Of the barycentric mixture less the row of that name, in the main table or under a setting of the ablation."""
    experiment = stored("transfer_experiment")
    rows = experiment["ablation"][setting] if setting else experiment["differences"]
    return {row["row"]: row for row in rows}


def absent_from_readme(*sentences: str) -> list[str]:
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    return [sentence for sentence in sentences if sentence not in text]


def test_readme_quotes_the_benchmarks():
    full = {row["work"]: row for row in stored("bench_full_size")["rows"]}["streamed, gap 2%"]
    rows = {(row["work"], row["n"]): row for row in stored("bench_datasets")["rows"]}
    exact, few, ready = (
        rows[work]["ours"] / rows[work]["peer"]
        for work in (
            ("exact OTDD, all of it", 5000),
            ("exact OTDD, all of it", 500),
            ("exact plan, cost matrix ready", 500),
        )
    )
    assert full["converged"]
    assert not absent_from_readme(
        f"sets of {full['n']:,} images are compared on two cores in {full['seconds']:.0f} s",
        f"bounds that certify the squared distance to {100 * full['gap']:.1f}%",
        f"the exact distance takes {exact:.2f} of the CPU time",
        f"for 500, the plan of a ready cost matrix takes {ready:.1f} times POT's time",
        f"and the whole distance {few:.1f} times",
    )


def test_readme_quotes_the_experiment():
    points = {name: [100 * row[key] for key in ("difference", "low", "high")] for name, row in differences().items()}
    few = "is worth {:.1f} points of accuracy over the few shots alone (95% interval {:.1f} to {:.1f})"
    mixup = "not told apart from Mixup: {:.1f} ({:.1f} to {:.1f})"
    minus = mixup.format(*points[MIXUPS[0]]).replace("-", "−")
    assert not absent_from_readme(few.format(*points["few-shot only"]), minus)


def test_readme_quotes_the_weight_experiment():
    experiment = stored("weight_experiment")
    inside = [row for row in experiment["tables"]["shapes"] if (row["from"], row["to"]) == (0, 1)]
    straight = {row["path"]: row["R2"][0] for row in inside}
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    measured = {claim["claim"]: claim["measured"] for claim in experiment["claims"]}
    found = measured["models are whole on all of [-1, 2]"]
    whole = dict(part.split(" ", 1) for part in found.replace("-", "−").split("; "))
    held = [claim["verdict"] == "held" for claim in experiment["claims"]]
    assert not absent_from_readme(
        f"the score of sentiment moves in a straight line (R² {straight['sentiment']:.4f})",
        f"rises steadily but less straight ({straight['register']:.3f})",
        f"stays whole on {whole['sentiment']} and {whole['register']}, not on all of the [−1, 2]",
        f"{numbers[len(held) - 1]} claims, of which {numbers[sum(held) - 1]} held",
    )


def size_kl(student: str, family: str, depth: int) -> list[float]:
    """Divergence of a model from its teacher on each row of held-out text."""
    rows = stored("size_experiment")["pieces"][f"family-{student}"]["rows"]
    return next(row["brown"]["kl"] for row in rows if (row["family"], row["depth"]) == (family, depth))


def size_difference(one: tuple[str, str], other: tuple[str, str], depth: int) -> tuple[float, float]:
    """Mean and standard error of one model less another, paired by rows."""
    gaps = [a - b for a, b in zip(size_kl(*one, depth), size_kl(*other, depth), strict=True)]
    return statistics.mean(gaps), statistics.stdev(gaps) / len(gaps) ** 0.5


def test_readme_quotes_the_size_experiment():
    family, strong = ("main-0", "backward greedy"), [("pruned", f"one-shot, {name}") for name in SCORES]
    pieces = stored("size_experiment")["pieces"]
    means = {depth: [statistics.mean(size_kl(*model, depth)) for model in (family, strong[0])] for depth in (18, 26)}
    assert not absent_from_readme(
        f"One distillation of {pieces['training-main-0']['tokens']:,} tokens gives language models of all sizes",
        *(f"{ours:.2f} against {theirs:.2f} at {depth}" for depth, (ours, theirs) in means.items()),
    )
    for depth in (18, 20, 22, 24, 26, 28):
        for other in strong:
            mean, error = size_difference(family, other, depth)
            assert mean < -2 * error, "said to be nearer to the teacher wherever two layers or more are gone"
    for other in strong:
        mean, error = size_difference(family, other, 29)
        assert abs(mean) < 2 * error, "said to be as good without one layer"
    own = {row["depth"]: row for row in size_table("own_sizes")}
    better, worse = own[24]["member, backward greedy"], own[28]["member, backward greedy"]
    assert better[0] > 2 * better[1], "a model of its own size is said to be better at 24 layers"
    assert worse[0] < -2 * worse[1], "and worse at 28"


def test_the_page_of_the_size_experiment_says_which_weights_of_the_cosine_are_alike():
    means = stored("size_experiment")["pieces"]["weight"]["mean"]
    assert sorted(means, key=means.get)[:2] in (["400", "100"], ["100", "400"])
    assert abs(means["100"] / means["400"] - 1) < 0.01


def size_table(name: str) -> list[dict]:
    """A table of the report of the size experiment."""
    program = (
        "import json, sys; sys.path.append('..'); import tables; from measured import Run; "
        f"print(json.dumps(tables.{name}(Run(json.load(open(sys.argv[1]))['pieces']))))"
    )
    command = [sys.executable, "-c", program, str(RESULTS / "size_experiment.json")]
    folder = ROOT / "benchmarks" / "size_experiment"
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_readme_quotes_the_demo():
    frame = Results.load(RESULTS / "demo.json").select(study="geodesic to mnist", metric="transfer accuracy").frame
    means = frame.groupby(["role", "label", "t", "fashion-mnist", "animals", "optdigits"], dropna=False)["value"].mean()
    few = means.xs("few shots only", level="label").item()
    best = means[means.index.get_level_values("role") != "reference"].max()
    sentence = f"the few shots alone ({few:.3f}) beat the best mixture ({best:.3f}) and the best single source"
    assert not absent_from_readme(f"{sentence} ({means['endpoint'].max():.3f})")


def test_readme_quotes_the_experiment_on_linked_continua():
    verdicts = {claim["claim"]: claim["verdict"] for claim in stored("linked_experiment")["claims"]}
    assert list(verdicts.values()).count("held") == 3
    assert verdicts["models trained along a path of data are linked with the weights between its ends"] == "held"
    assert len(verdicts) == 12
    assert not absent_from_readme("[twelve claims, of which three held](docs/results/linked_experiment.md)")


def test_no_peer_is_faster_where_the_page_of_benchmarks_does_not_say_so():
    alike = [row for row in stored("bench_datasets")["rows"] if row["peer"] and row["which"] != "POT emd alone"]
    faster = {(row["work"], row["n"]) for row in alike if row["ours"] > row["peer"]}
    assert not faster


def ratios(name: str) -> dict[tuple[str, int], float]:
    """Ours by the peer's."""
    return {(row["work"], row["n"]): row["ours"] / row["peer"] for row in stored(name)["rows"] if row["peer"]}


def test_the_page_of_benchmarks_says_which_bars_of_selection_are_missed():
    found, page = ratios("bench_selection"), (ROOT / "docs" / "benchmarks.rst").read_text("utf-8")
    bars = re.findall(r"^   (.+); n = (\d+); ratio <= ([\d.]+)$", page, re.MULTILINE)
    missed = {work for work, n, limit in bars if found.get((work, int(n)), 0) > float(limit)}
    assert missed == {
        "KNN-uniform, published",
        "round robin, queries alike",
        "soft-max UOT, float32 map, nothing kept",
    }
    assert found["soft-max UOT, float32 map", 200_000] < found["soft-max UOT, float32 map", 1_500_000]


def test_round_robin_takes_a_tenth_of_the_naive_time_beyond_its_product():
    rows = {row["work"]: row for row in stored("bench_selection")["rows"] if row["n"] == 50_000}
    naive = rows["round robin, the whole pool"]  # the peer looks through a row for each of 10,000
    assert rows["round robin"]["ours"] - rows["round robin"]["peer"] < 0.1 * naive["peer"]


def test_the_page_of_benchmarks_says_that_few_joint_solves_take_longer_than_those_of_pot():
    found = ratios("bench_decisions")
    assert found["91 weight triples, joint", 100] > 1.5
    assert found["91 weight triples, joint", 500] < found["91 weight triples, joint", 100]


def test_the_page_of_the_experiment_claims_what_the_intervals_carry():
    found = differences()
    ahead = {name for name, row in found.items() if row["low"] > 0}
    assert ahead == {"few-shot only", "1-NN in pixels", "neural map, a*", "nearest source"}
    assert {name for name, row in found.items() if row["high"] < 0} == {"best source (oracle)"}
    assert found[MIXUPS[0]]["high"] < 0.04, "the published lead over Mixup is said to lie outside the interval"


def test_the_page_of_the_experiment_tells_what_longer_maps_gain():
    rows = stored("longer_maps")["rows"]
    gains = {row["target"]: row["many"] - row["few"] for row in rows}
    assert (len(rows), len(gains)) == (4, 4)
    assert min(gains.values()) < 0 < max(gains.values())
    (last,) = re.findall(r"\| all \|.*", (RESULTS / "longer_maps.md").read_text("utf-8"))
    assert re.search(r"\[-[\d.]+, \+[\d.]+\]", last), "the interval of the gain contains 0"
    textured = next(target for target in gains if target.startswith("textured"))
    behind = {row["target"]: row["barycentric"] - row["few"] for row in rows}
    assert max(behind, key=behind.get) == textured
    assert gains[textured] <= 0


def test_the_page_of_the_experiment_tells_what_the_ablation_shows():
    settings = list(stored("transfer_experiment")["ablation"])
    same, found = differences("nothing"), {name: differences(name) for name in settings}
    assert all(found[name][row]["low"] <= 0 for name in settings for row in MIXUPS)
    assert {max(settings, key=lambda name, row=row: found[name][row]["difference"]) for row in MIXUPS} == {
        "1,000 steps"
    }
    for name in ("n = 2,000", "learned space", "label weight 0", "blurred, 0.5%", "blurred, 5%"):
        assert all(found[name][row]["difference"] < same[row]["difference"] for row in MIXUPS), name
    behind = {(name, row) for name in settings for row in MIXUPS if found[name][row]["high"] < 0}
    assert behind == {("blurred, 5%", row) for row in MIXUPS} | {("label weight 0", MIXUPS[0])}


def test_the_page_of_the_experiment_counts_the_correlations():
    rows = stored("transfer_experiment")["rank_correlation"]
    told = [row for row in rows if row["low"] > 0 or row["high"] < 0]
    assert (len(rows), len(told), len({row["target"] for row in told})) == (10, 2, 1)
    assert {row["spearman"] > 0 for row in told} == {True, False}
    assert sum(row["low"] > -0.6 for row in rows) == 9


@pytest.mark.slow
def test_summaries_and_tables_of_the_experiment_follow_from_its_numbers(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "transfer_experiment"))
    from tables import write

    write(tmp_path / "transfer_experiment.json", stored("transfer_experiment"))
    table = "transfer_experiment.md"
    assert (tmp_path / table).read_text("utf-8") == (RESULTS / table).read_text("utf-8")


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    """A page of documentation about stored rows."""
    pytest.importorskip("sphinx")
    rows = [{"work": "sum", "n": 10, "ours": 1.0, "peer": 4.0}, {"work": "sum", "n": 20, "ours": 8.0, "peer": 4.0}]
    rows.append({"work": "root", "n": 30, "ours": 3.0})
    made = {"command": "python bench.py", "versions": {"numpy": "2.0"}, "seeds": [0, 1], "rows": rows}
    (folder / "bench.json").write_text(json.dumps(made))
    (folder / "bench.md").write_text(
        "# A\n\n## B\n\nof b\n\n| x | y |\n|-|-|\n| b | 1.5 |\n\n## C\n\n| z |\n|-|\n| c |\n"
    )
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'docs' / '_ext')!r})\nextensions = ['stored_results']\n"
    )
    (folder / "index.rst").write_text(f"Page\n====\n\n{page}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "xml", str(folder), str(folder / "xml")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pages_show_commands_rows_verdicts_and_tables(tmp_path):
    done = build(tmp_path, PAGE)
    assert done.returncode == 0, done.stderr
    words = re.findall(r">([^<\s][^<]*)", (tmp_path / "xml" / "index.xml").read_text("utf-8"))
    assert [word.replace("&lt;", "<").strip() for word in words] == [
        *("Page", "python bench.py", "Versions: numpy 2.0; seeds 0, 1."),
        *("work", "n", "ours (s)", "ratio", "bar"),
        *("sum", "10", "1", "0.250", "ratio ≤ 1.5: met"),
        *("20", "8", "2", "ratio ≤ 1.5: not met", "n ≤ 9: not met"),
        *("x", "y", "b", "1.5"),
    ]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (".. stored-rows:: bench.json\n   :columns: ratio\n\n   product; ratio <= 1", "no row of bench.json is meant"),
        (".. stored-rows:: bench.json\n   :columns: ratio\n\n   sum is fast", "a bar reads"),
        (".. stored-rows:: bench.json\n   :works: sum; product", "has no rows of the works ['product']"),
        (".. stored-table:: bench.md\n   :heading: D", "has no table below a heading `## D`"),
    ],
)
def test_what_is_not_stored_is_an_error(page, complaint, tmp_path):
    done = build(tmp_path, page)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_readme_quotes_the_compute_experiment():
    found, text = stored("compute_experiment"), " ".join((ROOT / "README.md").read_text("utf-8").split())
    pieces = found["pieces"]
    seeds = [pieces[f"class-mnist-anchored-{seed}"] for seed in range(3)]
    accuracy = sum(piece["accuracy"]["24"] for piece in seeds) / 3
    assert f"of {seeds[0]['parameters']:,} parameters tell {accuracy:.2%} of the 10,000 digits" in text
    saving = next(c["measured"] for c in found["claims"] if c["claim"].startswith("clouds that end by themselves"))
    assert "arms-anytime-0: 1.0000 at 8.7 of 16" in saving
    assert "after 8.7 of 16 iterations" in text


def test_readme_quotes_the_selection_experiment():
    found = {claim["claim"]: claim["measured"] for claim in stored("selection_experiment")["claims"]}
    assert "best at 200 of 1300" in found["the best budget lies inside"]
    assert "gradient -0.170" in found["what was selected teaches a language model more than random texts"]
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert "200 of 1,300 are the best budget" in text
    assert "−0.170 nats a token after 96 texts" in text


@pytest.mark.parametrize(
    "name", ["compute_experiment", "decision_experiment", "selection_experiment", "linked_experiment"]
)
def test_reports_follow_from_their_stored_numbers(name, tmp_path):
    pytest.importorskip("matplotlib")
    copy = tmp_path / f"{name}.json"
    shutil.copy(RESULTS / copy.name, copy)
    redraw = ROOT / "benchmarks" / name / "redraw.py"
    subprocess.run([sys.executable, str(redraw), str(copy)], check=True, capture_output=True)
    for suffix in (".json", ".md"):
        assert copy.with_suffix(suffix).read_text() == (RESULTS / f"{name}{suffix}").read_text()
