"""Files and folders that are written as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import ContinuumError, StoreError

__all__ = ["whole_file", "whole_folder"]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to be written in a `with` block, which appears at `path` complete or not at all.

    It is written beside `path`, brought to the disk, then renamed: a reader sees the old file or the new one, whenever
    the process is killed. A folder that is missing is made.

    Raises:
        StoreError: if it cannot be written; an older file of that name is then left as it was.
    """
    temporary = _sibling(path)
    with _as_store_error(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to be filled in a `with` block, which appears at `path` complete or not at all.

    It is filled beside `path`, its files are brought to the disk, then it is renamed. Folders that are missing on the
    way are made. Unlike `whole_file` it replaces nothing: a folder can hold what is not ours to delete.

    Raises:
        StoreError: if `path` is there already, unless as an empty folder, or if the folder cannot be written.
    """
    _refuse_what_is_there(path)
    temporary = _sibling(path)
    with _as_store_error(path):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            _bring_to_disk(temporary)
            with suppress(FileNotFoundError):
                path.rmdir()  # only an empty folder; where one came to hold something meanwhile, this is an error
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _sibling(path: Path) -> Path:
    """A name beside `path`, on the same disk, that no one else uses."""
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")


def _refuse_what_is_there(path: Path) -> None:
    if path.is_dir() and any(path.iterdir()):
        raise StoreError(f"{path} is a folder that holds files already: choose another, or remove it first.")
    if path.exists() and not path.is_dir():
        raise StoreError(f"{path} is a file, where a folder is to be written: choose another name.")


def _bring_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                os.fsync(file.fileno())


@contextmanager
def _as_store_error(path: Path) -> Iterator[None]:
    try:
        yield
    except ContinuumError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}; check its folder and the free disk space.") from error
