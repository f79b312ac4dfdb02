"""What can be selected from: anything that has a length and gives some of its members."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError

__all__ = ["size", "take"]


def size(pool: Any, name: str = "pool") -> int:
    """Number of examples.

    Raises:
        InvalidInputError: if the pool has no length, is a string or is empty.
    """
    try:
        n = operator.index(len(pool))
    except TypeError:
        n = 0
    if n == 0 or isinstance(pool, str | bytes):
        raise InvalidInputError(
            f"`{name}` must hold at least one example: a sequence, an array or a data set, got {_seen(pool)}."
        )
    return n


def take(pool: Any, indices: NDArray[np.integer[Any]]) -> Any:
    """The examples at some places, as a pool of the same kind.

    Data sets with a method `subset`, as `LabelledDataset`, are asked for it; of tables of pandas rows are taken; arrays
    and tensors are indexed; of any other sequence a list is made.

    Args:
        pool: what to take from.
        indices: places (k,), in the order of the result.

    Example:
        >>> take(["a", "b", "c"], np.array([2, 0]))
        ['c', 'a']
    """
    if hasattr(pool, "subset"):
        return pool.subset(indices)
    if hasattr(pool, "iloc"):
        return pool.iloc[indices]
    if hasattr(pool, "shape"):
        return pool[indices]
    return [pool[int(i)] for i in indices]


def _seen(pool: Any) -> str:
    return repr(pool) if isinstance(pool, str | bytes | list | tuple) else type(pool).__name__
