"""The measurements behind the means of one metric and label, as one array: points by seeds by items."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from continuum.core import PerItem, Point

from .items import Packed

__all__ = ["ItemsByRow", "RowName", "Sample", "items_of", "row_name", "sample_of"]

RowName: TypeAlias = tuple[str, str, str, tuple[tuple[str, float], ...], str, int]
ItemsByRow: TypeAlias = Mapping[RowName, Packed]  # by study, label, role, coordinates, metric, seed


@dataclass(frozen=True, eq=False)
class Sample:
    """What was measured of one metric and label.

    Attributes:
        points: the points in order; (()) for a reference.
        seeds: the seeds in order.
        values: (points, seeds, items); a single item, the mean, where items are not known or are not as many
            everywhere.
        done: whether there is a number, which may be NaN, (points, seeds).
    """

    points: tuple[Point, ...]
    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    done: NDArray[np.bool_]

    def complete(self) -> NDArray[np.float64]:
        """The values under the seeds that did not fail anywhere."""
        return np.asarray(self.values[:, self.done.all(axis=0)])


def sample_of(part: pd.DataFrame, axes: Sequence[str], items: ItemsByRow, all_axes: Sequence[str]) -> Sample:
    """The measurements of one metric and label.

    Args:
        part: its rows of the table.
        axes: the axes in use.
        items: of the results that `part` is from.
        all_axes: the axes of these results.
    """
    places = list(zip(*(part[axis] for axis in axes), strict=True)) if axes else [()] * len(part)
    points, seeds = _numbered(places), _numbered(part["seed"])
    at = np.array([points[place] for place in places], int), np.array([seeds[seed] for seed in part["seed"]], int)
    done = np.zeros((len(points), len(seeds)), bool)
    done[at] = part["error"].isna()
    known = dict(items_of(part, items, all_axes)) if items else {}
    size = _common_size(known, np.flatnonzero(part["error"].isna()))
    values = np.full((*done.shape, size), np.nan)
    if size > 1:
        for i, one in known.items():
            values[at[0][i], at[1][i]] = one.values
    else:
        values[at] = part["value"].to_numpy(float)[:, None]
    return Sample(tuple(points), tuple(seeds), values, done)


def items_of(part: pd.DataFrame, items: ItemsByRow, all_axes: Sequence[str]) -> Iterator[tuple[int, PerItem]]:
    """The position in `part` and the items of each row that has some."""
    columns = (part[name] for name in ("study", "label", "role", "metric", "seed"))
    places = zip(*(part[axis] for axis in all_axes), strict=True) if all_axes else [()] * len(part)
    for i, (place, *names) in enumerate(zip(places, *columns, strict=True)):
        study, label, role, metric, seed = names
        name = row_name(study, label, role, dict(zip(all_axes, place, strict=True)), metric, seed)
        if name in items:
            yield i, items[name].unpack()


def row_name(study: str, label: str, role: str, place: Mapping[str, float], metric: str, seed: int) -> RowName:
    """The name of a row of the table: everything that tells it from the others, but not which other axes there are."""
    at = sorted((axis, float(x)) for axis, x in place.items() if not math.isnan(x))
    return study, label, role, tuple(at), metric, int(seed)


def _common_size(known: Mapping[int, PerItem], finished: Iterable[int]) -> int:
    """How many items every finished row has; 1 where they are not known or differ in number."""
    sizes = {len(known[i].values) if i in known else 1 for i in finished}
    return sizes.pop() if len(sizes) == 1 else 1


def _numbered(values: Iterable[Any]) -> dict[Any, int]:
    return {value: i for i, value in enumerate(sorted(set(values)))}
