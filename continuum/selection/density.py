"""How many near copies a point has among others."""

from __future__ import annotations

import numpy as np

from .digests import digests_of, first_of_equal
from .embeddings import Doubles, Embeddings, Floats, Indices

__all__ = ["densities"]

_BLOCK = 512  # points in a block: so that a block of pairs stays in the cache


def densities(pool: Embeddings, numbers: Indices, sigma: float, *, normalize: bool) -> Doubles:
    r"""$\rho_j = \sum_l \max(0, 1 - |x_j - x_l|^2 / \sigma^2)$ over some points of a pool, (len(numbers),).

    At least 1, for a point is near itself; c for a point that is there c times and has no others near. One matrix
    product for half of the pairs, of which a block is held at a time.

    Args:
        pool: points.
        numbers: which of them.
        sigma: $\sigma$.
        normalize: whether points are divided by their norms.
    """
    first, which = _distinct(pool, numbers)
    copies = np.bincount(which).astype(np.float64)
    found = copies.copy()
    for row in range(0, len(first), _BLOCK):
        rows = slice(row, row + _BLOCK)
        left = _left(_right(pool, numbers[first[rows]], sigma, normalize), sigma)
        for column in range(row, len(first), _BLOCK):
            columns = slice(column, column + _BLOCK)
            right = _right(pool, numbers[first[columns]], sigma, normalize)
            near = left @ right.T
            if row == column:
                np.fill_diagonal(near, 0)
            if near.max() <= 0:
                continue
            np.maximum(near, 0, out=near)
            found[rows] += near @ copies[columns]
            if row != column:
                found[columns] += copies[rows] @ near
    return found[which]


def _distinct(pool: Embeddings, numbers: Indices) -> tuple[Indices, Indices]:
    """Which of the points are the first of equal ones, and which of those each point equals."""
    digests = [digests_of(pool.rows(numbers[start : start + _BLOCK])) for start in range(0, len(numbers), _BLOCK)]
    return first_of_equal(np.concatenate(digests))


def _right(pool: Embeddings, numbers: Indices, sigma: float, normalize: bool) -> Floats:
    r"""Points x as $(x,\, 1,\, -|x|^2 / \sigma^2)$."""
    rows = pool.rows(numbers)
    squared = np.vecdot(rows, rows)
    found = np.empty((len(rows), rows.shape[1] + 2), np.float32)
    if normalize:
        np.divide(rows, np.sqrt(np.where(squared > 0, squared, 1))[:, None], out=found[:, :-2])
        squared = squared > 0
    else:
        found[:, :-2] = rows
    found[:, -2], found[:, -1] = 1, squared * (-1 / sigma**2)
    return found


def _left(right: Floats, sigma: float) -> Floats:
    r"""Vectors of which the products with those of other points are $1 - |x - y|^2 / \sigma^2$."""
    found = right * np.float32(2 / sigma**2)
    found[:, -2], found[:, -1] = 1 + right[:, -1], 1
    return found
