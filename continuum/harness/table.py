"""The layout of the table of results: its columns, in order, and their types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

__all__ = ["COLUMNS_AFTER", "COLUMNS_BEFORE", "axes_in_use", "columns", "typed"]

COLUMNS_BEFORE = ("study", "label", "role")
COLUMNS_AFTER = ("metric", "seed", "value", "goal", "unit", "build_s", "metric_s", "error")

_TYPES = {"seed": "int64", "value": "float64", "build_s": "float64", "metric_s": "float64"}


def columns(axes: Sequence[str]) -> tuple[str, ...]:
    """All columns in order: the coordinates stand between the label and the metric."""
    return (*COLUMNS_BEFORE, *axes, *COLUMNS_AFTER)


def typed(rows: Iterable[Sequence[Any]], axes: Sequence[str]) -> pd.DataFrame:
    """Rows as a frame; text columns stay `object`, where no goal and no error are None in every version of pandas."""
    frame = pd.DataFrame(list(rows), columns=list(columns(axes)), dtype=object)
    return frame.astype(_TYPES | dict.fromkeys(axes, "float64"))


def axes_in_use(part: pd.DataFrame, axes: Sequence[str]) -> tuple[str, ...]:
    """The axes on which `part` has coordinates: those of its study."""
    return tuple(axis for axis in axes if part[axis].notna().any())
