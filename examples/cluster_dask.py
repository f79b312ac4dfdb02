"""
A study on a Dask cluster
=========================

The same call of ``evaluate`` in a plain loop and on the workers of a cluster makes the same table. Here the cluster is
two processes of this machine; with ``Client("scheduler:8786")`` it is many machines. Needs the extra ``cluster``.
"""

# %%
# A path that is sent to a cluster should be small. ``deferred`` sends a function and its arguments instead; each worker
# calls it once, when it is first asked for a value. What the function loads has to be on that machine.

import os
import tempfile
from pathlib import Path

import joblib
import numpy as np
from dask.distributed import Client, LocalCluster

from continuum import Interval, Metric, deferred, evaluate
from continuum.core import whole_file  # noqa: F401
from continuum.datasets import LabelledDataset, McCann, Perceptron, linear_probe, load

N, SHOTS = 120, 5


def halves(n):
    """Images of the digits 0 to 4, and of 5 to 9."""
    x, y = load("digits", n=4 * n, seed=0).to_numpy()
    return tuple(LabelledDataset(x[half][:n], y[half][:n]) for half in (y < 5, y >= 5))


def geodesic(n):
    """The path from one half to the other; it says where it is made."""
    print(f"process {os.getpid()} makes the path", flush=True)
    return McCann(*halves(n))
