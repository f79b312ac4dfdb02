"""The data axis beside its peers: CPU seconds of one thread, medians, all in one run.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_datasets.py [--save FILE]

MNIST against Fashion-MNIST, raw pixels, the first n training images of each. Peers: covariance square roots (SciPy,
float64) for the table of label distances, POT's network simplex on the ready cost matrix for the exact plan, POT's
log-domain Sinkhorn at the same epsilon and tolerance.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ot
import scipy
import torch
from scipy.linalg import sqrtm

import continuum
from continuum.datasets import Bures, LabelledDataset, label_table, load, otdd
from continuum.datasets.distance import ground_cost
from continuum.measures import Sinkhorn, matrix, solve

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
        x = data.features().numpy()
        return [(x[data.codes == c].mean(0), np.cov(x[data.codes == c].T)) for c in range(len(data.classes))]

    rows = [(mean, cov, np.real(sqrtm(cov))) for mean, cov in moments(source)]
    columns = moments(target)
    table = np.empty((len(rows), len(columns)))
    for i, (m, a, root) in enumerate(rows):
        for j, (k, b) in enumerate(columns):
            cross = np.trace(np.real(sqrtm(root @ b @ root)))
            table[i, j] = np.square(m - k).sum() + np.trace(a) + np.trace(b) - 2 * cross
    return table


def rows() -> list[dict[str, object]]:
    found = []
    for n in (500, 1000, 2000):
        source, target = load("mnist", n=n), load("fashion-mnist", n=n)
        table = label_table((source, target), Bures(), cross_only=True)
        cost = matrix(ground_cost(source, target, table, (0, 1), 1.0, 1.0))
        ready, masses = cost.numpy(), np.full(n, 1 / n)
        ours = cpu_seconds(lambda s=source, t=target: label_table((s, t), Bures(), cross_only=True))
        if n == 500:
            peer = cpu_seconds(lambda s=source, t=target: square_root_table(s, t), runs=1)
            found.append({"work": "label table, 10 x 10", "n": n, "ours": ours, "peer": peer, "which": "SciPy sqrtm"})
        else:
            found.append({"work": "label table, 10 x 10", "n": n, "ours": ours, "peer": None, "which": ""})
        peer = cpu_seconds(lambda c=ready, m=masses: ot.emd(m, m, c, numItermax=10**7))
        ours = cpu_seconds(lambda s=source, t=target: otdd(s, t))
        found.append({"work": "exact OTDD, all of it", "n": n, "ours": ours, "peer": peer, "which": "POT emd alone"})
        if n <= 1000:
            found.append(sinkhorn_row(cost, n))
    return found


def sinkhorn_row(cost: torch.Tensor, n: int) -> dict[str, object]:
    """Both at epsilon = 2% of the mean cost, to an error of 1e-6 in the marginal."""
    epsilon, masses = 0.02 * float(cost.mean()), np.full(n, 1 / n)
    ours = cpu_seconds(lambda: solve(cost, solver=Sinkhorn(epsilon, tolerance=1e-6)))
    ready = cost.numpy()
    peer = cpu_seconds(
        lambda: ot.bregman.sinkhorn_log(masses, masses, ready, epsilon, stopThr=1e-6, numItermax=10**5), runs=1
    )
    return {"work": "Sinkhorn, 2% of mean cost", "n": n, "ours": ours, "peer": peer, "which": "POT sinkhorn_log"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    save = parser.parse_args().save
    torch.set_num_threads(1)
    found = rows()
    versions = {"continuum": continuum.__version__, "python": platform.python_version(), "torch": torch.__version__}
    versions |= {"POT": ot.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.machine())
    print(f"{'work':28s}{'n':>6s}{'ours, CPU s':>13s}{'peer, CPU s':>13s}{'ours / peer':>13s}  peer")
    for row in found:
        peer, ratio = ("", "") if row["peer"] is None else (f"{row['peer']:.3f}", f"{row['ours'] / row['peer']:.3f}")
        print(f"{row['work']:28s}{row['n']:>6d}{row['ours']:>13.3f}{peer:>13s}{ratio:>13s}  {row['which']}")
    if save:
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_text(
            json.dumps({"command": "benchmarks/bench_datasets.py", "versions": versions, "rows": found}, indent=1)
        )


if __name__ == "__main__":
    main()
