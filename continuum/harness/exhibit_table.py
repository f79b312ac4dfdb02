"""Exhibits in a store: beside the numbers, and only as long as the numbers are of the same values."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

from continuum.core import Point, StoreError, warn

from .exhibits import Exhibit, unpacked_exhibits
from .records import Study

__all__ = ["EXHIBIT_TABLE", "Kept", "KeptRow", "put_exhibits", "read_exhibits"]

# A table of its own, which versions without it do not miss: the schema stays what it is.
EXHIBIT_TABLE = (
    "CREATE TABLE IF NOT EXISTS exhibit (study TEXT, label TEXT, point TEXT, identity TEXT NOT NULL,"
    " keys TEXT NOT NULL, content BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (study, label, point))"
)


@dataclass(frozen=True)
class KeptRow:
    """A row of the table.

    Args:
        study: name of the study.
        label: whose value it is.
        point: its coordinates; empty for a reference.
        identity: digest of path, point and the function that drew it.
        keys: of the numbers of this value, when it was drawn.
        content: the exhibits, packed.
    """

    study: str
    label: str
    point: Point
    identity: str
    keys: tuple[str, ...]
    content: bytes


@dataclass(frozen=True, eq=False)
class Kept:
    """What a value of a study looks like.

    Attributes:
        study: name of the study.
        label: whose value it is.
        point: its coordinates; empty for a reference.
        exhibits: what is shown.
    """

    study: str
    label: str
    point: Point
    exhibits: tuple[Exhibit, ...]


def put_exhibits(db: Connection, rows: Iterable[KeptRow]) -> None:
    """Add exhibits, in place of older ones of the same values."""
    for row in rows:
        at, keys = json.dumps(row.point, allow_nan=False), " ".join(row.keys)
        columns = (row.study, row.label, at, row.identity, keys, row.content, zlib.crc32(row.content))
        db.execute("INSERT OR REPLACE INTO exhibit VALUES (?, ?, ?, ?, ?, ?, ?)", columns)


def read_exhibits(db: Connection, study: Study) -> dict[tuple[str, Point], tuple[str, Kept]]:
    """The exhibits of a study, with their identities, in the order of its plan.

    Left out are those of values that the study had before its data changed: they share no key with the numbers that
    are planned now. So are damaged ones, which a warning counts.
    """
    if not db.execute("SELECT name FROM sqlite_master WHERE name = 'exhibit'").fetchone():
        return {}
    rows = {
        (label, tuple(json.loads(at))): columns
        for label, at, *columns in db.execute(
            "SELECT label, point, identity, keys, content, checksum FROM exhibit WHERE study = ?", (study.name,)
        )
    }
    found: dict[tuple[str, Point], tuple[str, Kept]] = {}
    damaged = set()
    for row in study.rows:
        at = row.label, row.point
        if at in rows and at not in found and row.key in str(rows[at][1]).split():
            identity, _, content, seen = rows[at]
            try:
                found[at] = identity, Kept(study.name, *at, _intact(content, seen))
            except StoreError:
                damaged.add(at)
    if damaged:
        warn(f"study {study.name!r}: {len(damaged)} exhibit(s) cannot be read and are left out; draw them again.")
    return found


def _intact(content: object, seen: object) -> tuple[Exhibit, ...]:
    if not isinstance(content, bytes) or zlib.crc32(content) != seen:
        raise StoreError("an exhibit is damaged (checksum mismatch).")
    return unpacked_exhibits(content)
