"""What it costs to send a unit of a study to other processes: joblib's own, Dask's and Ray's, two workers each.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_cluster.py [--save FILE]

Wall seconds, medians of three, after a first study on the same workers. What a study takes that has next to nothing to
do is told apart from what each further unit takes. The pause of 0.2 s stands for work that takes no core from others:
what is measured is the sending, not the machine. "ideal" is its share of the pause, with nothing spent on sending.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import distributed
import joblib
import ray
from ray.util.joblib import register_ray

import continuum
from continuum import Interval, evaluate, from_function, metric

WORKERS, FEW, SHORT, LONG, PAUSE = 2, 8, 4000, 40, 0.2


def same(t: float) -> float:
    return t


@metric
def trivial(value: float) -> float:
    return value


@metric
def pausing(value: float) -> float:
    time.sleep(PAUSE)
    return value


@contextmanager
def backend(name: str) -> Iterator[int]:
    """Two workers, and the number of jobs to ask them for."""
    with ExitStack() as stack:
        if name == "dask":
            arguments = {"n_workers": WORKERS, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
            stack.enter_context(distributed.Client(stack.enter_context(distributed.LocalCluster(**arguments))))
        if name == "ray":
            ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
            register_ray()
            stack.callback(ray.shutdown)
        if name != "plain loop":
            stack.enter_context(joblib.parallel_config(backend=name))
        yield 1 if name == "plain loop" else WORKERS


def seconds(units: int, measure: continuum.Metric, n_jobs: int) -> float:
    """Of a whole study, from the call to the table."""
    study = partial(evaluate, from_function(Interval(), same), measure, points=units, n_jobs=n_jobs, progress=False)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        study()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def rows() -> Iterator[dict[str, object]]:
    for name in ("plain loop", "loky", "dask", "ray"):
        with backend(name) as n_jobs:
            seconds(FEW, trivial, n_jobs)
            few = seconds(FEW, trivial, n_jobs)
            yield {"work": name, "n": FEW, "units": "trivial", "seconds": few}
            for n, units, measure, ideal in (
                (SHORT, "trivial", trivial, 0.0),
                (LONG, f"{PAUSE:g} s", pausing, 1e3 * PAUSE / n_jobs),
            ):
                took = seconds(n, measure, n_jobs)
                more = 1e3 * (took - few) / n
                yield {"work": name, "n": n, "units": units, "seconds": took, "more_ms": more, "ideal_ms": ideal}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    found = []
    for row in rows():
        found.append(row)
        print(row, flush=True)
    if options.save:
        modules = {"continuum": continuum, "joblib": joblib, "distributed": distributed, "ray": ray}
        stored = {
            "command": f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/{Path(__file__).name} "
            f"--save {options.save}",
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "versions": {name: module.__version__ for name, module in modules.items()},
            "rows": found,
        }
        options.save.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
