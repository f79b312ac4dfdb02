"""The best measured point within a budget, in the units in which people think: 100M, 3GB, 20ms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from continuum.core import IncompatibleError, InvalidInputError

from .found import Found
from .overview import mean_by_point
from .table import axes_in_use

if TYPE_CHECKING:
    from .results import Results

__all__ = ["Budget", "amount", "best_within", "limits_of", "means_of"]

Budget: TypeAlias = str | Sequence[str] | Mapping[str, float | str]

_COUNTS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_TIMES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_BYTES = {"B": 1.0, "byte": 1.0, "bytes": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
_BYTES |= {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}

_CONDITION = re.compile(r"\s*(.+?)\s*(?:<=|≤)\s*(.+?)\s*")
_AMOUNT = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\D.*?)?\s*")


def amount(text: str, unit: str) -> float:
    """A number in human units, in the unit of a metric.

    k, M, G, B (billion) and T multiply the unit of the metric, whatever it is; where that is bytes, B is bytes. Times
    (ns, µs, ms, s, min, h) and memory (kB, MB, GB, TB by thousands, KiB, MiB, GiB, TiB by 1024) need a metric of that
    kind; one without a unit counts as seconds or bytes.

    Args:
        text: such as "100M", "3 GB", "20ms" or "0.5".
        unit: unit of the metric.

    Raises:
        InvalidInputError: if `text` is no number with a known unit.
        IncompatibleError: if the unit is of another kind than the metric.

    Example:
        >>> amount("100M", ""), amount("20ms", "s"), amount("1.5 GiB", "MB")
        (100000000.0, 0.02, 1610.612736)
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InvalidInputError(f"a limit must be a number and perhaps a unit, such as '100M' or '20ms', got {text!r}.")
    number, suffix = float(match[1].replace("_", "")), match[2] or ""
    if suffix in ("", unit):
        return number
    if suffix in _COUNTS and not (suffix == "B" and unit in _BYTES):
        return number * _COUNTS[suffix]
    for scale, base in ((_TIMES, "s"), (_BYTES, "bytes")):
        if suffix in scale:
            if unit and unit not in scale:
                raise IncompatibleError(f"the limit {text!r} does not fit a metric in {unit!r}.")
            return number * scale[suffix] / scale[unit or base]
    known = ", ".join([*_COUNTS, *_TIMES, *_BYTES])
    raise InvalidInputError(f"the unit of {text!r} is not known; known are {known}, and the unit {unit!r} itself.")


def best_within(results: Results, budget: Budget, quality: str, label: str | None) -> Found:
    """See `Results.at_budget`."""
    limits = limits_of(results, budget)
    table, axes = means_of(results, [quality, *limits], label)
    goal = results.select(metric=quality).frame["goal"].iloc[0]
    if goal not in ("max", "min"):
        raise InvalidInputError(f"`quality` must be a metric with a goal, {quality!r} has none.")
    allowed = np.logical_and.reduce([table[name] <= limit for name, limit in limits.items()])
    good = table[allowed & table[quality].notna()]
    if good.empty:
        least = ", ".join(f"{name} {table[name].min():.6g}" for name in limits)
        raise InvalidInputError(f"no measured point is within {dict(limits)}; the least there is: {least}.")
    place = good[quality].idxmax() if goal == "max" else good[quality].idxmin()
    row = good.loc[place]
    point = tuple(float(row[axis]) for axis in axes)
    return Found(point, float(row[quality]), {name: float(row[name]) for name in limits}, True)


def limits_of(results: Results, budget: Budget) -> dict[str, float]:
    """The largest allowed value of each metric, in its own unit.

    Raises:
        InvalidInputError: if the budget is empty or cannot be read, or names an unknown metric.
    """
    found: dict[str, float] = {}
    for name, limit in _conditions(budget):
        unit = str(results.select(metric=name).frame["unit"].iloc[0] or "")
        found[name] = amount(limit, unit) if isinstance(limit, str) else float(limit)
    if not found:
        raise InvalidInputError("`budget` must name at least one limit, such as 'params<=100M', got none.")
    return found


def means_of(results: Results, metrics: Sequence[str], label: str | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Coordinates and means of several metrics at the points of a label (the path by default), and the coordinates."""
    part = results.select(role="path") if label is None else results.select(label=label)
    frame = part.frame[part.frame["role"] != "endpoint"]
    axes = axes_in_use(frame, results.axes)
    if not axes:
        raise InvalidInputError(f"{label!r} lies on no path; name a path or a baseline.")
    known = set(frame["metric"])
    if unknown := [name for name in metrics if name not in known]:
        raise InvalidInputError(f"there is no metric {unknown[0]!r} here; there are {', '.join(sorted(known))}.")
    means = {name: mean_by_point(frame[frame["metric"] == name], axes) for name in metrics}
    return pd.DataFrame(means).reset_index(), axes


def _conditions(budget: Budget) -> Iterator[tuple[str, Any]]:
    if isinstance(budget, Mapping):
        yield from budget.items()
        return
    for text in [budget] if isinstance(budget, str) else budget:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise InvalidInputError(f"a budget must read 'metric<=limit', such as 'params<=100M', got {text!r}.")
        yield match[1], match[2]
