"""What the harness itself costs: CPU time for one unit of a trivial sweep, and queries of a store with 10^5 records.

    python benchmarks/bench_harness.py

Medians of several runs; everything runs in this process. The bar for a unit with a store is 2 ms.
"""

from __future__ import annotations

import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from continuum import Interval, Metric, Results, __version__, evaluate, from_function
from continuum.harness import status

UNITS, RUNS = 500, 5
METRICS, SEEDS, POINTS = 10, 10, 1000  # 10^5 records


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    work()
    return clock() - start


def median(work: Callable[[int], object], clock: Callable[[], float] = time.perf_counter) -> float:
    return statistics.median(seconds(partial(work, run), clock) for run in range(RUNS))


def cost_of_units(folder: Path) -> dict[str, str]:
    """CPU milliseconds for one unit of one trivial metric, and for one that is there already."""
    line = from_function(Interval(), lambda t: t)
    trivial = Metric("trivial", lambda t: t)

    def sweep(store: str | None) -> Results:
        return evaluate(line, trivial, points=UNITS, store=store, progress=False)

    sweep(None)  # imports and caches
    times = {
        "unit, in memory": median(lambda _: sweep(None), time.process_time),
        "unit, in a store": median(lambda run: sweep(str(folder / f"{run}.db")), time.process_time),
        "unit, resumed": median(lambda run: sweep(str(folder / f"{run}.db")), time.process_time),
    }
    return {name: f"{1e3 * value / UNITS:.3f} ms CPU" for name, value in times.items()}


def cost_of_queries(folder: Path) -> dict[str, str]:
    """Seconds to read, to resume and to summarise a store with 10^5 records."""
    line = from_function(Interval(), lambda t: t)
    metrics = [Metric(f"m{i}", lambda t, rng: t + rng.normal(), goal="max", stochastic=True) for i in range(METRICS)]
    store = folder / "large.db"

    def sweep() -> Results:
        return evaluate(line, metrics, points=POINTS, seeds=SEEDS, store=store, progress=False)

    filled = seconds(sweep)
    results = Results.load(store)
    times = {
        f"fill {len(results.frame)} records": filled,
        "Results.load": median(lambda _: Results.load(store)),
        "status": median(lambda _: status(store)),
        "evaluate again (nothing missing)": median(lambda _: sweep()),
        "summary": median(lambda _: results.summary()),
        "curve": median(lambda _: results.curve("FunctionPath", "m0")),
    }
    size = {"size of the file": f"{store.stat().st_size / 2**20:.0f} MiB"}
    return {name: f"{value:.2f} s" for name, value in times.items()} | size


def main() -> None:
    versions = {"continuum": __version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    versions |= {module.__name__: module.__version__ for module in (np, pd, joblib)}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.platform())
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (cost_of_units(Path(folder)) | cost_of_queries(Path(folder))).items():
            print(f"{name:36s} {value:>14s}")


if __name__ == "__main__":
    main()
