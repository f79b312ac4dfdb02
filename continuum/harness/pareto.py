"""The points of a path that no other point beats in quality and in cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from continuum.core import InvalidInputError

from .results import Results

__all__ = ["pareto"]

Array = NDArray[Any]


def pareto(results: Results, quality: str, cost: str) -> pd.DataFrame:
    """All points with both numbers, the cheapest first, and whether they are on the Pareto front.

    A point is on the front if no other one is as good and as cheap, and better in one of the two. Goals are those of
    the metrics; a cost without a goal is better when it is small, a quality without one when it is large. Numbers are
    means over seeds.

    Args:
        results: of one study or several, with their baselines and endpoints.
        quality: name of a metric.
        cost: name of another.

    Returns:
        One row for each study, label and point: study, label, role, the coordinates, quality, cost, and `on_front`.

    Raises:
        InvalidInputError: if a metric is not there, or no point has both.

    Example:
        >>> from continuum import Interval, evaluate, from_function, metric
        >>> path = from_function(Interval(), lambda t: t)
        >>> good, dear = metric(lambda t: t, goal="max", name="good"), metric(lambda t: t * t, goal="min", name="dear")
        >>> front = pareto(evaluate(path, [good, dear], points=3, progress=False), "good", "dear")
        >>> front["on_front"].all()
        np.True_
    """
    frame = results.frame
    goals = {}
    for name, default in ((quality, "max"), (cost, "min")):
        part = frame[frame["metric"] == name]
        if part.empty:
            raise InvalidInputError(f"there is no metric {name!r} here; there are {', '.join(results.metrics)}.")
        goals[name] = part["goal"].dropna().iloc[0] if part["goal"].notna().any() else default
    keys = ["study", "label", "role", *results.axes]
    part = frame[frame["metric"].isin([quality, cost])]
    table = part.pivot_table(index=keys, columns="metric", values="value", aggfunc="mean", dropna=False, sort=False)
    table = table.dropna(subset=[quality, cost]).reset_index()
    if table.empty:
        raise InvalidInputError(f"no point has both {quality!r} and {cost!r}.")
    sides = [table[name].to_numpy() * (1 if goals[name] == "min" else -1) for name in (quality, cost)]
    table["on_front"] = _is_on_front(*sides)
    table.columns.name = None
    return table.sort_values(cost, kind="stable", ignore_index=True)


def _is_on_front(first: Array, second: Array) -> Array:
    """Whether no other pair is at most as large in both numbers, and smaller in one."""
    least = pd.Series(second).groupby(first).min()  # by rising `first`
    before = least.cummin().shift(fill_value=np.inf)
    found: Array = (second == least.loc[first].to_numpy()) & (second < before.loc[first].to_numpy())
    return found
