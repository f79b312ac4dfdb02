"""CPU seconds of one thread, and rows of a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def row(work: str, n: int, ours: float, peer: float | None = None, which: str = "", note: str = "") -> Row:
    return {"work": work, "n": n, "ours": ours, "peer": peer, "which": which, "note": note}


def medians(*works: Callable[[], Any], repeats: int) -> list[float]:
    """CPU seconds of several works, the middle of `repeats` turns of all of them; one before does not count."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for work, found in zip(works, times, strict=True):
            start = time.process_time()
            work()
            found.append(time.process_time() - start)
    return [statistics.median(found[1:]) for found in times]
