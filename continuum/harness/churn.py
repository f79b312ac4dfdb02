"""What happens to single items along a path: curves of single examples, and decisions that flip."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, PerItem

from .intervals import mean_interval
from .sample import items_of
from .table import axes_in_use

if TYPE_CHECKING:
    from .results import Results

__all__ = ["churn", "item_curves"]

Array = NDArray[Any]


def item_curves(results: Results, label: str, metric: str) -> pd.DataFrame:
    """The value of each item (columns) at each point and seed (rows): see `Results.items`."""
    part = _part(results, label, metric)
    axes = axes_in_use(part, results.axes)
    known = _known(results, part, label, metric)
    index = pd.MultiIndex.from_frame(part.iloc[[i for i, _ in known]][[*axes, "seed"]])
    values = np.full((len(known), max(len(one.values) for _, one in known)), np.nan)
    for row, (_, one) in zip(values, known, strict=True):
        row[: len(one.values)] = one.values
    return pd.DataFrame(values, index=index).rename_axis(columns="item").sort_index()


def churn(results: Results, label: str, metric: str) -> pd.DataFrame:
    """Share of the items whose decision flips from one point of a path to the next.

    Two points with equal accuracy can decide differently on many items, which is what a user notices who moves from one
    to the other (Milani Fard et al. (2016), "Launch and iterate: reducing prediction churn"). Decisions are those that
    the metric gave with its `PerItem`; without them, values that are all 0 or 1 count as decisions, so that what flips
    is being right.

    Args:
        results: of one study.
        label: a path or baseline with one coordinate.
        metric: a metric that returns `PerItem`.

    Returns:
        One row for each pair of neighbours: the coordinate, `next` (the coordinate of the neighbour), churn, low and
        high (95 % over seeds and items), n (seeds that both have), items.

    Raises:
        InvalidInputError: if no items are known, or the path has several coordinates, or there are no decisions.
        IncompatibleError: if neighbours have other numbers of items.

    Example:
        >>> from continuum import Interval, PerItem, evaluate, from_function, metric
        >>> path = from_function(Interval(), lambda t: t)
        >>> is_above = metric(lambda t: PerItem(np.array([0.2, 0.4, 0.6, 0.8]) < t), name="above")
        >>> results = evaluate(path, is_above, points=3, progress=False)
        >>> churn(results, "FunctionPath", "above")[["t", "next", "churn"]]
             t  next  churn
        0  0.0   0.5    0.5
        1  0.5   1.0    0.5
    """
    part = _part(results, label, metric)
    axes = axes_in_use(part, results.axes)
    if len(axes) != 1:
        raise InvalidInputError(f"churn needs a path with one coordinate, {label!r} has {axes or 'none'}.")
    places, seeds = part[axes[0]].to_numpy(), part["seed"].to_numpy()
    decided: dict[float, dict[int, Array]] = {}
    for i, one in _known(results, part, label, metric):
        decided.setdefault(float(places[i]), {})[int(seeds[i])] = _decisions(one, metric)
    rows = [{axes[0]: a, "next": b, **_flips(decided[a], decided[b])} for a, b in itertools.pairwise(sorted(decided))]
    return pd.DataFrame(rows, columns=[axes[0], "next", "churn", "low", "high", "n", "items"])


def _part(results: Results, label: str, metric: str) -> pd.DataFrame:
    frame = results.select(label=label, metric=metric).frame
    if frame["study"].nunique() > 1:
        raise InvalidInputError(f"these results hold the studies {results.studies}; `select(study=...)` one first.")
    return frame[frame["role"] != "endpoint"]


def _known(results: Results, part: pd.DataFrame, label: str, metric: str) -> Sequence[tuple[int, PerItem]]:
    known = list(items_of(part, results.per_item, results.axes))
    if not known:
        raise InvalidInputError(
            f"nothing is known of single items of {metric!r} on {label!r}: the metric must return `PerItem`, and a "
            "saved table does not keep them; read such results from their store."
        )
    return known


def _decisions(one: PerItem, metric: str) -> Array:
    if one.decisions is not None:
        return one.decisions
    if not np.isin(one.values, (0, 1)).all():
        raise InvalidInputError(
            f"metric {metric!r} gives no decisions: return `PerItem(values, decisions=...)`, such as predicted classes."
        )
    return one.values


def _flips(here: dict[int, Array], there: dict[int, Array]) -> dict[str, float]:
    shared = [seed for seed in here if seed in there]
    sizes = {len(side[seed]) for side in (here, there) for seed in shared}
    if len(sizes) > 1:
        raise IncompatibleError(f"neighbours have {sorted(sizes)} items; churn needs the same items everywhere.")
    size = sizes.pop() if sizes else 0
    x = np.array([here[seed] != there[seed] for seed in shared], float).reshape(len(shared), size)
    mean, low, high = mean_interval(x)
    low, high = np.clip([low, high], 0, 1)  # NaN stays NaN
    return {"churn": mean, "low": float(low), "high": float(high), "n": len(shared), "items": size}
