"""Intervals of the numbers of a path, by the paired bootstrap over seeds and items."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from continuum.core import check_count

from .intervals import percentile_interval, resampled_curves
from .overview import NEEDS_GOAL
from .results import Results
from .sample import sample_of
from .summaries import PATH_NUMBERS
from .table import axes_in_use

__all__ = ["path_intervals"]

Array = NDArray[np.float64]


def path_intervals(results: Results, *, draws: int = 1000) -> pd.DataFrame:
    """95 % intervals of the path-level numbers of `Results.summary()`.

    Seeds, and items where the metric gave them, are drawn with replacement, the same ones at every point. Numbers that
    grow with roughness, such as a barrier, are pushed up by noise in the data and again by resampling: an interval that
    reaches 0 says that there may be none. Below six seeds no bootstrap holds its level.

    Args:
        results: of one study or several.
        draws: how many resamples.

    Returns:
        One row for each study, label, metric and number: study, label, metric, number, value, low, high, n (seeds
        without failures), items (0 if not known). An interval is NaN where there is one measurement only.

    Raises:
        InvalidInputError: if `draws` is no positive number.
    """
    check_count("draws", draws)
    frame = results.frame[results.frame["role"].isin(["path", "baseline"])]
    rows: list[dict[str, Any]] = []
    for (study, label, metric), part in frame.groupby(["study", "label", "metric"], sort=False):
        head = {"study": study, "label": label, "metric": metric}
        axes = axes_in_use(part, results.axes)
        sample = sample_of(part, axes, results.per_item, results.axes)
        if len(axes) == 1 and len(sample.points) > 1 and sample.complete().size:
            s = np.array([t for (t,) in sample.points])
            rows += [head | row for row in _rows(s, sample.complete(), part["goal"].iloc[0], draws)]
    columns = ["study", "label", "metric", "number", "value", "low", "high", "n", "items"]
    return pd.DataFrame(rows, columns=columns)


def _rows(s: Array, x: Array, goal: str | None, draws: int) -> list[dict[str, Any]]:
    _, seeds, items = x.shape
    u = x * {"max": 1.0, "min": -1.0}.get(goal or "", 1.0)
    n = min((count for count in (seeds, items) if count > 1), default=1)
    curves = resampled_curves(u, draws if n > 1 else 1)
    rows = []
    for number in PATH_NUMBERS:
        known = goal in ("max", "min") or number.__name__ not in NEEDS_GOAL
        value = number(s, u.mean(axis=(1, 2))) if known else math.nan
        drawn = np.array([number(s, curve) if known else math.nan for curve in curves])
        low, high = percentile_interval(drawn, n)
        row = {"number": number.__name__, "value": value, "low": float(low), "high": float(high)}
        rows.append(row | {"n": seeds, "items": items if items > 1 else 0})
    return rows
