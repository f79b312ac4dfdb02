"""Embeddings on the disk, made in batches: whoever is interrupted goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from continuum.core import IncompatibleError, InvalidInputError, StoreError, admit_path, check_count, whole_file

from .pools import size, take
from .precomputed import open_array

__all__ = ["extract"]

_ARRAY, _STATE = "array.npy", "state.json"
_CLOSE = 0.01  # relative to the largest coordinate of a row; half precision and other batches differ by a tenth of this

Encode = Callable[[Any], NDArray[Any]]


def extract(
    encode: Encode,
    items: Any,
    path: str | os.PathLike[str],
    *,
    batch_size: int = 256,
    dtype: Any = np.float32,
    progress: bool = True,
) -> NDArray[Any]:
    """Encode examples into a ``.npy`` file, and map it.

    The file appears when all are encoded. Until then they are in a folder beside it, ``<path>.part``: if the process is
    killed at any moment, the same call goes on with the first batch that is not on the disk. A file that is complete is
    not made again. In both cases three rows are encoded anew and compared, so that nothing of another pool or
    representation is taken for this one's.

    Args:
        encode: gives (b, d) for b examples, each by itself: `encode` or `encode_query` of a fitted representation.
        items: the examples.
        path: the file.
        batch_size: examples that are encoded, and lost by a kill, at a time.
        dtype: of the file, float32 or float16.
        progress: whether a bar is shown on a terminal.

    Returns:
        (n, d), mapped read-only.

    Raises:
        InvalidInputError: if a vector is not finite, also in the dtype of the file, or the shape is not (b, d).
        IncompatibleError: if what is there already is of other examples, another representation or dtype.
        StoreError: if the file cannot be written.

    Example:
        >>> import tempfile
        >>> lengths = lambda words: np.array([[float(len(word))] for word in words])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     extract(lengths, ["a", "bcd"], f"{folder}/x.npy").tolist()
        [[1.0], [3.0]]
    """
    check_count("batch_size", batch_size)
    wanted = np.dtype(dtype)
    if wanted not in (np.float16, np.float32, np.float64):
        raise InvalidInputError(f"`dtype` must be a float type, got {wanted}.")
    target, n = admit_path("path", path), size(items, "items")
    if not target.exists():
        _fill(_Partial(target, n, wanted), encode, items, batch_size, progress)
    found = open_array(target)
    if found.ndim != 2 or len(found) != n or found.dtype != wanted:
        raise IncompatibleError(
            f"{target} holds {found.dtype} of shape {found.shape}, not {wanted} for {n} examples; choose another path."
        )
    _check_rows(found, encode, items, target)
    return found


@dataclass(frozen=True)
class _Partial:
    """A file in the making: whole rows up to a number that is written down after them."""

    target: Path
    n: int
    dtype: np.dtype[Any]

    @property
    def folder(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    def state(self) -> tuple[int, int]:
        """How many rows are on the disk, and their length; (0, 0) if none are."""
        try:
            state = json.loads((self.folder / _STATE).read_text())
        except FileNotFoundError:
            return 0, 0
        except ValueError as error:
            raise StoreError(f"{self.folder / _STATE} is damaged: {error}; remove {self.folder}.") from error
        if (state["n"], state["dtype"]) != (self.n, self.dtype.name):
            raise IncompatibleError(
                f"{self.folder} is of {state['n']} examples in {state['dtype']}, not {self.n} in {self.dtype}; choose "
                "another path, or remove it."
            )
        return state["done"], state["d"]

    def begin(self, d: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (self.n, d)}
        with (self.folder / _ARRAY).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + self.n * d * self.dtype.itemsize)

    def write(self, rows: NDArray[Any], start: int) -> None:
        """Rows from a place on. Plain writing: a full disk is then an error, and not the end of the process."""
        d = rows.shape[1]
        with (self.folder / _ARRAY).open("r+b") as file:
            length = d * self.dtype.itemsize
            file.seek(os.fstat(file.fileno()).st_size - (self.n - start) * length)
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())
        state = {"n": self.n, "d": d, "dtype": self.dtype.name, "done": start + len(rows)}
        with whole_file(self.folder / _STATE) as file:
            file.write(json.dumps(state).encode())

    def rows(self) -> NDArray[Any]:
        return open_array(self.folder / _ARRAY)

    def finish(self) -> None:
        os.replace(self.folder / _ARRAY, self.target)
        shutil.rmtree(self.folder, ignore_errors=True)


def _fill(partial: _Partial, encode: Encode, items: Any, batch_size: int, progress: bool) -> None:
    try:
        _go_on(partial, encode, items, batch_size, progress)
        partial.finish()
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{partial.target} cannot be written: {error}; what was encoded so far is kept.") from error


def _go_on(partial: _Partial, encode: Encode, items: Any, batch_size: int, progress: bool) -> None:
    done, d = partial.state()
    if done:
        _check_rows(partial.rows()[:done], encode, items, partial.folder)
    # tqdm reads `disable=None` as "unless this is a terminal".
    silent = None if progress else True
    with tqdm(total=partial.n, initial=done, desc="encoding", file=sys.stderr, disable=silent) as bar:
        for start in range(done, partial.n, batch_size):
            rows = _encoded(encode, items, np.arange(start, min(start + batch_size, partial.n)), partial.dtype)
            if start == 0:
                d = rows.shape[1]
                partial.begin(d)
            if rows.shape[1] != d:
                raise InvalidInputError(
                    f"`encode` gave {d} coordinates before, and {rows.shape[1]} from row {start} on."
                )
            partial.write(rows, start)
            bar.update(len(rows))


def _encoded(encode: Encode, items: Any, places: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    given = np.asarray(encode(take(items, places)))
    if given.ndim != 2 or len(given) != len(places):
        raise InvalidInputError(f"`encode` must give ({len(places)}, d) for {len(places)} examples, got {given.shape}.")
    with np.errstate(over="ignore"):
        rows = given.astype(dtype)
    bad = ~np.isfinite(rows).all(1)
    if bad.any():
        place = places[int(bad.argmax())]
        raise InvalidInputError(
            f"the vector of example {place} is not finite in {dtype}; leave it out, or widen `dtype`."
        )
    return rows


def _check_rows(rows: NDArray[Any], encode: Encode, items: Any, where: Path) -> None:
    """Refuse rows that are not what three of the examples are encoded as now."""
    places = np.unique([0, len(rows) // 2, len(rows) - 1])
    now = _encoded(encode, items, places, rows.dtype)
    if now.shape[1] == rows.shape[1]:
        then = rows[places].astype(float)
        if (abs(now - then).max(1) <= _CLOSE * abs(then).max(1)).all():
            return
    raise IncompatibleError(
        f"{where} is of other examples, or of another representation; choose another path, or remove it."
    )
