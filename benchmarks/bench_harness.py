"""What the harness itself costs: units of a trivial sweep, queries of stores with 10^5 and 10^6 records, and pages.

    python benchmarks/bench_harness.py

Medians of several runs; everything runs in this process. The bars: 2 ms for a unit with a store, 2 s for a study of
10^4 records among 10^6, 5 s and 10 MB for a page of 10^4 records in ten pictures.
"""

from __future__ import annotations

import hashlib
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
from continuum.harness.records import Record, Row, Study
from continuum.harness.store import Store
from continuum.report import write_page

UNITS, RUNS = 500, 5
METRICS, SEEDS, POINTS = 10, 10, 1000  # 10^5 records
STUDIES, PART = 100, 100  # 100 studies of as many points, 10 metrics and 10 seeds: 10^6 records


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


def cost_of_a_million(folder: Path) -> dict[str, str]:
    """Seconds to read one study of a store with 10^6 records, and to count them all."""
    store = folder / "million.db"
    _fill(store)
    times = {
        "10^6 records: Results.load(study)": median(lambda run: Results.load(store, study=f"study {run}")),
        "10^6 records: status of all": seconds(lambda: status(store)),
    }
    return {name: f"{value:.2f} s" for name, value in times.items()}


def _fill(store: Path) -> None:
    """A hundred studies, written as `evaluate` writes them, but without measuring anything."""
    rng = np.random.default_rng(0)
    with Store.create(store) as db:
        for k in range(STUDIES):
            places = [(p, m, seed) for p in range(PART) for m in range(METRICS) for seed in range(SEEDS)]
            keys = [hashlib.sha256(f"{k} {place}".encode()).hexdigest() for place in places]
            rows = [
                Row(key, "path", "path", (p / (PART - 1),), f"m{m}", seed, "max", "")
                for key, (p, m, seed) in zip(keys, places, strict=True)
            ]
            run = db.plan(Study(f"study {k}", ("t",), tuple(rows)), {"study": f"study {k}"})
            db.write([Record(key, float(x)) for key, x in zip(keys, rng.random(len(keys)), strict=True)], run)


def cost_of_pages(folder: Path) -> dict[str, str]:
    """CPU seconds and size of a page of 10^4 records: in ten pictures of many points, and in fifty of few."""
    line = from_function(Interval(), lambda t: t)
    rivals = {f"rival {k}": from_function(Interval(), lambda t, k=k: k * t) for k in range(3)}
    metrics = [Metric(f"m{i}", lambda t, rng: t + rng.normal(), goal="max", stochastic=True) for i in range(METRICS)]
    few, many = folder / "few.db", folder / "many.db"
    evaluate(line, metrics, points=1000, store=few, progress=False)
    for k in range(10):
        evaluate(line, metrics[:5], points=17, seeds=3, baselines=rivals, name=f"study {k}", store=many, progress=False)
    found = {}
    for name, store in {"10 pictures": few, "50 pictures": many}.items():
        results, page = Results.load(store), store.with_suffix(".html")
        time_taken = seconds(partial(write_page, results, page), time.process_time)
        size = page.stat().st_size / 1e6
        found[f"page, {len(results.frame)} records, {name}"] = f"{time_taken:.1f} s CPU, {size:.1f} MB"
    return found


def main() -> None:
    versions = {"continuum": __version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    versions |= {module.__name__: module.__version__ for module in (np, pd, joblib)}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.platform())
    with tempfile.TemporaryDirectory() as folder:
        for measure in (cost_of_units, cost_of_queries, cost_of_a_million, cost_of_pages):
            for name, value in measure(Path(folder)).items():
                print(f"{name:36s} {value:>18s}")


if __name__ == "__main__":
    main()
