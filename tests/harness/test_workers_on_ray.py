"""On Ray too the table is the same and nothing is lost; it gives results back batch by batch."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_study import POINTS, mean, noted, single, study, table
from pandas.testing import assert_frame_equal

from continuum import Results

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra `cluster`"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the studies on Ray are. They run once, in a process of their own: Ray changes joblib's pools for good."""
    folder = tmp_path_factory.mktemp("ray")
    # Ray writes its token into the home folder; the study can be imported on the workers.
    environment = os.environ | {"HOME": str(folder), "PYTHONPATH": str(HERE), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, str(HERE / "ray_studies.py"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture
def found(folder):
    return json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("n", [2, 4])
def test_two_and_four_workers_of_ray_make_the_table_of_a_plain_loop(tmp_path, folder, n):
    # The metric "held" among its columns: of all processes only the parent has the store open.
    assert_frame_equal(table(Results.load(folder / f"table {n}" / "s.db")), table(study(tmp_path, 1)))


@pytest.mark.parametrize("n", [2, 4])
def test_a_deferred_path_is_built_once_in_each_worker_of_ray(folder, n):
    builders = noted(folder / f"table {n}" / "built")
    assert 1 <= len(builders) <= n
    assert len(set(builders)) == len(builders)


def test_a_batch_is_stored_before_the_next_one_begins(found):
    assert found["stored"] == 8  # four units for each of two workers


def test_a_killed_worker_of_ray_is_one_clear_error_and_then_only_the_rest_is_computed(tmp_path, folder, found):
    assert "ActorDiedError" in found["killed"]["said"]
    assert "the same call computes only the rest" in found["killed"]["said"]
    assert found["killed"]["kept"] == 8
    assert found["killed"]["computed"] == POINTS - 8
    assert_frame_equal(table(Results.load(folder / "killed" / "s.db")), table(single(mean, tmp_path, 1)))


def test_with_restarts_a_killed_worker_of_ray_is_replaced(tmp_path, folder):
    assert len(noted(folder / "restarted" / "killed")) == 1
    assert_frame_equal(table(Results.load(folder / "restarted" / "s.db")), table(single(mean, tmp_path, 1)))


def test_what_cannot_travel_to_ray_is_named(found):
    assert found["refused"].startswith("metric 'locked' cannot be sent to other processes")
    assert found["travels"] == [0.0, 0.5, 1.0]
