"""
A study on a Ray cluster
=========================

The same call of ``evaluate`` makes the same table in a plain loop and on the workers of a cluster. Here the cluster is
two processes of this machine; ``ray.init(address="auto")`` makes it many machines. Needs the extra ``cluster``.
"""

import os
import tempfile
from pathlib import Path

import joblib
import ray
import torch
from ray.util.joblib import register_ray

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
# Ray gives results back batch by batch, of four units for each worker, and each batch is stored when it is there. Only
# this process writes to the store. With the options below a worker that is killed is started anew and its unit sent
# again; without them the call ends with an error. In either case the same call computes what is missing.

RESTARTS = {"max_restarts": -1, "max_task_retries": 3}


def main():
    torch.set_num_threads(1)  # as on the workers: more threads add in another order, which shows in the last digits
    alone = study(n_jobs=1)
    ray.init(num_cpus=2, include_dashboard=False)
    register_ray()
    with (
        tempfile.TemporaryDirectory() as folder,
        joblib.parallel_config(backend="ray", ray_remote_args=RESTARTS),
    ):
        together = study(n_jobs=2, store=Path(folder, "study.db"))
    ray.shutdown()
    print(together.summary()[["label", "best_t", "best"]].to_string(index=False))
    difference = (together.frame["value"] - alone.frame["value"]).abs().max()
    print(f"{len(together.frame)} numbers; largest difference from a plain loop: {difference:g}")


if __name__ == "__main__":
    main()
