"""A sweep to be run in a process of its own, and killed there: `python sweep.py STORE LOG [SECONDS]`.

Each computed number is first noted in LOG by one write with O_APPEND, so that a kill can tear no line.
"""

import os
import sys
import time

import numpy as np

from continuum import Interval, Metric, Results, evaluate, from_function

POINTS, SEEDS = 25, 3


class Logged:
    """Mean of a noisy value; writes down when it has been computed."""

    fingerprint = "logged-1"  # where it logs and how long it sleeps are no part of what it is

    def __init__(self, name: str, log: str, seconds: float) -> None:
        self.name, self.log, self.seconds = name, log, seconds

    def __call__(self, value: np.ndarray, rng: np.random.Generator) -> float:
        time.sleep(self.seconds)
        number = float(value.mean() + rng.normal())
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{value[0].hex()} {self.name} {float(rng.random()).hex()}\n".encode())
        os.close(file)
        return number


def sweep(store: str | None, log: str, seconds: float = 0.0) -> Results:
    line = from_function(Interval(), lambda t: np.full(3, t))
    metrics = [Metric(name, Logged(name, log, seconds), stochastic=True) for name in ("a", "b")]
    return evaluate(line, metrics, points=POINTS, seeds=SEEDS, store=store, name="sweep")


if __name__ == "__main__":
    sweep(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
