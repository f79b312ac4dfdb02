"""The data axis at full size: 60,000 images of MNIST against 60,000 of Fashion-MNIST, all cores.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_full_size.py [--n 60000] [--save FILE]

Each work runs in a process of its own, so that its peak of memory is its own; "MB" is that peak less what the process
held once the data were loaded. Seconds are wall time, on a machine whose load is told beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import continuum
from continuum.datasets import GeneralizedGeodesic, load, otdd
from continuum.measures import Stratified, Streamed


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], object], runs: int = 1) -> tuple[float, object]:
    """Median wall time, and the last result."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def stratified(n: int) -> dict[str, object]:
    source, target = load("mnist", n=n), load("fashion-mnist", n=n)
    before = peak_mb()
    seconds, found = timed(lambda: otdd(source, target, solver=Stratified()))
    result = {"squared": found.squared, "standard_error": found.standard_error, "upper": found.upper}
    return {"work": "stratified", "seconds": seconds, "mb": peak_mb() - before, **result}


def streamed(n: int) -> dict[str, object]:
    source, target = load("mnist", n=n), load("fashion-mnist", n=n)
    before = peak_mb()
    seconds, found = timed(lambda: otdd(source, target, solver=Streamed(gap=0.02)))
    result = {"lower": found.lower, "upper": found.upper, "gap": found.residual, "converged": found.converged}
    return {"work": "streamed, gap 2%", "seconds": seconds, "mb": peak_mb() - before, **result}


def geodesic(n: int) -> dict[str, object]:
    base, source = load("mnist", n=n), load("fashion-mnist", n=n)
    before = peak_mb()
    seconds, path = timed(lambda: GeneralizedGeodesic.fit(base, {"fashion-mnist": source}, solver=Stratified()))
    storage = sum(place.nbytes for place in path.maps) / 1e6
    return {"work": "geodesic, one source", "seconds": seconds, "mb": peak_mb() - before, "map_mb": storage}


def synthesis(n: int) -> dict[str, object]:
    """Two sources, so that something is mixed; any plan will do, so parts are small."""
    base = load("mnist", n=n)
    sources = {"fashion-mnist": load("fashion-mnist", n=n), "mnist": base.subset(np.arange(n)[::-1])}
    path = GeneralizedGeodesic.fit(base, sources, solver=Stratified(500), label_weight=0.0)
    whole, _ = timed(lambda: path.at((0.4, 0.6)), 5)
    lazy, rng = path.lazily((0.4, 0.6)), np.random.default_rng(0)
    batches = [rng.integers(0, n, 256) for _ in range(200)]
    seconds, _ = timed(lambda: [lazy[rows] for rows in batches], 3)
    return {"work": "synthesis", "seconds": whole, "batch_ms": 1000 * seconds / len(batches)}


WORKS = {work.__name__: work for work in (stratified, streamed, geodesic, synthesis)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=60_000)
    parser.add_argument("--work", choices=WORKS)
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    if args.work:
        print(json.dumps(WORKS[args.work](args.n) | {"n": args.n, "load": os.getloadavg()[0]}))
        return
    found = []
    for name in WORKS:
        command = [sys.executable, __file__, "--n", str(args.n), "--work", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(found[-1], flush=True)
    if args.save:
        versions = {"continuum": continuum.__version__, "torch": torch.__version__, "numpy": np.__version__}
        command = f"OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_full_size.py --n {args.n} --save {args.save}"
        machine = {"machine": platform.machine(), "cores": os.cpu_count()}
        args.save.parent.mkdir(parents=True, exist_ok=True)
        args.save.write_text(
            json.dumps({"command": command, **machine, "versions": versions, "rows": found}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
