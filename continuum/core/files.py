"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import StoreError

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to be written in a `with` block, which appears at `path` complete or not at all.

    It is written beside `path`, brought to the disk, then renamed: a reader sees the old file or the new one, whenever
    the process is killed. A folder that is missing is made.

    Raises:
        StoreError: if it cannot be written; an older file of that name is then left as it was.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}; check its folder and the free disk space.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
