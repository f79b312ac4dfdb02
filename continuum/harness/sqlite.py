"""What SQLite needs to be told: to wait for others, and to say in our words what went wrong."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from continuum.core import StoreError

__all__ = ["BUSY_SECONDS", "explained", "switch_to_wal"]

BUSY_SECONDS = 30.0  # the default of 5 s is too short for many workers on a slow disk

_REMEDIES = {
    "SQLITE_NOTADB": "it is not a result store; name another file",
    "SQLITE_CORRUPT": "it is damaged; restore a copy, or rescue what is left with `sqlite3 FILE .recover`",
    "SQLITE_FULL": "free some disk space and run the same command again; what was stored before is intact",
    "SQLITE_IOERR": "check the disk (space, quota, size limit) and run the same command again; what was stored before "
    "is intact",
    "SQLITE_READONLY": "make the file and its folder writable, or work on a copy",
    "SQLITE_CANTOPEN": "its folder must exist and be writable",
    "SQLITE_BUSY": f"another process held it for more than {BUSY_SECONDS:g} s; wait for it or end it",
}


def switch_to_wal(db: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side.

    This is the one statement for which SQLite does not wait for others by itself: two processes that make a store at
    the same moment would meet "database is locked" at once.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn what SQLite raises into a `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "")  # such as SQLITE_IOERR_WRITE
        remedy = next((text for name, text in _REMEDIES.items() if code.startswith(name)), "restore a copy of it")
        raise StoreError(f"the result store {path} cannot be used: {error} ({code or 'SQLite'}); {remedy}.") from error
