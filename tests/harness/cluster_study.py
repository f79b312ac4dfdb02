"""A study to be sent to workers: a path that is built there, and metrics that tell what they see there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from continuum import Interval, Metric, Results, deferred, evaluate
from continuum.testing import exact

POINTS, SEEDS = 17, 2
ROWS = POINTS * (1 + SEEDS + 1)


class Named:
    """A function with facts of its own, which are no part of what it is."""

    def __init__(self, fn, *facts) -> None:
        self.fn, self.facts, self.fingerprint = fn, facts, fn.__name__

    def __call__(self, *args):
        return self.fn(*args, *self.facts)


def build(folder: str) -> exact.Translation:
    """The path; a line in the file "built" for each time."""
    note(Path(folder, "built"))
    x = np.random.default_rng(0).normal(size=(20, 3))
    return exact.Translation(x, np.ones(3))


def note(file: Path) -> None:
    """One line with the number of this process, in one write."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{os.getpid()}\n".encode())
    os.close(handle)


def noted(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def mean(x: np.ndarray) -> float:
    return x.mean()


def noisy(x: np.ndarray, rng: np.random.Generator) -> float:
    return x.mean() + rng.normal()


def held(x: np.ndarray, store: str) -> float:
    """Whether this process has the store open; afterwards it has not."""
    handles = Path("/proc/self/fd")
    return float(any(os.path.realpath(handle).startswith(store) for handle in handles.iterdir()))


def stored(x: np.ndarray, store: str) -> float:
    """In the middle: how many numbers the store holds while this one is computed, as soon as it holds any."""
    found = 0
    for _ in range(1200 if middle(x) else 0):
        found = len(Results.load(store).frame)
        if found:
            break
        time.sleep(0.05)
    return found


def once_fatal(x: np.ndarray, folder: str) -> float:
    """Kills its process the first time that it is computed in the middle; writes down the others."""
    if middle(x) and not Path(folder, "killed").exists():
        note(Path(folder, "killed"))
        os.kill(os.getpid(), signal.SIGKILL)
    note(Path(folder, "computed"))
    return x.mean()


def fatal(x: np.ndarray) -> float:
    if middle(x):
        os.kill(os.getpid(), signal.SIGKILL)
    return x.mean()


def slow(x: np.ndarray, folder: str) -> float:
    note(Path(folder, "computed"))
    time.sleep(0.3)
    return x.mean()


def middle(x: np.ndarray) -> bool:
    start = np.random.default_rng(0).normal(size=(20, 3))
    return bool(np.allclose(x - start, 0.5))


def recipe(folder: str | os.PathLike[str]):
    return deferred(build, str(folder), domain=Interval())


def study(folder: str | os.PathLike[str], n_jobs: int, store: str | None = None) -> Results:
    """Deterministic and random numbers, and whether the process that computes them has the store open."""
    metrics = [
        Metric("mean", mean),
        Metric("noisy", noisy, stochastic=True),
        Metric("held", Named(held, store or "nowhere")),
    ]
    return evaluate(recipe(folder), metrics, points=POINTS, seeds=SEEDS, store=store, n_jobs=n_jobs, name="study")


def single(fn, folder, n_jobs: int, *facts, **options) -> Results:
    return evaluate(recipe(folder), Metric("m", Named(fn, *facts)), points=POINTS, n_jobs=n_jobs, name="m", **options)


def table(results: Results):
    return results.frame.drop(columns=["build_s", "metric_s"])
