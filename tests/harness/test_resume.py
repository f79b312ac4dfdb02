"""What real processes do to one store: they are killed at any moment, and they write at the same time."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sweep import POINTS, SEEDS, sweep

from continuum import Interval, Metric, Results, evaluate, from_function
from continuum.core import StoreError
from continuum.harness import status
from continuum.harness.records import Record
from continuum.harness.store import Store

SWEEP = Path(__file__).with_name("sweep.py")
TOTAL = POINTS * SEEDS * 2
SECONDS = ["build_s", "metric_s"]


def start(store: Path, log: Path, seconds: float) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, str(SWEEP), str(store), str(log), str(seconds)])


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def committed(store: Path) -> set[tuple]:
    try:
        frame = Results.load(store).frame
    except StoreError:  # killed before the store was made
        return set()
    return set(zip(frame["t"], frame["metric"], frame["seed"], frame["value"], strict=True))


def table(results: Results):
    return results.frame.drop(columns=SECONDS)


def test_killed_at_random_moments_nothing_is_lost_and_nothing_is_computed_twice(tmp_path):
    store, log, rng = tmp_path / "s.db", tmp_path / "log", np.random.default_rng()
    kept, allowed, kills = set(), TOTAL, 0
    while True:
        process, seen = start(store, log, 0.004), len(lines(log))
        # Wait for the first number, or the kill would only test the import of NumPy; then kill at a random moment.
        while process.poll() is None and len(lines(log)) == seen:
            time.sleep(0.002)
        try:
            assert process.wait(timeout=rng.uniform(0, 0.25)) == 0
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        now = committed(store)
        assert kept <= now
        # What was computed beyond what is kept is the unit under way: less than one, as its last step is the commit.
        allowed += len(lines(log)) - seen - len(now - kept)
        assert len(lines(log)) - seen - len(now - kept) <= 2 * SEEDS
        kept = now
    assert kills > 0
    assert len(lines(log)) == allowed
    assert_frame_equal(table(Results.load(store)), table(sweep(None, str(tmp_path / "uninterrupted"))))
    assert status(store).to_numpy().tolist() == [["sweep", TOTAL, TOTAL, 0]]


def test_two_processes_fill_one_store_together(tmp_path):
    store, log = tmp_path / "s.db", tmp_path / "log"
    processes = [start(store, log, 0.002) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert_frame_equal(table(Results.load(store)), table(sweep(None, str(tmp_path / "alone"))))


CREATE = """
import sys, time
from pathlib import Path
from continuum.harness.store import Store
from continuum.harness.records import Record
folder, me = Path(sys.argv[1]), sys.argv[2]
(folder / f"ready{me}").touch()
while not (folder / "go").exists():
    time.sleep(0.0005)
for i in range(20):
    with Store.create(folder / f"{i}.db") as store:
        store.write([Record(f"{me}-{j}", float(j)) for j in range(3)], run=1)
"""


def test_processes_that_create_a_store_at_the_same_moment_do_not_meet_a_lock(tmp_path):
    crowd = [subprocess.Popen([sys.executable, "-c", CREATE, str(tmp_path), str(me)]) for me in range(4)]
    while len(list(tmp_path.glob("ready*"))) < len(crowd):
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert [process.wait(timeout=60) for process in crowd] == [0] * len(crowd)


def test_the_loser_of_a_race_keeps_the_record_of_the_winner(tmp_path):
    with Store.create(tmp_path / "s.db") as one, Store.create(tmp_path / "s.db") as two:
        one.write([Record("k", 1.0)], run=1)
        two.write([Record("k", 2.0), Record("other", 3.0)], run=2)
        assert [one.records(["k", "other"])[key].value for key in ("k", "other")] == [1.0, 3.0]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_another_process_has_finished_meanwhile_is_not_computed(tmp_path, n_jobs):
    line, computed, finished = from_function(Interval(), float), [], threading.Event()

    def quick(t):
        return t

    def slow(t):
        computed.append(t)
        if len(computed) == 1:  # while the first unit runs, somebody else runs the whole study
            evaluate(line, Metric("m", quick), points=33, store=tmp_path / "s.db")
            finished.set()
        finished.wait()
        return t

    slow.fingerprint = quick.fingerprint = "m"
    with joblib.parallel_config(backend="threading"):
        results = evaluate(line, Metric("m", slow), points=33, store=tmp_path / "s.db", n_jobs=n_jobs)
    assert len(computed) <= 2 * n_jobs  # joblib prepares that many ahead
    assert len(results.frame) == 33


class Counting:
    """A path of a plain class that counts its calls and keeps what it built."""

    domain = Interval()

    def __init__(self):
        self.calls, self.built = 0, {}

    def at(self, t):
        (t,) = self.domain.point(t)
        self.calls += 1
        self.built[t] = np.array([t])
        return self.built[t].copy()


def test_what_a_run_changes_in_a_path_or_metric_is_no_new_content(tmp_path):
    path, store, calls, fail = Counting(), tmp_path / "s.db", 0, {"at": 0.5}

    def number(value):
        nonlocal calls
        calls += 1
        if value[0] == fail["at"]:
            raise RuntimeError("planted")
        return value[0]

    with pytest.raises(RuntimeError, match="planted"):
        evaluate(path, number, points=5, store=store)
    fail["at"] = None
    evaluate(path, number, points=5, store=store)
    assert calls == 3 + 3  # two numbers and the failure, then what was missing
    evaluate(path, number, points=9, store=store)
    assert calls == 3 + 3 + 4  # the grid of 9 holds that of 5
    assert evaluate(Counting(), number, points=9, store=store).missing == 0
    assert calls == 3 + 3 + 4  # another object of equal content


def test_two_paths_of_one_class_are_two_studies_unless_they_are_named(tmp_path):
    store, lines = tmp_path / "s.db", [from_function(Interval(), lambda t, k=k: k * t) for k in (1, 2)]
    for line in (*lines, *lines):
        evaluate(line, {"id": float}, points=3, store=store)
    assert list(Results.load(store).frame["study"].unique()) == ["FunctionPath", "FunctionPath 2"]
    for line in lines:
        evaluate(line, {"id": float}, points=3, store=store, name="mine")
    assert len(Results.load(store, study="mine").frame) == 3
