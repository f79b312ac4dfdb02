"""What a result store keeps, and how each piece is written down so that damage shows."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

from continuum.core import Point

from .items import Packed

__all__ = ["Record", "Role", "Row", "Study", "checksum", "read_record", "read_row", "record_columns", "row_columns"]

Role = Literal["path", "baseline", "reference", "endpoint"]


@dataclass(frozen=True)
class Record:
    """One number, or why there is none.

    Args:
        key: digest of everything that the number depends on.
        value: the number; NaN if it failed, but a number may be NaN too.
        error: type and message of the failure; None if there is a number.
        trace: traceback of the failure.
        build_s: seconds it took to get the value that was measured.
        metric_s: seconds that the metric took.
        run: id of the `evaluate` call that made it; 0 before it is stored.
        items: what the number is the mean of, if the metric told.
    """

    key: str
    value: float
    error: str | None = None
    trace: str | None = None
    build_s: float = 0.0
    metric_s: float = 0.0
    run: int = 0
    items: Packed | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Row:
    """One planned number: the place of a record in the table of a study."""

    key: str
    label: str
    role: Role
    point: Point  # empty for a reference, which lies on no path
    metric: str
    seed: int
    goal: str | None
    unit: str


@dataclass(frozen=True)
class Study:
    """A named, ordered table of planned numbers."""

    name: str
    axes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The distinct keys in order: two labels that are one and the same value share their records."""
        return tuple(dict.fromkeys(row.key for row in self.rows))


def record_columns(record: Record) -> tuple[Any, ...]:
    """The columns of a record that its checksum covers, in the form in which SQLite gives them back."""
    # SQLite has no NaN and no negative zero.
    value = None if math.isnan(record.value) else record.value + 0.0
    return record.key, value, record.error, record.trace, record.build_s, record.metric_s


def read_record(columns: tuple[Any, ...]) -> Record | None:
    """The record in a row of the store; None if the row is damaged."""
    *covered, run, seen = columns
    if checksum(tuple(covered)) != seen:
        return None
    key, value, error, trace, build_s, metric_s = covered
    return Record(key, math.nan if value is None else value, error, trace, build_s, metric_s, run)


def row_columns(study: str, position: int, row: Row) -> tuple[Any, ...]:
    """A planned number as a row of the store."""
    point = json.dumps(row.point, allow_nan=False)
    return study, position, row.key, row.label, row.role, point, row.metric, row.seed, row.goal, row.unit


def read_row(columns: tuple[Any, ...]) -> Row:
    """The planned number in a row of the store."""
    _, _, key, label, role, point, *rest = columns
    return Row(key, label, role, tuple(json.loads(point)), *rest)


def checksum(columns: object) -> int:
    """CRC-32 of numbers and text; `repr` tells every float64 apart, and a number from text."""
    return zlib.crc32(repr(columns).encode("utf-8", "backslashreplace"))
