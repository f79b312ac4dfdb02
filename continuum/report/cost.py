"""What the numbers of a study cost: seconds to get its values, and to measure them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .markup import Cell, table
from .text import number

__all__ = ["cost_table"]


def cost_table(frame: pd.DataFrame, axes: Sequence[str]) -> str:
    """Seconds by label, from the rows of one study.

    All metrics of a value share the time that it took to get it; of what several runs took, the longest counts.
    """
    keys = ["label", "role"]
    values = frame.groupby([*keys, *axes], sort=False, dropna=False)["build_s"].max()
    building = values.groupby(keys, sort=False).agg(["size", "mean", "sum"])
    measuring = frame.groupby(keys, sort=False)["metric_s"].sum()
    rows: list[list[Cell]] = [
        [
            (str(label), "text"),
            (str(role), "text"),
            (str(int(row["size"])), "number"),
            *((number(x, 3), "number") for x in (row["mean"], row["sum"], measuring[label, role])),
        ]
        for (label, role), row in building.iterrows()
    ]
    heads = ["", "role", "values", "seconds to get one", "to get all", "to measure all"]
    return table(heads, rows, caption="What it cost, in seconds of one process")
