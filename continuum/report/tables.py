"""The tables of the page: path-level numbers, numbers at the points, failures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from continuum.harness import Results

from .markup import Cell, definitions, table
from .panel import Panel
from .shape import shape_of
from .text import interval, number, place

__all__ = ["failures_table", "glossary", "points_table", "summary_table"]

_MOST = 200  # rows

# Column of `Results.summary()`: heading, meaning.
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "first": ("start", "value at the start of the path"),
    "last": ("end", "value at its end"),
    "best": ("best", "best value on the path"),
    "best_endpoint": ("best endpoint", "what simply choosing the best discrete option gives"),
    "over_choosing": ("over choosing", "by how much the best point beats the best endpoint; positive is better"),
    "verdict": ("shape", "one word for the curve, such as smooth, peak, barrier, jump or rough; unclear in much noise"),
    "monotonicity": ("monotonicity", "net change over total variation: 1 if the curve never turns back"),
    "spearman": ("rank correlation", "Spearman's: 1 if the metric improves with every step, −1 if it worsens"),
    "barrier": ("barrier", "deepest fall below the straight line between the ends: 0 if there is none"),
    "frankle_barrier": ("barrier (Frankle)", "deepest fall below the mean of the ends"),
    "largest_jump": ("largest jump", "steepest slope over total variation: 1 on a straight line"),
    "advantage": ("advantage", "mean height over the straight line between the ends"),
    "coverage_gap": ("coverage gap", "widest gap between neighbouring values over their range"),
    "endpoint_fidelity": ("endpoint gap", "largest gap between the ends of the path and the choices they stand for"),
}
_OF_CURVES = ("monotonicity", "spearman", "barrier", "largest_jump", "advantage")  # undefined is news there
_WIN, _TRACK = "win_share[", "tracking_rmse["


def summary_table(panel: Panel) -> str:
    """The path-level numbers of the path and its baselines; columns without any meaning here are left out."""
    summary = panel.summary
    if summary.empty:
        return ""
    kept = {"best", *(_OF_CURVES if shape_of(panel) == "curve" else ())}
    known = [name for name in summary.columns if name in _COLUMNS or name.startswith((_WIN, _TRACK))]
    shown = [name for name in known if name in kept or summary[name].notna().any()]
    headings = ["", "role", *(_heading(name) for name in shown)]
    headings.insert(headings.index("best") + 1, "best at")
    rows = [_summary_row(panel, row, shown) for row in summary.to_dict("records")]
    return table(headings, rows, caption=f"Path-level numbers: {panel.quantity} {panel.direction}".rstrip())


def points_table(panel: Panel) -> str:
    """Mean and interval at each point, for each label."""
    tables = [*panel.paths.values(), *([panel.endpoints.assign(low=math.nan)] if len(panel.endpoints) else [])]
    labels = [*panel.paths, *(["endpoint"] if len(panel.endpoints) else [])]
    by_point: dict[tuple[float, ...], dict[int, str]] = {}
    for i, frame in enumerate(tables):
        for row in frame.to_dict("records"):
            by_point.setdefault(tuple(row[axis] for axis in panel.axes), {})[i] = interval(row)
    rows: list[list[Cell]] = [
        [
            (place(dict(zip(panel.axes, point, strict=True)), panel.axes), "text"),
            *((cells.get(i, ""), "number") for i in range(len(labels))),
        ]
        for point, cells in sorted(by_point.items())
    ]
    flat = [(label, interval(row)) for label, row in panel.references.items()]
    flat += [(panel.choosing.name, number(panel.choosing.value))] if panel.choosing else []
    caption = f"{panel.quantity} at every point" + _cut(len(rows))
    anywhere = definitions(dict(flat)) if flat else ""
    return (table(["point", *labels], rows[:_MOST], caption=caption) if rows else "") + anywhere


def failures_table(results: Results) -> str:
    """What has an error instead of a number."""
    failed = results.failed
    rows = [_failure(row, results.axes) for row in failed.head(_MOST).to_dict("records")]
    headings = ["label", "study", "metric", "seed", "point", "error"]
    return table(headings, rows, caption=f"{len(failed)} failed" + _cut(len(failed)))


def glossary() -> str:
    """What the columns of the summary mean."""
    named = dict(_COLUMNS.values())
    return definitions(
        named
        | {
            "wins over …": "share of points at which this label beats the other, paired by seed",
            "distance to …": "root mean square distance to the other label",
        }
    )


def _heading(name: str) -> str:
    if name.startswith(_WIN):
        return f"wins over {name.removeprefix(_WIN)[:-1]}"
    if name.startswith(_TRACK):
        return f"distance to {name.removeprefix(_TRACK)[:-1]}"
    return _COLUMNS[name][0]


def _summary_row(panel: Panel, row: Mapping[Any, Any], shown: list[str]) -> list[Cell]:
    cells: list[Cell] = [(str(row["label"]), "text"), (str(row["role"]), "text")]
    for name in shown:
        cells.append((row[name], "text") if isinstance(row[name], str) else (number(row[name]), "number"))
        if name == "best":
            at = {axis: row[f"best_{axis}"] for axis in panel.axes}
            known = all(map(math.isfinite, at.values()))
            cells.append((place(at, panel.axes) if at and known else "—", "text"))
    return cells


def _failure(row: Mapping[Any, Any], axes: tuple[str, ...]) -> list[Cell]:
    here = tuple(axis for axis in axes if not math.isnan(row[axis]))
    names: Iterator[str] = (str(row[name]) for name in ("label", "study", "metric", "seed"))
    return [*((name, "text") for name in names), (place(row, here) or "—", "text"), (str(row["error"])[:400], "long")]


def _cut(rows: int) -> str:
    return f" (the first {_MOST} of {rows})" if rows > _MOST else ""
