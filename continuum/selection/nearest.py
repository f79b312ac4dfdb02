"""The candidates that are most similar to each query, found in one pass over the pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .embeddings import Indices
from .keys import Keys, first_key, pack, values_of
from .products import Products
from .sample import Sample, sample_of

__all__ = ["Above", "keys_above", "nearest_keys"]

_DEVIATIONS = (4.0, 16.0, np.inf)  # the first nearly always suffices, the last always


@dataclass(frozen=True, eq=False)
class Above:
    """Keys of candidates above a threshold, those of each direction together.

    Attributes:
        keys: (count,).
        lengths: how many each direction has, (u,).
    """

    keys: Keys
    lengths: Indices

    def __iter__(self) -> Iterator[Keys]:
        """The keys of each direction, a view."""
        return iter(np.split(self.keys, np.cumsum(self.lengths)[:-1]))


def keys_above(products: Products, least: Keys, without: NDArray[np.bool_] | None = None) -> Above:
    """Keys of all candidates at or above a threshold of each direction.

    Args:
        products: of the pool with the directions.
        least: the smallest key that counts, (u,).
        without: candidates that do not count, (n,).
    """
    floor, u = values_of(least), products.u
    has_ties = (least != first_key(least)).any()  # then of equal values not all count
    keys, which = [], []
    for start, block in products.blocks():
        if without is not None:
            block[without[start : start + len(block)]] = -np.inf
        hits = np.flatnonzero(block >= floor)
        rows = hits // u
        columns = hits - rows * u
        found, columns = pack(block.ravel()[hits], start + rows), columns.astype(np.min_scalar_type(u))
        if has_ties:
            counts = found >= least[columns]
            found, columns = found[counts], columns[counts]
        keys.append(found)
        which.append(columns)
    directions = np.concatenate(which)
    order = np.argsort(directions, kind="stable")
    return Above(np.concatenate(keys)[order], np.bincount(directions, minlength=u))


def nearest_keys(products: Products, count: int, sample: Sample | None = None) -> Keys:
    """Keys of the `count` most similar candidates to each direction, (u, count), in no order."""
    sample = sample_of(products) if sample is None else sample
    for deviations in _DEVIATIONS:
        found = keys_above(products, sample.threshold(count, deviations))
        if found.lengths.min() >= count:
            break
    best = np.empty((products.u, count), np.int64)
    for row, keys in zip(best, found, strict=True):
        rest = len(keys) - count
        keys.partition(rest)
        row[:] = keys[rest:]
    return best
