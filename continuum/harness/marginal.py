"""What more quality costs: the steps along the points that are worth their cost."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from continuum.core import InvalidInputError

from .budget import amount, means_of
from .found import Found
from .results import Results

__all__ = ["Price", "marginal_gains", "price"]

_PERCENT = re.compile(r"\s*\+?\s*([\d.]+(?:[eE][+-]?\d+)?)\s*%\s*")


class Price(NamedTuple):
    """What a gain costs.

    Attributes:
        start: where one is.
        end: the cheapest measured point that is better by the gain.
        extra: how much more it costs.
    """

    start: Found
    end: Found
    extra: float


def marginal_gains(results: Results, quality: str, cost: str, *, label: str | None = None) -> pd.DataFrame:
    """The points of a path that are worth their cost, the cheapest first, and what each adds to the one before it.

    Goals are those of the metrics; a cost is better when it is small, and a quality without a goal when it is large.
    Numbers are means over seeds, and gains are positive.

    Args:
        results: of one study.
        quality: name of a metric.
        cost: name of another.
        label: a path or baseline; the path by default.

    Returns:
        One row for each point that no cheaper or equally dear one matches: coordinates, cost, quality, `extra` (more
        cost than the row before), `gain` (more quality), and `gain_per_cost`.

    Raises:
        InvalidInputError: if a metric is not there, or no point has both.

    Example:
        >>> from continuum import Levels, evaluate, from_function, metric
        >>> path = from_function(Levels((1, 2, 4)), lambda k: k)
        >>> good = metric(lambda k: 1 - 1 / k, goal="max", name="good")
        >>> results = evaluate(path, [good, metric(lambda k: k, name="cost")], progress=False)
        >>> marginal_gains(results, "good", "cost")[["cost", "good", "extra", "gain", "gain_per_cost"]]
           cost  good  extra  gain  gain_per_cost
        0   1.0  0.00    NaN   NaN            NaN
        1   2.0  0.50    1.0  0.50          0.500
        2   4.0  0.75    2.0  0.25          0.125
    """
    table, axes = means_of(results, [quality, cost], label)
    table = table.dropna(subset=[quality, cost])
    if table.empty:
        raise InvalidInputError(f"no point has both {quality!r} and {cost!r}.")
    sign = _sign(results, quality)
    table = table.assign(u=sign * table[quality]).sort_values([cost, "u"], ascending=[True, False], kind="stable")
    before = table["u"].cummax().shift(fill_value=-np.inf)
    front = table[table["u"] > before].reset_index(drop=True)
    front = front.assign(extra=front[cost].diff(), gain=front["u"].diff())
    front["gain_per_cost"] = front["gain"] / front["extra"]
    return front[[*axes, cost, quality, "extra", "gain", "gain_per_cost"]]


def price(
    results: Results, gain: str | float, *, quality: str, cost: str, start: Any = None, label: str | None = None
) -> Price:
    """What a gain in quality costs, by the cheapest measured point that has it.

    Args:
        results: of one study.
        gain: such as "+1%", of the quality at the start, or an amount of quality.
        quality: name of a metric.
        cost: name of another.
        start: the cost that is spent already, as a number or in units such as "100M"; the best point within it is where
            one is. By default the cheapest point.
        label: a path or baseline; the path by default.

    Raises:
        InvalidInputError: if `gain` cannot be read or is not positive, nothing is as cheap as `start`, or no point is
            that much better.

    Example:
        >>> from continuum import Levels, evaluate, from_function, metric
        >>> path = from_function(Levels((1, 2, 4)), lambda k: k)
        >>> loss = metric(lambda k: 1 / k, goal="min", name="loss")
        >>> results = evaluate(path, [loss, metric(lambda k: k, name="cost")], progress=False)
        >>> price(results, "60%", quality="loss", cost="cost").extra
        3.0
    """
    front = marginal_gains(results, quality, cost, label=label)
    axes = [axis for axis in results.axes if axis in front]
    unit = str(results.select(metric=cost).frame["unit"].iloc[0] or "")
    spent = front[cost].min() if start is None else amount(start, unit) if isinstance(start, str) else float(start)
    within = front[front[cost] <= spent]
    if within.empty:
        raise InvalidInputError(f"no point costs {spent:g} or less; the cheapest costs {front[cost].min():g}.")
    here, sign = within.iloc[-1], _sign(results, quality)
    u = sign * front[quality] - sign * here[quality]
    wanted = _gain(gain, abs(float(here[quality])))
    better = front[u >= wanted * (1 - 1e-12)]  # a gain that is met up to rounding is met
    if better.empty:
        raise InvalidInputError(f"no measured point is better by {wanted:g}; the best is so by {u.max():g}.")
    there = better.iloc[0]
    ends = [_found(row, axes, quality, cost) for row in (here, there)]
    return Price(ends[0], ends[1], float(there[cost] - here[cost]))


def _sign(results: Results, quality: str) -> float:
    return -1.0 if results.select(metric=quality).frame["goal"].iloc[0] == "min" else 1.0


def _gain(gain: str | float, at_start: float) -> float:
    match = _PERCENT.fullmatch(gain) if isinstance(gain, str) else None
    if match is None and isinstance(gain, str | bool):
        raise InvalidInputError(f"`gain` must be a percentage such as '+1%', or a number, got {gain!r}.")
    wanted = float(match[1]) / 100 * at_start if match else float(gain)
    if not wanted > 0:
        raise InvalidInputError(f"`gain` must be positive, got {gain!r} ({wanted:g}).")
    return wanted


def _found(row: Any, axes: list[str], quality: str, cost: str) -> Found:
    return Found(tuple(float(row[axis]) for axis in axes), float(row[quality]), {cost: float(row[cost])}, True)
