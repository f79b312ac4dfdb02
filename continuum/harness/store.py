"""The result store: one SQLite file of facts, and the studies that view them.

A *record* is a fact: the number that one metric gave for one value, under a key that digests everything the number
depends on. A number once stored is never overwritten; only a stored failure gives way. A *study* is a named, ordered
list of planned keys. Changing the data of a study changes its keys, so old and new numbers never mix, and going back
finds the old ones again.

Kill a process at any moment: each transaction is in the file as a whole or not at all. Several processes may write.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from continuum.core import InvalidInputError, Point, StoreError, warn

from .exhibit_table import EXHIBIT_TABLE, Kept, KeptRow, put_exhibits, read_exhibits
from .items import ITEM_TABLE, drop_items, put_items, read_items
from .records import Record, Study, checksum, read_record, read_row, record_columns, row_columns
from .sqlite import BUSY_SECONDS, explained, switch_to_wal

__all__ = ["Store"]

_VERSION = "1"
_CHUNK = 10_000  # keys in one query; SQLite allows 32766

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, provenance TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value REAL, error TEXT, trace TEXT,"
    " build_s REAL NOT NULL, metric_s REAL NOT NULL, run INTEGER NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, axes TEXT NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS member (study TEXT, position INTEGER, key TEXT, label TEXT, role TEXT, point TEXT,"
    " metric TEXT, seed INTEGER, goal TEXT, unit TEXT, PRIMARY KEY (study, position)) WITHOUT ROWID",
    ITEM_TABLE,
    EXHIBIT_TABLE,
)
_PUT_STUDY = (
    "INSERT INTO study VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET axes = excluded.axes, checksum = excluded.checksum"
)
_PUT_MEMBER = "INSERT INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_RECORD = (
    "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value,"
    " error = excluded.error, trace = excluded.trace, build_s = excluded.build_s, metric_s = excluded.metric_s,"
    " run = excluded.run, checksum = excluded.checksum WHERE record.error IS NOT NULL"
)
_PROGRESS = "SELECT record.* FROM member LEFT JOIN record ON record.key = member.key WHERE member.study = ?"


class Store:
    """An open result store, to be used in a `with` block.

    Laws: `records` gives back what `write` was given; of two numbers under one key the first stays; a method succeeds
    as a whole, or raises `StoreError` and leaves the file as it was.
    """

    def __init__(self, target: str, path: str, *, uri: bool = False) -> None:
        with explained(path):
            # joblib pulls its tasks, hence our queries, from threads of its own.
            self._db = sqlite3.connect(
                target, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri
            )
        self._path, self._lock = path, threading.RLock()
        # Damaged text must reach the checksum and fail there, not in the decoder.
        self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")

    @classmethod
    def create(cls, path: str | os.PathLike[str] | None) -> Store:
        """Open the store at `path` for writing, made if it is not there; None gives one in memory."""
        name = ":memory:" if path is None else os.fspath(path)
        store = cls(name, name)
        with store._kept_open_if_usable():
            store._check_schema()  # before the first change: the file could be somebody else's database
            with store._reading() as db:
                switch_to_wal(db)
                db.execute("PRAGMA synchronous = NORMAL")
            with store._transaction() as db:
                for statement in _SCHEMA:
                    db.execute(statement)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (_VERSION,))
        return store

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Store:
        """Open the store at `path` for reading; the file and its folder may be read-only."""
        file = Path(path)
        if not file.is_file():
            raise StoreError(f"there is no result store at {file}; `evaluate(..., store=...)` makes one.")
        try:
            return cls._read(file, "mode=ro")
        except StoreError:
            if os.access(file.resolve().parent, os.W_OK):
                raise
            # Readers of a WAL file share memory through a file beside it, which a read-only folder refuses. Where
            # nobody can write, the file is immutable and they can do without.
            return cls._read(file, "mode=ro&immutable=1")

    @classmethod
    def _read(cls, file: Path, mode: str) -> Store:
        store = cls(f"{file.resolve().as_uri()}?{mode}", str(file), uri=True)
        with store._kept_open_if_usable():
            if store._check_schema() is None:
                raise StoreError(f"{file} is empty; `evaluate(..., store=...)` fills a result store.")
        return store

    def name_for(self, study: Study) -> str:
        """The name of `study`, with a number if another study has it already that has nothing in common."""
        for name in itertools.chain([study.name], (f"{study.name} {i}" for i in itertools.count(2))):
            with self._reading() as db:
                there = {key for (key,) in db.execute("SELECT key FROM member WHERE study = ?", (name,))}
            if not there or not there.isdisjoint(study.keys):
                break
        return name

    def plan(self, study: Study, provenance: Mapping[str, Any]) -> int:
        """Write a study, in place of an older one of that name, and the `provenance` of a new run.

        Damaged records of the study are reported and removed, so that they count as missing.

        Returns:
            The id of the run.
        """
        damaged = self._scan(study.keys)[1]
        _warn_of_damage(self._path, damaged)
        members = [row_columns(study.name, i, row) for i, row in enumerate(study.rows)]
        axes = json.dumps(study.axes)
        with self._transaction() as db:
            db.executemany("DELETE FROM record WHERE key = ?", [(key,) for key in damaged])
            drop_items(db, damaged)
            db.execute("DELETE FROM member WHERE study = ?", (study.name,))
            db.executemany(_PUT_MEMBER, members)
            db.execute(_PUT_STUDY, (study.name, axes, checksum((axes, members))))
            run = db.execute("INSERT INTO run (provenance) VALUES (?)", (json.dumps(provenance, allow_nan=False),))
        return int(run.lastrowid or 0)

    def write(self, records: Iterable[Record], run: int) -> None:
        """Add records in one transaction; a number that is there already stays, a failure is replaced."""
        records = list(records)
        facts = [record_columns(item) for item in records]
        with self._transaction() as db:
            db.executemany(_PUT_RECORD, [(*columns, run, checksum(columns)) for columns in facts])
            put_items(db, [(record.key, record.items) for record in records if record.items is not None])

    def records(self, keys: Sequence[str]) -> dict[str, Record]:
        """The intact records that have these keys; a warning counts the damaged ones."""
        intact, damaged = self._scan(keys)
        _warn_of_damage(self._path, damaged)
        return intact

    def names(self) -> tuple[str, ...]:
        """The names of all studies, oldest first."""
        with self._reading() as db:
            return tuple(name for (name,) in db.execute("SELECT name FROM study ORDER BY rowid"))

    def study(self, name: str) -> Study:
        """One study; only its rows are read, however many others the file holds."""
        with self._reading() as db:
            head = db.execute("SELECT name, axes, checksum FROM study WHERE name = ?", (name,)).fetchone()
            if head is None:
                raise InvalidInputError(f"there is no study {name!r} in this store; there are {list(self.names())}.")
            return self._study(*head)

    def progress(self, name: str) -> tuple[int, int, int]:
        """How many numbers of a study are planned, done and failed; damaged ones are none of the last two."""
        with self._reading() as db:
            rows = db.execute(_PROGRESS, (name,)).fetchall()
        there = [(columns[0], read_record(columns)) for columns in rows if columns[0] is not None]
        _warn_of_damage(self._path, [key for key, record in there if record is None])
        failed = sum(record is not None and record.error is not None for _, record in there)
        return len(rows), sum(record is not None for _, record in there) - failed, failed

    def studies(self) -> tuple[Study, ...]:
        """All studies, oldest first."""
        return tuple(self.study(name) for name in self.names())

    def runs(self, ids: Iterable[int] | None = None) -> tuple[dict[str, Any], ...]:
        """The provenance of these runs, or of all, oldest first."""
        with self._reading() as db:
            found = dict(db.execute("SELECT id, provenance FROM run"))
        wanted = sorted(found) if ids is None else sorted(set(ids))
        return tuple(self._parse(found[i]) for i in wanted if i in found)

    def keep(self, row: KeptRow) -> None:
        """Keep what a value looks like, in place of what was kept of it before."""
        with self._transaction() as db:
            put_exhibits(db, [row])

    def exhibits(self, study: Study) -> dict[tuple[str, Point], tuple[str, Kept]]:
        """What values of a study look like, by label and point, each with the identity of what drew it."""
        with self._reading() as db:
            return read_exhibits(db, study)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _study(self, name: str, axes: str, seen: int) -> Study:
        members = self._db.execute("SELECT * FROM member WHERE study = ? ORDER BY position", (name,)).fetchall()
        if checksum((axes, members)) != seen:
            raise StoreError(
                f"{self._path}: the plan of study {name!r} is damaged; call `evaluate` again: it renews the plan and "
                "computes only what is gone."
            )
        return Study(name, tuple(self._parse(axes)), tuple(read_row(columns) for columns in members))

    def _scan(self, keys: Sequence[str]) -> tuple[dict[str, Record], list[str]]:
        """The intact records by key, and the keys of the damaged ones."""
        found: dict[str, Record | None] = {}
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            query = f"SELECT * FROM record WHERE key IN ({','.join('?' * len(chunk))})"  # noqa: S608 -- only marks
            with self._reading() as db:
                found.update((columns[0], read_record(columns)) for columns in db.execute(query, tuple(chunk)))
                for key, items in read_items(db, chunk).items():
                    record = found.get(key)
                    found[key] = replace(record, items=items) if record and items else None
        intact = {key: item for key, item in found.items() if item is not None}
        return intact, [key for key in found if key not in intact]

    def _check_schema(self) -> str | None:
        """The schema version of the file, which is one that we know; None if the file is empty."""
        with self._reading() as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None
            if not {"meta", "record", "member"} <= tables:
                raise StoreError(f"{self._path} is an SQLite file but not a result store; name another file.")
            seen = str(dict(db.execute("SELECT name, value FROM meta")).get("schema"))
        if seen != _VERSION:
            newer = seen.isdigit() and int(seen) > int(_VERSION)
            remedy = "upgrade continuum" if newer else "name another file, or restore a copy"
            raise StoreError(f"{self._path} has schema {seen!r}, this version of continuum has {_VERSION!r}; {remedy}.")
        return seen

    def _parse(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise StoreError(f"{self._path} is damaged: it holds {text!r:.60} ({error}); restore a copy.") from error

    @contextmanager
    def _kept_open_if_usable(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self._path):
            yield self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            # IMMEDIATE waits here for other writers; a read lock that is upgraded later fails instead of waiting.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk makes SQLite roll back by itself
                    db.execute("ROLLBACK")
                raise


def _warn_of_damage(path: str, damaged: Sequence[str]) -> None:
    if damaged:
        warn(
            f"{path}: {len(damaged)} damaged record(s) (checksum mismatch) count as missing; `evaluate` computes them "
            "again. Check the disk if this recurs."
        )
