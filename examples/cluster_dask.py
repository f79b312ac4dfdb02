"""
A study on a Dask cluster
=========================

The same call of ``evaluate`` makes the same table in a plain loop and on the workers of a cluster. Here the cluster is
two processes of this machine; ``Client("scheduler:8786")`` makes it many machines. Needs the extra ``cluster``.
"""

import os
import tempfile
from pathlib import Path

import joblib
import torch
from dask.distributed import Client, LocalCluster

from continuum import Interval, deferred, evaluate
from continuum.datasets import LabelledDataset, McCann, Perceptron, linear_probe, load

N = 120

# %%
# A path that is sent to a cluster should be small. ``deferred`` sends a function and its arguments instead; each worker
# calls it once, when it is first asked for a value. What the function loads must be on that machine.


def halves(n):
    """Images of the digits 0 to 4, and of 5 to 9."""
    x, y = load("digits", n=4 * n, seed=0).to_numpy()
    return tuple(LabelledDataset(x[half][:n], y[half][:n]) for half in (y < 5, y >= 5))


def geodesic(n):
    """The path from one half to the other; it says where it is made."""
    print(f"process {os.getpid()} makes the path", flush=True)
    return McCann(*halves(n))


# %%
# How good are features learnt between the two halves? The metric trains a network from random weights, with the same
# draws at each point of each path wherever it is computed. A deferred path has no endpoints; they are named beside it.


def study(n_jobs, store=None):
    shots, test = load("digits", n=50, seed=1), load("digits", split="test")
    return evaluate(
        deferred(geodesic, N, domain=Interval()),
        linear_probe(shots, test, network=Perceptron(steps=50)),
        points=9,
        name="geodesic",
        references=dict(zip(("0-4", "5-9"), halves(N), strict=True)),
        seeds=2,
        store=store,
        n_jobs=n_jobs,
    )


# %%
# joblib sends the units to the workers, and each outcome comes back as soon as it is there. Only this process writes to
# the store. If a worker is killed, its units go to others; if this process is killed, or the whole cluster, the same
# call computes what is missing.


def main():
    torch.set_num_threads(1)  # as on the workers: more threads add in another order, which shows in the last digits
    alone = study(n_jobs=1)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask", wait_for_workers_timeout=60),
    ):
        together = study(n_jobs=-1, store=Path(folder, "study.db"))  # -1: all workers, as always on Dask
    print(together.summary()[["label", "best_t", "best"]].to_string(index=False))
    difference = (together.frame["value"] - alone.frame["value"]).abs().max()
    print(f"{len(together.frame)} numbers; largest difference from a plain loop: {difference:g}")


if __name__ == "__main__":  # workers import this file
    main()
