"""A similarity and a place in one integer: larger similarities first, and of equal ones the earlier place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .embeddings import Floats, Indices

__all__ = ["LEAST_KEY", "Keys", "best_first", "first_key", "pack", "places_of", "values_of"]

Keys = NDArray[np.int64]
_LOW = np.int64(0xFFFFFFFF)
_ALL_BUT_SIGN = np.int32(0x7FFFFFFF)


def pack(values: Floats, places: Indices) -> Keys:
    """Keys in the order of the values, and of equal values in the opposite order of the places, which are below 2^32.

    Example:
        >>> keys = pack(np.float32([0.5, 2.0, 0.5]), np.array([0, 1, 2]))
        >>> places_of(np.sort(keys)[::-1]).tolist()
        [1, 0, 2]
    """
    bits = (values + np.float32(0)).view(np.int32)  # the sum turns -0 into 0, which it equals
    bits ^= (bits >> 31) & _ALL_BUT_SIGN  # integers in the order of the floats
    keys = bits.astype(np.int64)
    keys <<= 32
    keys |= _LOW - places
    return keys


def values_of(keys: Keys) -> Floats:
    """The values in keys."""
    ordered = (keys >> 32).astype(np.int32)
    return (ordered ^ ((ordered >> 31) & _ALL_BUT_SIGN)).view(np.float32)


def places_of(keys: Keys) -> Indices:
    """The places in keys."""
    return _LOW - (keys & _LOW)


def first_key(keys: Keys) -> Keys:
    """The smallest keys of the same values."""
    return keys & ~_LOW


LEAST_KEY = pack(np.array([np.finfo(np.float32).min]), np.array([_LOW]))[0]  # below the key of every similarity


def best_first(scores: NDArray[np.floating], k: int) -> Indices:
    """Where the `k` largest scores are, descending; of equal ones the first.

    Example:
        >>> best_first(np.array([0.0, 2.0, 1.0, 2.0]), 3).tolist()
        [1, 3, 2]
    """
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
