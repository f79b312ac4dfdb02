"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["console", "print_frame", "print_summary"]

_NARROW = {  # columns of the summary that fit a terminal, with their heads
    "label": "path",
    "metric": "metric",
    "best": "best",
    "at": "at",
    "best_endpoint": "choosing",
    "over_choosing": "gain",
}
_WITHOUT_BEST = {"label": "path", "metric": "metric", "first": "first", "last": "last", "failed": "failed"}

console = Console()


def print_summary(results: Any) -> None:
    """One narrow table for each study: what is best on each path, and what just choosing an endpoint gives."""
    for study, frame in results.summary().groupby("study", sort=False):
        at = [_place(row, results.axes) for row in frame.to_dict("records")]
        frame = frame.assign(label=frame["label"].replace({study: "path"}), at=at)
        columns = _NARROW if frame["best"].notna().any() else _WITHOUT_BEST  # neither more nor less is better
        frame = pd.concat([frame, _references(results, study)]).sort_values("metric", kind="stable", key=_in_order)
        narrow = {column: head for column, head in columns.items() if column in frame and frame[column].notna().any()}
        print_frame(frame[list(narrow)].rename(columns=narrow), title=str(study))


def print_frame(frame: Any, title: str) -> None:
    """A data frame as a table."""
    table = Table(*map(str, frame.columns), title=escape(title))
    for row in frame.itertuples(index=False):
        table.add_row(*map(_cell, row))
    console.print(table)


def _in_order(metrics: Any) -> Any:
    """Sort key that keeps metrics in the order in which they first come."""
    return metrics.map({name: place for place, name in enumerate(metrics.unique())})


def _place(row: Any, axes: Sequence[str]) -> str:
    """Where the best value is: the coordinates that are not 0, by name if there are several."""
    at = {axis: row[f"best_{axis}"] for axis in axes if pd.notna(row[f"best_{axis}"])}
    if len(at) == 1:
        return f"{next(iter(at.values())):.3g}"
    return ", ".join(f"{axis} {t:.3g}" for axis, t in at.items() if t)


def _references(results: Any, study: str) -> Any:
    """Rows for the values that lie on no path: to do without is a choice too."""
    frame = results.frame.query("study == @study and role == 'reference'")
    means = frame.groupby(["label", "metric"], sort=False)["value"].mean().reset_index()
    return means.rename(columns={"value": "best"}).assign(at="-")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "—" if value != value else f"{value:.3g}"
    return escape(str(value))
