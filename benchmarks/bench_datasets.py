"""The data axis beside its peers: CPU seconds of one thread, medians, all in one run.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_datasets.py [--save FILE]

MNIST against Fashion-MNIST, raw pixels, the first n training images of each. Peers: covariance square roots (SciPy,
float64) for the table of label distances, POT's network simplex on the ready cost matrix for the exact plan, POT's
log-domain Sinkhorn at the same epsilon and tolerance, geomloss for the debiased divergence. What takes two cores and
60,000 points is in bench_full_size.py.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import geomloss
import numpy as np
import ot
import scipy
import torch
from geomloss import SamplesLoss
from scipy.linalg import sqrtm

import continuum
from continuum.datasets import Bures, LabelledDataset, label_table, load, otdd
from continuum.datasets.pair_problem import PairProblem
from continuum.measures import DiscreteMeasure, Sinkhorn, matrix, sinkhorn_divergence, solve

RUNS = 3


def cpu_seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Median CPU time of `work`."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def square_root_table(source: LabelledDataset, target: LabelledDataset) -> np.ndarray:
    """The table as its formula says: a square root for each class and one for each pair."""

    def moments(data: LabelledDataset) -> list[tuple[np.ndarray, np.ndarray]]:
        x = data.features().double().numpy()
        return [(x[data.codes == c].mean(0), np.cov(x[data.codes == c].T)) for c in range(len(data.classes))]

    rows = [(mean, cov, np.real(sqrtm(cov))) for mean, cov in moments(source)]
    columns = moments(target)
    table = np.empty((len(rows), len(columns)))
    for i, (m, a, root) in enumerate(rows):
        for j, (k, b) in enumerate(columns):
            cross = np.trace(np.real(sqrtm(root @ b @ root)))
            table[i, j] = np.square(m - k).sum() + np.trace(a) + np.trace(b) - 2 * cross
    return table


def row(
    work: str, n: int, ours: float, peer: float | None = None, which: str = "", note: str = ""
) -> dict[str, object]:
    return {"work": work, "n": n, "ours": ours, "peer": peer, "which": which, "note": note}


def rows() -> Iterator[dict[str, object]]:
    for n in (500, 1000, 2000, 5000):
        runs = RUNS if n < 5000 else 1
        source, target = load("mnist", n=n), load("fashion-mnist", n=n)
        table = label_table((source, target), Bures(), cross_only=True)
        cost = matrix(PairProblem(source, target, table, (0, 1), 1.0, 1.0).cost)
        ready, masses = cost.numpy(), np.full(n, 1 / n)
        roots = cpu_seconds(lambda s=source, t=target: square_root_table(s, t), 1) if n == 500 else None
        ours = cpu_seconds(lambda s=source, t=target: label_table((s, t), Bures(), cross_only=True), runs)
        yield row("label table, 10 x 10", n, ours, roots, "SciPy sqrtm" if roots else "")
        simplex = cpu_seconds(lambda c=ready, m=masses: ot.emd(m, m, c, numItermax=10**7), runs)
        yield row("exact plan, cost matrix ready", n, cpu_seconds(lambda c=cost: solve(c), runs), simplex, "POT emd")
        ours = cpu_seconds(lambda s=source, t=target: otdd(s, t), runs)
        yield row("exact OTDD, all of it", n, ours, simplex, "POT emd alone")
        rough = Sinkhorn(0.005, "mean", tolerance=1e-3)
        ours = cpu_seconds(lambda c=cost, k=rough: solve(c, solver=k), runs)
        yield row("Sinkhorn, 0.5% of mean, 1e-3", n, ours, simplex, "POT emd")
        if n <= 1000:
            yield sinkhorn_row(cost, n)
        if n <= 2000:
            yield from divergence_rows(source, target, n)


def sinkhorn_row(cost: torch.Tensor, n: int) -> dict[str, object]:
    """Both at epsilon = 2% of the mean cost, to an error of 1e-6 in the marginal."""
    epsilon, masses = 0.02 * float(cost.mean()), np.full(n, 1 / n)
    ours = cpu_seconds(lambda: solve(cost, solver=Sinkhorn(epsilon, tolerance=1e-6)))
    ready = cost.numpy()
    peer = cpu_seconds(
        lambda: ot.bregman.sinkhorn_log(masses, masses, ready, epsilon, stopThr=1e-6, numItermax=10**5), runs=1
    )
    return row("Sinkhorn, 2% of mean, 1e-6", n, ours, peer, "POT sinkhorn_log")


def divergence_rows(source: LabelledDataset, target: LabelledDataset, n: int) -> Iterator[dict[str, object]]:
    """The debiased divergence of the pixels; geomloss has no tolerance, so its error is told beside its time."""
    x, y = source.features().double(), target.features().double()
    mean = float(torch.cdist(x, y).square().mean())
    solver = Sinkhorn(0.02 * mean, tolerance=1e-3)
    ours = cpu_seconds(lambda: sinkhorn_divergence(DiscreteMeasure(x), DiscreteMeasure(y), solver=solver))
    fine = Sinkhorn(0.02 * mean, tolerance=1e-8)
    best = sinkhorn_divergence(DiscreteMeasure(x), DiscreteMeasure(y), solver=fine).value
    value = sinkhorn_divergence(DiscreteMeasure(x), DiscreteMeasure(y), solver=solver).value
    for scaling in (0.5, 0.9):
        # geomloss halves the cost: blur^2 is half of our epsilon, and its value half of ours.
        loss = SamplesLoss("sinkhorn", p=2, blur=(solver.epsilon / 2) ** 0.5, scaling=scaling, backend="tensorized")
        peer = cpu_seconds(lambda k=loss: k(x, y))
        error = 2 * float(loss(x, y)) / best - 1
        note = f"error {value / best - 1:+.1e} against {error:+.1e}"
        yield row("divergence, 2% of mean", n, ours, peer, f"geomloss, scaling {scaling}", note)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    save = parser.parse_args().save
    torch.set_num_threads(1)
    versions = {"continuum": continuum.__version__, "python": platform.python_version(), "torch": torch.__version__}
    versions |= {"POT": ot.__version__, "geomloss": geomloss.__version__}
    versions |= {"scipy": scipy.__version__, "numpy": np.__version__}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.machine())
    print(f"{'work':31s}{'n':>6s}{'ours, CPU s':>13s}{'peer, CPU s':>13s}{'ours / peer':>13s}  peer")
    found = []
    for line in rows():
        found.append(line)
        peer, ratio = (
            ("", "") if line["peer"] is None else (f"{line['peer']:.3f}", f"{line['ours'] / line['peer']:.3f}")
        )
        numbers = f"{line['n']:>6d}{line['ours']:>13.3f}{peer:>13s}{ratio:>13s}"
        print(f"{line['work']:31s}{numbers}  {line['which']}  {line['note']}", flush=True)
    if save:
        command = f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_datasets.py --save {save}"
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_text(json.dumps({"command": command, "versions": versions, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
