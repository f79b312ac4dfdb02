"""The greedy order of all slots: what is left of the work and the time of full forward passes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from continuum.models import PatchPath
from continuum.models.size import Calibration, Evaluation, KLPatch, PatchSearch

from .views import Row, row


def search_rows(path: PatchPath, tokenizer: Any, texts: Calibration) -> Iterator[Row]:
    """Layers, calls and CPU seconds of the search with kept states, beside one full forward pass for each candidate.

    Both compute distributions at a quarter of the positions only, which is not what saves time here.
    """
    naive, naive_seconds = _timed(path, texts, Evaluation("none"))
    m = len(path.layout.size_slots)
    for name, evaluation in {
        "prefix": Evaluation("prefix"),
        "candidates": Evaluation("candidates"),
        "candidates, stacked": Evaluation("candidates", None),
    }.items():
        found, seconds = _timed(path, texts, evaluation)
        same = "same order" if found.order == naive.order else f"another order, {found.order}"
        work = f"{found.work.layers} layers in {found.work.calls} calls, {found.work.heads} heads, {same}"
        yield row(f"greedy order, {name}", seconds, naive_seconds, "full forward passes", work, m)
        yield row(f"greedy order, {name}, layers", found.work.layers, naive.work.layers, "full forward passes", n=m)


def _timed(path: PatchPath, texts: Calibration, evaluation: Evaluation) -> tuple[PatchSearch, float]:
    start = time.process_time()
    found = KLPatch(texts, evaluation=evaluation).search(path.members)
    return found, time.process_time() - start
