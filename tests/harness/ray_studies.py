"""Studies on a Ray cluster of this machine, in a process of its own: `python ray_studies.py FOLDER`.

Results are left in stores in FOLDER, and what else there is to tell in FOLDER/found.json.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import joblib
import ray
from cluster_study import noted, once_fatal, single, stored, study
from ray.util.joblib import register_ray

from continuum import Interval, Results, evaluate, from_function
from continuum.core import InvalidInputError, WorkerError

RESTARTS = {"max_restarts": -1, "max_task_retries": 3}


def place(folder: Path, name: str) -> tuple[str, str]:
    """A folder of its own, and the store in it."""
    home = folder / name
    home.mkdir()
    return str(home), str(home / "s.db")


def killed(home: str, store: str) -> dict:
    """What is said, what is kept, and what the same call then computes."""
    try:
        single(once_fatal, home, 2, home, store=store)
    except WorkerError as error:
        said = str(error)
    kept, before = len(Results.load(store).frame), len(noted(Path(home, "computed")))
    single(once_fatal, home, 2, home, store=store)
    return {"said": said, "kept": kept, "computed": len(noted(Path(home, "computed"))) - before}


def refused(line, metrics) -> str:
    try:
        evaluate(line, metrics, points=3, n_jobs=2)
    except InvalidInputError as error:
        return str(error)
    return ""


def main(folder: Path) -> None:
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    register_ray()
    found, lock = {}, threading.Lock()
    with joblib.parallel_config(backend="ray"):
        for n in (2, 4):
            home, store = place(folder, f"table {n}")
            study(home, n, store)
        home, store = place(folder, "stored")
        found["stored"] = single(stored, home, 2, store, store=store).frame["value"].max()
        found["killed"] = killed(*place(folder, "killed"))
        found["refused"] = refused(from_function(Interval(), float), {"locked": lambda t: lock and t})
        found["travels"] = list(evaluate(from_function(Interval(), float), lambda t: t, points=3, n_jobs=2).frame["t"])
    with joblib.parallel_config(backend="ray", ray_remote_args=RESTARTS):
        home, store = place(folder, "restarted")
        single(once_fatal, home, 2, home, store=store)
    ray.shutdown()
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
