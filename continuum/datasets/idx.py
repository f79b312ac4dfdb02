"""The IDX format of the MNIST family: a magic number, the shape, then raw bytes.

The file `train-images-idx3-ubyte` is also spelled `train-images.idx3-ubyte`, and either may be gzipped.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from continuum.core.errors import InvalidInputError

__all__ = ["find_idx_folders", "parse_idx", "read_idx", "read_idx_pair"]

_STEMS = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 0x08


def parse_idx(data: bytes, *, where: str = "data") -> NDArray[np.uint8]:
    """The array of unsigned bytes that an IDX file holds.

    Args:
        data: the whole file, plain or gzipped.
        where: the name of the file, for messages.

    Returns:
        A read-only array that shares the memory of `data` if that was not gzipped.

    Raises:
        InvalidInputError: if `data` is no IDX file, is cut off, or holds something else than unsigned bytes.
    """
    data = _gunzip(data, where)
    start, shape = _header(data, where)
    expected, seen = math.prod(shape), len(data) - start
    if seen != expected:
        raise InvalidInputError(
            f"`{where}` announces shape {shape}, {expected} bytes, but holds {seen}: "
            f"it is {'cut off' if seen < expected else 'followed by something else'}; copy it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, plain or gzipped; see `parse_idx`."""
    return parse_idx(Path(path).read_bytes(), where=str(path))


def find_idx_folders(root: str | Path, part: str) -> Iterator[Path]:
    """The folders at or below `root` with the images of one part ("train" or "test"), in alphabetical order."""
    for folder, subfolders, _ in os.walk(root):
        subfolders.sort()
        if _locate(Path(folder), part, "images"):
            yield Path(folder)


def read_idx_pair(folder: str | Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and labels of one part ("train" or "test") from a folder with the usual file names.

    Raises:
        InvalidInputError: if one of the two files is not there or cannot be parsed.
    """
    return _read_kind(Path(folder), part, "images"), _read_kind(Path(folder), part, "labels")


def _read_kind(folder: Path, part: str, kind: str) -> NDArray[np.uint8]:
    path = _locate(folder, part, kind)
    if path is None:
        raise InvalidInputError(f"`{folder}` holds no {kind} of the {part} part: put `{_name(part, kind)}` there")
    return read_idx(path)


def _gunzip(data: bytes, where: str) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InvalidInputError(f"`{where}` is not whole: {error}; copy it again") from error


def _header(data: bytes, where: str) -> tuple[int, tuple[int, ...]]:
    """Where the values start, and their shape."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[3] == 0:
        raise InvalidInputError(f"`{where}` is not an IDX file: it starts with {data[:4].hex(' ') or 'nothing'}")
    if data[2] != _UNSIGNED_BYTE:
        raise InvalidInputError(f"`{where}` holds IDX type 0x{data[2]:02x}; only unsigned bytes (0x08) are read")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise InvalidInputError(f"`{where}` is cut off inside its header, after {len(data)} bytes; copy it again")
    return start, tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))


def _locate(folder: Path, part: str, kind: str) -> Path | None:
    plain = _name(part, kind)
    spellings = (plain, plain.replace("-idx", ".idx"))
    candidates = (folder / f"{name}{ending}" for name in spellings for ending in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _name(part: str, kind: str) -> str:
    return f"{_STEMS[part]}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"
