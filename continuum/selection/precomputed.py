"""Embeddings that are there already, in memory or on the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, MissingDataError, StoreError

from .pools import size

__all__ = ["Precomputed", "open_array"]


@dataclass(frozen=True, eq=False)
class Precomputed:
    """Embeddings of one pool and one query, made before: row j is of example j.

    Files are mapped, not read: only the rows that are used at a moment are in memory.

    Args:
        pool: vectors (n, d): an array, or the path of a ``.npy`` file.
        query: vectors (m, d); None if there are none.
        name: what tables call it.

    Raises:
        MissingDataError: if a file is not there.
        StoreError: if it cannot be read as one array of numbers; pickles are not.

    Example:
        >>> Precomputed(np.eye(3), np.ones((1, 3))).encode(["a", "b", "c"]).shape
        (3, 3)
    """

    pool: Any
    query: Any = None
    name: str = "precomputed"

    def __post_init__(self) -> None:
        for side in ("pool", "query"):
            given = getattr(self, side)
            if isinstance(given, str | os.PathLike):
                object.__setattr__(self, side, open_array(Path(given)))

    def fit(self, pool: Any, query: Any = None) -> Self:
        """Itself: there is nothing to be learnt."""
        return self

    def encode(self, items: Any) -> NDArray[Any]:
        """The vectors of the pool, of which `items` must be as many as there are.

        Raises:
            IncompatibleError: if they are not.
        """
        return _checked(self.pool, items, "pool")

    def encode_query(self, items: Any) -> NDArray[Any]:
        """The vectors of the query.

        Raises:
            InvalidInputError: if there are none.
            IncompatibleError: if they are not as many as the items.
        """
        if self.query is None:
            raise InvalidInputError("there are no vectors of a query: pass `query` to Precomputed.")
        return _checked(self.query, items, "query")


def open_array(path: Path) -> NDArray[Any]:
    """The array in a ``.npy`` file, mapped read-only.

    Raises:
        MissingDataError: if there is no such file.
        StoreError: if it is no array of numbers.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except FileNotFoundError as error:
        raise MissingDataError(f"there is no file {path}.") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be mapped as an array of numbers: {error}.") from error


def _checked(vectors: Any, items: Any, side: str) -> NDArray[Any]:
    if len(vectors) != size(items, side):
        raise IncompatibleError(
            f"{len(vectors)} vectors of the {side} were computed, for {size(items, side)} examples."
        )
    found: NDArray[Any] = vectors
    return found
