"""Two labels against each other, point by point: differences of paired measurements and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .intervals import mean_interval
from .sample import Sample

__all__ = ["compared"]

Array = NDArray[np.float64]


def compared(sample: Sample, other: Sample, axes: Sequence[str], goal: str | None) -> pd.DataFrame:
    """One row for each point that both have; a reference, which lies on no path, stands against every point."""
    everywhere = other.points == ((),)
    rows = []
    for i, point in enumerate(sample.points):
        j = 0 if everywhere else other.points.index(point) if point in other.points else None
        if j is not None:
            rows.append(dict(zip(axes, point, strict=True)) | _row(_differences(sample, i, other, j), goal))
    return pd.DataFrame(rows, columns=[*axes, "difference", "low", "high", "n", "items", "verdict"])


def _differences(sample: Sample, i: int, other: Sample, j: int) -> Array:
    """Seed by seed and item by item, under the seeds that both have; items are averaged if their numbers differ."""
    here = {seed: k for k, seed in enumerate(sample.seeds) if sample.done[i, k]}
    there = {seed: k for k, seed in enumerate(other.seeds) if other.done[j, k]}
    shared = [seed for seed in here if seed in there]
    a = sample.values[i, [here[seed] for seed in shared]]
    b = other.values[j, [there[seed] for seed in shared]]
    if a.shape != b.shape:
        a, b = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    return np.asarray(a - b)


def _row(x: Array, goal: str | None) -> dict[str, Any]:
    mean, low, high = mean_interval(x)
    n, items = x.shape
    row = {"difference": mean, "low": low, "high": high, "n": n, "items": items if items > 1 else 0}
    return row | {"verdict": _verdict(low, high, goal)}


def _verdict(low: float, high: float, goal: str | None) -> str | None:
    """Whether the interval tells the two apart; None if nothing is better, or nothing is known of the spread."""
    if goal not in ("max", "min") or np.isnan(low):
        return None
    if low > 0 or high < 0:
        return "better" if (low > 0) == (goal == "max") else "worse"
    return "unclear" if low < high else "equal"
