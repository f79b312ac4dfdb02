"""Results in a file that other programs read: CSV, or JSON with the provenance. Never pickle."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from continuum.core import InvalidInputError, StoreError, whole_file

from .table import COLUMNS_AFTER, COLUMNS_BEFORE, columns, typed

__all__ = ["read_table", "write_table"]

Provenance = tuple[Mapping[str, Any], ...]


def write_table(path: Path, frame: pd.DataFrame, axes: Sequence[str], provenance: Provenance, missing: int) -> None:
    """Write the table to `path`; floats are written so that they are read back bit for bit.

    Raises:
        InvalidInputError: if the suffix is neither .csv nor .json.
        StoreError: if it cannot be written; an older file of that name is then left as it was.
    """
    rows = [[_plain(cell) for cell in row] for row in frame.itertuples(index=False)]
    if path.suffix == ".csv":
        text = _csv_text([list(columns(axes)), *rows])
    elif path.suffix == ".json":
        content = {"axes": list(axes), "missing": missing, "provenance": list(provenance)}
        text = json.dumps(content | {"columns": list(columns(axes)), "rows": rows}, allow_nan=False, indent=1)
    else:
        raise InvalidInputError(f"results are saved as .csv or .json, got {path.name!r}.")
    with whole_file(path) as file:
        file.write(text.encode())


def read_table(path: Path) -> tuple[pd.DataFrame, tuple[str, ...], Provenance, int]:
    """What `write_table` wrote; a CSV file has no provenance.

    Raises:
        StoreError: if the file is not there or was not written by `write_table`.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        return _from_csv(text) if path.suffix == ".csv" else _from_json(text)
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise StoreError(f"{path} cannot be read as saved results ({type(error).__name__}: {error}).") from error


def _from_csv(text: str) -> tuple[pd.DataFrame, tuple[str, ...], Provenance, int]:
    lines = csv.reader(io.StringIO(text, newline=""))
    axes = _axes(next(lines))
    return typed([_line(row, axes) for row in lines], axes), axes, (), 0


def _from_json(text: str) -> tuple[pd.DataFrame, tuple[str, ...], Provenance, int]:
    content = json.loads(text)
    axes = _axes(content["columns"])
    frame = typed([_line(row, axes) for row in content["rows"]], axes)
    return frame, axes, tuple(content["provenance"]), int(content["missing"])


def _axes(header: Sequence[str]) -> tuple[str, ...]:
    axes = tuple(header[len(COLUMNS_BEFORE) : -len(COLUMNS_AFTER)])
    if tuple(header) != columns(axes):
        raise ValueError(f"the columns {list(header)} are not those of saved results")
    return axes


def _plain(cell: Any) -> Any:
    """A cell as JSON and CSV know it: no NaN, no infinity."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else repr(cell)
    return cell


def _line(row: Sequence[Any], axes: Sequence[str]) -> list[Any]:
    """Cells of a saved row, as they were before `_plain`."""
    cells = dict(zip(columns(axes), row, strict=True))
    for name in (*axes, "value", "build_s", "metric_s"):
        cells[name] = math.nan if cells[name] in (None, "") else float(cells[name])
    return [
        *(cells | {"goal": cells["goal"] or None, "error": cells["error"] or None, "seed": int(cells["seed"])}).values()
    ]


def _csv_text(rows: Sequence[Sequence[Any]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
