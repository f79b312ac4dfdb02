"""Digests of rows, by which equal rows are found without comparing all pairs."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .embeddings import Floats, Indices

__all__ = ["digests_of", "first_of_equal"]

_BYTES = 16  # of a digest: two different rows share one with a probability below 1e-26 for a billion rows


def digests_of(rows: Floats) -> NDArray[np.void]:
    """A digest of each row; equal rows have the same, and others another."""
    rows = np.ascontiguousarray(rows + np.float32(0))  # -0 equals 0
    found = b"".join(hashlib.blake2b(row, digest_size=_BYTES).digest() for row in rows)
    return np.frombuffer(found, f"V{_BYTES}")


def first_of_equal(digests: NDArray[np.void]) -> tuple[Indices, Indices]:
    """Where each distinct digest appears first, ascending, and which of these each one is.

    Example:
        >>> first, which = first_of_equal(digests_of(np.float32([[1, 0], [0, 1], [1, 0]])))
        >>> first.tolist(), which.tolist()
        ([0, 1], [0, 1, 0])
    """
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[which]
