"""Representations: examples as vectors whose inner products say how alike two of them are."""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError

from .pools import size

__all__ = ["EncodesQueries", "Representation", "embeddings"]


@runtime_checkable
class Representation(Protocol):
    """A map of examples to vectors; anything with these members is one.

    The vector of an example depends on the example and on what was fitted, never on the examples that are encoded with
    it: a pool may be encoded in parts.
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def fit(self, pool: Any, query: Any = None, /) -> Self:
        """One of this kind that can encode; itself if there is nothing to be learnt from the pool."""
        ...

    def encode(self, items: Any, /) -> NDArray[Any]:
        """Vectors (n, d) of n examples of the pool."""
        ...


@runtime_checkable
class EncodesQueries(Protocol):
    """A representation in which examples of the query are encoded in another way than those of the pool."""

    def encode_query(self, items: Any, /) -> NDArray[Any]:
        """Vectors (m, d) of m examples of the query."""
        ...


def embeddings(representation: Representation, pool: Any, query: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Vectors (n, d) of a pool and (m, d) of a query, of a representation that is fitted to them first.

    Raises:
        InvalidInputError: if the pool or the query is empty, or vectors are no matrix of floats with a row for each.
        IncompatibleError: if the two have another number of coordinates.
    """
    counts = size(pool), size(query, "query")
    fitted = representation.fit(pool, query)
    of_query = fitted.encode_query if isinstance(fitted, EncodesQueries) else fitted.encode
    found = fitted.encode(pool), of_query(query)
    for side, vectors, n in zip(("pool", "query"), found, counts, strict=True):
        shape = np.shape(vectors)
        if len(shape) != 2 or shape[0] != n:
            raise InvalidInputError(
                f"{representation.name!r} must encode the {n} examples of the {side} as ({n}, d), got shape {shape}."
            )
    if found[0].shape[1] != found[1].shape[1]:
        raise IncompatibleError(
            f"{representation.name!r} encodes the pool in {found[0].shape[1]} coordinates and the query in "
            f"{found[1].shape[1]}; use one representation for both."
        )
    return found
