"""Law 1: `at(p)` depends on `p` only."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from continuum.core import Interpolant, Point, rng_for

from .compare import Snapshot, require, snapshot, twin
from .points import some_points

__all__ = [
    "check_global_random_state_has_no_influence",
    "check_order_of_calls_does_not_matter",
    "check_threads_do_not_matter",
    "check_value_is_finite",
    "check_value_is_repeatable",
    "random_state",
    "random_state_restored",
    "seed_everything",
]

_THREADS = 4


def check_value_is_repeatable(path: Interpolant[Any]) -> None:
    """The same point gives the same value, bit for bit, however often it is asked for."""
    path = twin(path)
    for point in some_points(path.domain, "repeatable"):
        expected = snapshot(path.at(point))
        for again in ("second", "third", "fourth"):
            require(snapshot(path.at(point)).equals(expected), f"the {again} value at {point} differs from the first.")


def check_order_of_calls_does_not_matter(path: Interpolant[Any]) -> None:
    """Values asked for in sorted, reversed and shuffled order are the same."""
    points = sorted(some_points(path.domain, "order", n=5))
    shuffled = [points[int(i)] for i in rng_for(0, "shuffle").permutation(len(points))]
    first, others = twin(path), {"reversed": points[::-1], "shuffled": shuffled}
    twins = {name: twin(path) for name in others}  # before the first call: it may build something that lasts
    expected = {point: snapshot(first.at(point)) for point in points}
    for name, order in others.items():
        for point in order:
            require(
                snapshot(twins[name].at(point)).equals(expected[point]),
                f"at({point}) is another value in {name} order.",
            )


def check_threads_do_not_matter(path: Interpolant[Any]) -> None:
    """Several threads that ask at once get the values that one thread gets."""
    points = some_points(path.domain, "threads")
    expected = {point: snapshot(path.at(point)) for point in points}
    with _eager_switching(), ThreadPoolExecutor(_THREADS) as pool:
        meet = threading.Barrier(_THREADS)
        turns = [points[i:] + points[:i] for i in range(_THREADS)]
        found = list(pool.map(lambda turn: _values(path, turn, meet), turns))
    for point, value in (pair for pairs in found for pair in pairs):
        require(value.equals(expected[point]), f"at({point}) is another value when {_THREADS} threads ask at once.")


def _values(path: Interpolant[Any], points: list[Point], meet: threading.Barrier) -> list[tuple[Point, Snapshot]]:
    meet.wait()
    return [(point, snapshot(path.at(point))) for point in points]


@contextmanager
def _eager_switching() -> Iterator[None]:
    """Let the interpreter change threads a thousand times as often, so that races show."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def check_global_random_state_has_no_influence(path: Interpolant[Any]) -> None:
    """The value is the same whatever the seeds of `random`, `numpy.random` and `torch` are."""
    for point in some_points(path.domain, "random", n=1)[-2:]:
        values = [_seeded_value(twin(path), point, seed) for seed in (1, 2)]
        require(values[0].equals(values[1]), f"at({point}) changes with the seed of a global random generator.")


def _seeded_value(path: Interpolant[Any], point: Point, seed: int) -> Snapshot:
    with random_state_restored():
        seed_everything(seed)
        return snapshot(path.at(point))


def seed_everything(seed: int) -> None:
    """Seed every global random generator that is loaded."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 -- the legacy state is the one that others may depend on
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """The state of every global random generator that is loaded."""
    state: dict[str, Any] = {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        state["torch"] = torch.get_rng_state()
    return state


@contextmanager
def random_state_restored() -> Iterator[None]:
    """Leave every global random generator as it was."""
    state = random_state()
    try:
        yield
    finally:
        random.setstate(state["random"])
        np.random.set_state(state["numpy.random"])  # noqa: NPY002
        if "torch" in state:
            sys.modules["torch"].set_rng_state(state["torch"])


def check_value_is_finite(path: Interpolant[Any]) -> None:
    """Floating numbers in a value are finite."""
    for point in some_points(path.domain, "finite"):
        for array in snapshot(path.at(point)).floating:
            bad = int(np.size(array) - np.isfinite(array).sum())
            require(not bad, f"at({point}) holds {bad} of {array.size} numbers that are not finite.")
