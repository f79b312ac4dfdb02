"""All members of a family as models over shared weights, and moving from one to another: beside copies of layers."""

from __future__ import annotations

import copy
import dataclasses
import gc
import itertools
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psutil

from continuum.models import PatchPath

from .models import foreign_bytes

Row = dict[str, Any]
SWITCHES = 1000


def row(work: str, ours: float, peer: float | None = None, which: str = "", note: str = "", n: int = 1) -> Row:
    return {"work": work, "n": n, "ours": ours, "peer": peer, "which": which, "note": note}


def view_rows(path: PatchPath) -> Iterator[Row]:
    """Seconds, megabytes and bytes copied of all members, leased one after the other; nothing is prepared before."""
    gc.collect()
    fresh, before, start = dataclasses.replace(path), _resident(), time.process_time()
    with fresh.lease(0.0) as model:
        for t in fresh.domain.values:
            fresh.switch(t)
        seconds, grown = time.process_time() - start, _resident() - before
        copied = sum(foreign_bytes(model, path) for t in fresh.domain.values if fresh.switch(t) is None)
    n = len(fresh.domain.values)
    layers, script = _seconds_of_a_copy(path)
    ours = seconds / n
    yield row("all members leased", seconds, n=n)
    yield row("all members leased, memory in MB", grown / 1e6, n=n, note="growth of the process")
    yield row("all members leased, bytes of weights copied", float(copied), n=n)
    yield row("one member", ours, layers, "a copy of what it has", f"{layers / ours:.0f} x faster", n)
    yield row("one member, beside a script", ours, script, "copies of both models", f"{script / ours:.0f} x faster", n)


def switch_rows(path: PatchPath) -> Iterator[Row]:
    """Seconds to make the model that is lent another member, each of which was asked for before."""
    times = []
    with path.lease(0.0):
        for t in path.domain.values:
            path.switch(t)
        for t in itertools.islice(itertools.cycle(path.domain.values), SWITCHES):
            start = time.perf_counter()
            path.switch(t)
            times.append(time.perf_counter() - start)
    longest = f"99th percentile {statistics.quantiles(times, n=100)[-1] * 1e6:.0f} µs"
    yield row("switch to another size", statistics.median(times), note=longest, n=len(path.domain.values))


def _seconds_of_a_copy(path: PatchPath) -> tuple[float, float]:
    """Median CPU seconds of a deep copy of all that a member has, and of a script, in turns.

    The script copies the teacher, the student and each layer that it moves, as that of Kangaslahti et al. (2026) does,
    which copies the teacher once more.
    """

    def script(patched: frozenset[int]) -> None:
        copy.deepcopy(path.teacher)
        copy.deepcopy(path.student)
        for one in path.members.layers(patched):
            if one.owner is path.members.teacher:
                copy.deepcopy(one.owner.layers[one.index])

    times: list[list[float]] = [[], []]
    for patched in map(path.patched_at, path.domain.values):
        for work, found in zip((path.members.copy, script), times, strict=True):
            gc.collect()
            start = time.process_time()
            work(patched)
            found.append(time.process_time() - start)
    layers, by_script = map(statistics.median, times)
    return layers, by_script


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)
