"""Examples that are there twice, and examples of the query that are in the pool."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import as_array, check_count, check_share, fingerprint

from .embeddings import Embeddings
from .ordering import Ordering
from .pools import size

__all__ = ["distinct", "drop_near_duplicates", "overlap"]

_BYTES = 16  # of the digest of a row


def distinct(pool: Any) -> NDArray[np.int64]:
    """Positions of examples that are not equal to an earlier one, ascending.

    Texts are compared as they are, arrays row by row, labelled data sets by features and labels, other examples by
    their `fingerprint`.

    Args:
        pool: what may hold examples twice.

    Example:
        >>> distinct(["a", "b", "a", "c"])
        array([0, 1, 3])
    """
    first: dict[Hashable, int] = {}
    for place, key in enumerate(_keys(pool)):
        first.setdefault(key, place)
    return np.fromiter(first.values(), np.int64, len(first))


def overlap(pool: Any, query: Any) -> NDArray[np.int64]:
    """Positions in the pool of examples that are in the query too; compared as in `distinct`.

    Example:
        >>> overlap(["a", "b", "a"], ["a", "x"])
        array([0, 2])
    """
    wanted = set(_keys(query))
    return np.array([place for place, key in enumerate(_keys(pool)) if key in wanted], np.int64)


def drop_near_duplicates(ordering: Ordering, pool: Any, cosine: float, *, k_max: int | None = None) -> Ordering:
    """An ordering without examples that are too like one before them; prefixes stay prefixes.

    Args:
        ordering: of the pool.
        pool: embeddings of the candidates, (n, d).
        cosine: two examples as like as this are not both kept.
        k_max: at how many examples to stop; None for the end.

    Raises:
        InvalidInputError: if `cosine` is not in [0, 1].

    Example:
        >>> order = Ordering([0, 1, 2], [3.0, 2.0, 1.0], n=3)
        >>> drop_near_duplicates(order, [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], 0.9).indices
        array([0, 2])
    """
    check_share("cosine", cosine)
    if k_max is not None:
        check_count("k_max", k_max)
    rows = Embeddings(pool)
    kept = np.empty((min(len(ordering), k_max or len(ordering)), rows.d), np.float32)
    places: list[int] = []
    for place, index in enumerate(ordering.indices):
        row = rows.rows(np.array([index]))[0]
        row = row / (np.linalg.norm(row) or 1)
        if not len(places) or (kept[: len(places)] @ row).max() < cosine:
            kept[len(places)] = row
            places.append(place)
            if len(places) == len(kept):
                break
    return Ordering(ordering.indices[places], ordering.scores[places], ordering.n, ordering.nested)


def _keys(pool: Any) -> list[Hashable]:
    """What is equal for equal examples."""
    if hasattr(pool, "x") and hasattr(pool, "y"):
        return list(zip(_rows(pool.x), _rows(pool.y), strict=True))
    if hasattr(pool, "shape") and hasattr(pool, "dtype"):
        return _rows(pool)
    return [item if isinstance(item, str) else fingerprint(item) for item in (pool[i] for i in range(size(pool)))]


def _rows(array: Any) -> list[Hashable]:
    found = as_array(array)
    if found.dtype.hasobject:
        return list(map(repr, found.tolist()))
    return [hashlib.blake2b(row.tobytes(), digest_size=_BYTES).digest() for row in found]
