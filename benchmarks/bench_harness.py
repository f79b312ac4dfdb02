"""What the harness itself costs: units of trivial and of long metrics, queries of large stores, and pages.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_harness.py [--save FILE]

CPU seconds of this process, medians of several runs for what takes less than a few seconds. A pause stands for a metric
of one second: what the process computes meanwhile is what the harness adds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import joblib
import matplotlib
import numpy as np
import pandas as pd

import continuum
from continuum import Interval, Metric, Results, evaluate, from_function
from continuum.harness import status
from continuum.harness.records import Record, Row, Study
from continuum.harness.store import Store
from continuum.report import write_page

UNITS, RUNS = 500, 5
LONG, PAUSE = 10, 1.0
METRICS, SEEDS, POINTS = 10, 10, 1000  # 10^5 records
STUDIES, PART = 100, 100  # 100 studies of as many points, 10 metrics and 10 seeds: 10^6 records

Line = dict[str, object]


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def median(work: Callable[[int], object]) -> float:
    return statistics.median(seconds(partial(work, run)) for run in range(RUNS))


def trivial_units(folder: Path) -> Iterator[Line]:
    """Milliseconds for one unit of one trivial metric, and for one that is there already."""
    line, trivial = from_function(Interval(), lambda t: t), Metric("trivial", lambda t: t)

    def sweep(store: str | None) -> Results:
        return evaluate(line, trivial, points=UNITS, store=store, progress=False)

    sweep(None)  # imports and caches
    works = {
        "a unit, in memory": lambda _: sweep(None),
        "a unit, in a store": lambda run: sweep(str(folder / f"{run}.db")),
        "a unit that is stored already": lambda run: sweep(str(folder / f"{run}.db")),
    }
    for name, work in works.items():
        yield {"work": name, "n": UNITS, "ms": 1e3 * median(work) / UNITS}


def long_units(folder: Path) -> Iterator[Line]:
    """What is added to a metric of a second, the beginning and the end of the study included."""
    line, store = from_function(Interval(), lambda t: t), folder / "long.db"
    pausing = Metric("pausing", lambda t: (time.sleep(PAUSE), t)[1])
    added = seconds(lambda: evaluate(line, pausing, points=LONG, store=store, progress=False)) / LONG
    yield {"work": "a unit of one second, in a store", "n": LONG, "ms": 1e3 * added, "percent": 100 * added / PAUSE}


def queries(folder: Path) -> Iterator[Line]:
    """A store with one study of 10^5 records: filled, read, resumed and summarised."""
    line, store, calls = from_function(Interval(), lambda t: t), folder / "large.db", []

    def noisy(t: float, rng: np.random.Generator) -> float:
        calls.append(t)
        return t + rng.normal()

    metrics = [Metric(f"m{i}", noisy, goal="max", stochastic=True) for i in range(METRICS)]

    def sweep() -> Results:
        return evaluate(line, metrics, points=POINTS, seeds=SEEDS, store=store, progress=False)

    filled = seconds(sweep)
    n = len(calls)
    yield {"work": "fill a store", "n": n, "seconds": filled, "mb": store.stat().st_size / 1e6}
    calls.clear()
    resumed = seconds(sweep)
    yield {"work": "the same call again", "n": n, "seconds": resumed, "recomputed": len(calls)}
    results = Results.load(store)
    yield {"work": "read a whole store", "n": n, "seconds": median(lambda _: Results.load(store))}
    yield {"work": "summary", "n": n, "seconds": median(lambda _: results.summary())}
    yield {"work": "curve", "n": n, "seconds": median(lambda _: results.curve("FunctionPath", "m0"))}


def queries_of_a_million(folder: Path) -> Iterator[Line]:
    """A store with 10^6 records in a hundred studies: one is read, and all are counted."""
    store = folder / "million.db"
    _fill(store)
    n = STUDIES * PART * METRICS * SEEDS
    one = median(lambda run: Results.load(store, study=f"study {run}"))
    yield {"work": "read one of a hundred studies", "n": n, "seconds": one}
    yield {"work": "count and check all", "n": n, "seconds": seconds(lambda: status(store))}


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


def pages(folder: Path) -> Iterator[Line]:
    """A page of 10^4 records: in ten pictures of many points, and in fifty of few."""
    line = from_function(Interval(), lambda t: t)
    rivals = {f"rival {k}": from_function(Interval(), lambda t, k=k: k * t) for k in range(3)}
    metrics = [Metric(f"m{i}", lambda t, rng: t + rng.normal(), goal="max", stochastic=True) for i in range(METRICS)]
    few, many = folder / "few.db", folder / "many.db"
    evaluate(line, metrics, points=1000, store=few, progress=False)
    for k in range(10):
        evaluate(line, metrics[:5], points=17, seeds=3, baselines=rivals, name=f"study {k}", store=many, progress=False)
    for name, store in {"ten": few, "fifty": many}.items():
        results, page = Results.load(store), store.with_suffix(".html")
        spent = median(lambda _, results=results, page=page: write_page(results, page))
        size = page.stat().st_size / 1e6
        yield {"work": f"a page of {name} pictures", "n": len(results.frame), "seconds": spent, "mb": size}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for measure in (trivial_units, long_units, queries, queries_of_a_million, pages):
            for row in measure(Path(folder)):
                found.append(row)
                print(row, flush=True)
    if options.save:
        modules = {"continuum": continuum, "numpy": np, "pandas": pd, "joblib": joblib, "matplotlib": matplotlib}
        versions = {name: module.__version__ for name, module in modules.items()}
        stored = {
            "command": f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/{Path(__file__).name} "
            f"--save {options.save}",
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "versions": versions | {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version},
            "rows": found,
        }
        options.save.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
