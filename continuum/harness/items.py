"""What a metric found on single items, as a store keeps it: beside the numbers, packed, seldom looked at."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

import numpy as np

from continuum.core import PerItem

__all__ = ["ITEM_TABLE", "Packed", "drop_items", "pack", "put_items", "read_items"]

# A table of its own, which versions without it do not miss: the schema stays what it is.
ITEM_TABLE = (
    "CREATE TABLE IF NOT EXISTS item (key TEXT PRIMARY KEY, numbers BLOB NOT NULL, decisions BLOB,"
    " checksum INTEGER NOT NULL)"
)


@dataclass(frozen=True)
class Packed:
    """A `PerItem` as compressed bytes, little-endian: most are never looked at."""

    numbers: bytes
    decisions: bytes | None = None

    @property
    def checksum(self) -> int:
        return zlib.crc32(self.decisions or b"", zlib.crc32(self.numbers))

    def unpack(self) -> PerItem:
        """The values and decisions, bit for bit."""
        values = np.frombuffer(zlib.decompress(self.numbers), "<f8")
        decisions = None if self.decisions is None else np.frombuffer(zlib.decompress(self.decisions), "<i8")
        return PerItem(values, decisions)


def pack(items: PerItem) -> Packed:
    """The items in the form in which they are kept."""
    decisions = None if items.decisions is None else zlib.compress(items.decisions.astype("<i8").tobytes(), 1)
    return Packed(zlib.compress(items.values.astype("<f8").tobytes(), 1), decisions)


def put_items(db: Connection, items: Iterable[tuple[str, Packed]]) -> None:
    """Add items by key; those that are there stay, like the numbers that they belong to."""
    rows = [(key, packed.numbers, packed.decisions, packed.checksum) for key, packed in items]
    db.executemany("INSERT OR IGNORE INTO item VALUES (?, ?, ?, ?)", rows)


def drop_items(db: Connection, keys: Iterable[str]) -> None:
    """Remove the items of these keys."""
    db.executemany("DELETE FROM item WHERE key = ?", [(key,) for key in keys])


def read_items(db: Connection, keys: Sequence[str]) -> dict[str, Packed | None]:
    """The items by key, None where they are damaged; nothing in a file that is older than items."""
    if not db.execute("SELECT name FROM sqlite_master WHERE name = 'item'").fetchone():
        return {}
    query = f"SELECT * FROM item WHERE key IN ({','.join('?' * len(keys))})"  # noqa: S608 -- only marks
    return {key: _intact(*columns) for key, *columns in db.execute(query, tuple(keys))}


def _intact(numbers: object, decisions: object, seen: object) -> Packed | None:
    if not isinstance(numbers, bytes) or not isinstance(decisions, bytes | None):
        return None
    packed = Packed(numbers, decisions)
    return packed if packed.checksum == seen else None
