"""Whoever carries the units out, on this machine or on a cluster, the table is the same and nothing is lost."""

import importlib
import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import joblib
import pytest
from cluster_study import POINTS, fatal, mean, noted, once_fatal, recipe, single, slow, stored, study, table
from pandas.testing import assert_frame_equal

from continuum import Interval, Results, evaluate, from_function
from continuum.core import InvalidInputError, WorkerError
from continuum.harness import dask_jobs, workers

pytestmark = pytest.mark.slow


@contextmanager
def local_cluster():
    """A scheduler and two workers, each a process of its own, and a client."""
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    arguments = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
    with distributed.LocalCluster(n_workers=2, **arguments) as cluster, distributed.Client(cluster) as client:
        yield cluster, client


@pytest.fixture(scope="module")
def cluster():
    with local_cluster() as (cluster, _):
        yield cluster


@pytest.fixture
def dask(cluster):
    """Brings the cluster to a number of workers, within which joblib sends work to it."""

    def workers(n, patience=120):
        cluster.scale(n)
        until(lambda: len(cluster.scheduler.workers) == n)
        return joblib.parallel_config(backend="dask", wait_for_workers_timeout=patience)

    return workers


def until(is_true, seconds=120):
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)


# One table


@pytest.mark.parametrize("n", [1, 2, 4])
def test_one_two_and_four_processes_make_one_table(tmp_path, n):
    alone = study(tmp_path, 1)
    with joblib.parallel_config(backend="loky"):
        assert_frame_equal(table(study(tmp_path, n)), table(alone))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_one_two_and_four_workers_of_dask_make_one_table(tmp_path, dask, n):
    alone = study(tmp_path, 1)
    with dask(n):
        assert_frame_equal(table(study(tmp_path, -1)), table(alone))


def test_a_deferred_path_is_built_once_in_each_worker_and_not_here(tmp_path, dask):
    with dask(2):
        for _ in range(2):
            study(tmp_path, -1)
    builders = noted(tmp_path / "built")
    assert 1 <= len(builders) <= 2
    assert len(set(builders)) == len(builders)


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_only_the_parent_has_the_store_open(tmp_path, request, backend):
    config = joblib.parallel_config("loky") if backend == "loky" else request.getfixturevalue("dask")(2)
    with config:
        frame = study(tmp_path, 2, str(tmp_path / "s.db")).frame
    assert set(frame["value"][frame["metric"] == "held"]) == {0.0}
    assert set(study(tmp_path, 1, str(tmp_path / "t.db")).frame.query("metric == 'held'")["value"]) == {1.0}


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_numbers_are_stored_while_others_are_computed(tmp_path, request, backend):
    config, store = joblib.parallel_config("loky"), str(tmp_path / "s.db")
    with config if backend == "loky" else request.getfixturevalue("dask")(2):
        found = single(stored, tmp_path, 2, store, store=store)
    assert found.frame["value"].max() >= 1


# What is lost


def test_a_killed_worker_of_dask_is_replaced_and_the_table_is_whole(tmp_path, dask):
    with dask(2):
        found = single(once_fatal, tmp_path, -1, str(tmp_path))
    assert len(noted(tmp_path / "killed")) == 1
    assert_frame_equal(table(found), table(single(mean, tmp_path, 1)))


@pytest.fixture
def unforgiving(cluster, monkeypatch):
    """What kills one worker is not sent to three more."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)


@pytest.mark.usefixtures("unforgiving")
def test_a_unit_that_kills_its_worker_is_a_failure_and_the_rest_goes_on(tmp_path, dask):
    store = tmp_path / "s.db"
    with dask(2):
        found = single(fatal, tmp_path, -1, store=store, on_error="record")
    failed = found.failed
    assert 0.5 in set(failed["t"])
    assert failed["error"].str.contains(r"WorkerError: path 'm' at \(.*\) ended each worker").all()
    assert len(failed) < POINTS / 2  # units that waited on the same worker may be among them
    whole = table(single(mean, tmp_path, 1))
    assert_frame_equal(table(found).drop(failed.index), whole.drop(failed.index), check_dtype=False)


@pytest.mark.usefixtures("unforgiving")
def test_a_unit_that_kills_its_worker_stops_a_strict_study(tmp_path, dask):
    store = tmp_path / "s.db"
    with dask(2), pytest.raises(WorkerError, match=r"path 'm' at .* ended each worker"):
        single(fatal, tmp_path, -1, store=store)
    assert len(Results.load(store).frame) < POINTS


def test_after_a_worker_of_this_machine_was_killed_only_the_rest_is_computed(tmp_path):
    store, computed = tmp_path / "s.db", tmp_path / "computed"
    with joblib.parallel_config(backend="loky"):
        with pytest.raises(WorkerError, match="TerminatedWorkerError"):
            single(once_fatal, tmp_path, 2, str(tmp_path), store=store)
        kept, before = len(Results.load(store).frame), len(noted(computed))
        found = single(once_fatal, tmp_path, 2, str(tmp_path), store=store)
    assert len(noted(computed)) - before == POINTS - kept
    assert_frame_equal(table(found), table(single(mean, tmp_path, 1)))


def started(place, role, *options):
    """A part of a cluster, as one starts it on a machine of its own."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{role}", "--scheduler-file", str(place)]
    common = ["--host", "127.0.0.1", "--no-dashboard"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}  # the study can be imported there
    return subprocess.Popen([*command, *common, *options], env=environment, stderr=subprocess.DEVNULL)


def test_a_dead_scheduler_is_one_clear_error_and_then_only_the_rest_is_computed(tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    place, store, computed = tmp_path / "scheduler.json", tmp_path / "s.db", tmp_path / "computed"
    worker = ["worker", "--nthreads", "1", "--no-nanny"]
    processes = [started(place, *role) for role in (["scheduler", "--port", "0"], worker, worker)]
    try:
        until(place.exists)
        client = distributed.Client(scheduler_file=str(place), timeout=120)
        client.wait_for_workers(2, timeout=120)
        killer = threading.Thread(target=lambda: (until(lambda: len(noted(computed)) > 3), processes[0].kill()))
        killer.start()
        with joblib.parallel_config(backend="dask", client=client), pytest.raises(WorkerError, match="scheduler"):
            single(slow, tmp_path, -1, str(tmp_path), store=store)
        killer.join()
        client.close(timeout=5)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    kept, before = len(Results.load(store).frame), len(noted(computed))
    assert kept < POINTS
    found = single(slow, tmp_path, 1, str(tmp_path), store=store)
    assert len(noted(computed)) - before == POINTS - kept
    assert_frame_equal(table(found), table(single(mean, tmp_path, 1)))


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(dask_jobs, "_PATIENCE", 3.0)


@pytest.mark.usefixtures("impatient")
def test_a_cluster_that_has_lost_all_its_workers_is_not_waited_for(tmp_path, cluster, dask):
    store, computed = tmp_path / "s.db", tmp_path / "computed"

    def leave():
        until(lambda: len(noted(computed)) > 3)
        cluster.scale(0)

    thread = threading.Thread(target=leave)
    thread.start()
    with dask(2, patience=3), pytest.raises(WorkerError, match="no worker for 3 seconds"):
        single(slow, tmp_path, -1, str(tmp_path), store=store)
    thread.join()
    assert 0 < len(Results.load(store).frame) < POINTS


@pytest.mark.usefixtures("impatient")
def test_what_the_workers_of_dask_cannot_import_is_an_error(tmp_path, monkeypatch):
    # A cluster of its own: what ended one worker would be sent to the next.
    with local_cluster() as (_, client), joblib.parallel_config("dask", client=client, wait_for_workers_timeout=3):
        (tmp_path / "at_home.py").write_text("def number(x):\n    return 1.0\n")  # the workers have started already
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(WorkerError, match=r"worker"):
            evaluate(recipe(tmp_path), importlib.import_module("at_home").number, points=3, n_jobs=-1)


def test_an_error_of_the_workers_is_told_without_colours():
    with pytest.raises(WorkerError, match=r"\(RuntimeError: ray::run failed\)"), workers._explained():
        raise RuntimeError("\x1b[36mray::run\x1b[39m\n failed")


# What travels


def test_functions_and_classes_made_on_the_spot_travel(tmp_path, dask):
    class Twice:
        def __call__(self, x):
            return 2 * x

    line, metrics = from_function(Interval(), lambda t: t), {"lambda": lambda x: x, "local": Twice()}
    alone = evaluate(line, metrics, points=3)
    for config in (joblib.parallel_config(backend="loky"), dask(2)):
        with config:
            assert_frame_equal(table(evaluate(line, metrics, points=3, n_jobs=2)), table(alone))


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_what_cannot_travel_is_named_before_any_work(tmp_path, request, backend):
    lock, line, started = threading.Lock(), from_function(Interval(), float), tmp_path / "started"

    def locked(t):
        started.touch()
        with lock:
            return t

    config = joblib.parallel_config("loky") if backend == "loky" else request.getfixturevalue("dask")(2)
    with config:
        with pytest.raises(InvalidInputError, match=r"metric 'locked' cannot be sent .*lock.*n_jobs=1"):
            evaluate(line, {"plain": float, "locked": locked}, points=3, n_jobs=2)
        with pytest.raises(InvalidInputError, match=r"reference 'stuck' cannot be sent"):
            evaluate(line, float, points=3, references={"stuck": lock}, n_jobs=2)
    assert not started.exists()
    with joblib.parallel_config(backend="threading"):  # nothing travels
        assert len(evaluate(line, {"locked": locked}, points=3, n_jobs=2).frame) == 3
