"""Similarities of a pool to a query, a block at a time: never all n times m of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, check_count, check_positive

from .embeddings import Doubles, Embeddings, Floats, Indices, check_finite
from .keys import places_of, values_of
from .nearest import nearest_keys
from .products import Products
from .softmax import soft_votes

__all__ = ["Nearest", "SimilaritySource", "source_of"]


class Nearest(NamedTuple):
    """The most similar candidates of each query.

    Attributes:
        values: similarities, (m, count), descending.
        indices: positions in the pool, (m, count); ascending where values are equal.
    """

    values: Floats
    indices: Indices


@dataclass(frozen=True, eq=False)
class SimilaritySource:
    r"""Cosines, or inner products, $s_{ij}$ of queries i with candidates j, computed as they are needed.

    One pass over the pool is one product of an (m, d) and a (d, n) matrix in float32, of which a tile is held at a
    time. A candidate has the same similarities, bit for bit, wherever it stands in the pool and whatever `block` is:
    equal candidates tie exactly. Equal queries are computed once. A vector of zeros has similarity 0 to everything.

    Args:
        pool: embeddings of the candidates, (n, d): an array, a memory map or a tensor, of any real dtype.
        query: embeddings of examples of the task, (m, d).
        normalize: whether similarity is the cosine; otherwise it is the inner product.
        block: candidates that are read at a time.
        keep: bytes of similarities that may be kept by a method which looks at them twice; what is more is computed
            twice. Most look once.

    Raises:
        InvalidInputError: if either is empty or no matrix, or a query is not finite. A candidate that is not finite
            is refused when it is read.
        IncompatibleError: if they differ in dimension.

    Example:
        >>> source = SimilaritySource(np.eye(3), [[2.0, 0.0, 0.0], [0.0, 3.0, 4.0]])
        >>> source.column_max().round(2)
        array([1. , 0.6, 0.8], dtype=float32)
    """

    pool: Any
    query: Any
    _: KW_ONLY
    normalize: bool = True
    block: int = 1024
    keep: int = 1 << 27

    def __post_init__(self) -> None:
        check_count("block", self.block)
        check_count("keep", self.keep, least=0)
        if self._pool.d != self._query.d:
            raise IncompatibleError(f"`pool` has embeddings of {self._pool.d} numbers, `query` of {self._query.d}.")

    @cached_property
    def _pool(self) -> Embeddings:
        return Embeddings(self.pool, "pool")

    @cached_property
    def _query(self) -> Embeddings:
        return Embeddings(self.query, "query")

    @property
    def n(self) -> int:
        """Number of candidates."""
        return self._pool.n

    @property
    def m(self) -> int:
        """Number of queries."""
        return self._query.n

    @cached_property
    def products(self) -> Products:
        """The similarities to the distinct queries, in the order of their first appearance."""
        return self.towards(self._distinct[0])

    @cached_property
    def distinct(self) -> Indices:
        """Which of the distinct queries each query is, (m,)."""
        return self._distinct[1]

    @cached_property
    def repeats(self) -> Indices:
        """How often each distinct query appears; m in all."""
        return np.bincount(self.distinct)

    @property
    def shares(self) -> Doubles:
        """The share of each distinct query among the queries; they sum to 1."""
        return self.repeats / self.m

    @cached_property
    def _distinct(self) -> tuple[Floats, Indices]:
        rows = self._query.rows(slice(None)).astype(np.float64)
        check_finite("query", rows, np.arange(self.m))
        return _distinct_rows(self._unit(rows).astype(np.float32))

    def towards(self, directions: NDArray[np.floating]) -> Products:
        """Products of the candidates, of length 1 where similarity is the cosine, with vectors as they are, (u, d)."""
        return Products(self._pool, np.ascontiguousarray(directions, np.float32), self.normalize, self.block)

    def directions(self, indices: Indices) -> Floats:
        """Some candidates, of length 1 where similarity is the cosine, (len(indices), d)."""
        rows = self._pool.rows(indices).astype(np.float64)
        check_finite("pool", rows, indices)
        return self._unit(rows).astype(np.float32)

    def _unit(self, rows: Doubles) -> Doubles:
        """Rows of length 1 where similarity is the cosine; zeros stay zeros."""
        if not self.normalize:
            return rows
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(norms > 0, norms, 1)

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """The number of the first candidate of each tile, and its similarities, (candidates, m)."""
        for start, block in self.products.blocks():
            yield start, block[:, self.distinct]

    def top(self, count: int) -> Nearest:
        """The most similar candidates of each query.

        Args:
            count: how many for each.

        Raises:
            InvalidInputError: if there are fewer candidates.
        """
        check_count("count", count, most=self.n)
        keys = np.sort(nearest_keys(self.products, count), axis=1)[self.distinct, ::-1]
        return Nearest(values_of(keys), places_of(keys))

    def column_max(self) -> Floats:
        """The largest similarity of each candidate to a query, (n,)."""
        return self.products.largest()

    def column_mean(self) -> Floats:
        """The mean similarity of each candidate to the queries, (n,): by linearity, that to their mean."""
        return self.towards((self.repeats @ self.products.directions)[None] / self.m).largest()

    def softmax_mass(self, epsilon: float) -> Doubles:
        r"""What each candidate receives if each query spreads $1/m$ in proportion to $e^{s_{ij} / 2 \epsilon}$, (n,).

        Args:
            epsilon: as in `SoftmaxUOT`.
        """
        check_positive("epsilon", epsilon)
        return soft_votes(self.products, self.shares, 2 * epsilon, self.keep).masses


def source_of(pool: Any, query: Any) -> SimilaritySource:
    """The similarities of a pool to a query, or those given in its place.

    Raises:
        InvalidInputError: if there is no query.
        IncompatibleError: if there are two.
    """
    if not isinstance(pool, SimilaritySource):
        if query is None:
            raise InvalidInputError("`query` is missing: give embeddings of examples of the task, (m, d).")
        return SimilaritySource(pool, query)
    if query is not None:
        raise IncompatibleError("`query` must be None where `pool` is a SimilaritySource, which has one.")
    return pool


def _distinct_rows(rows: Floats) -> tuple[Floats, Indices]:
    """The distinct rows in the order of their first appearance, and which of them each row is."""
    whole = np.ascontiguousarray(rows + np.float32(0)).view(f"V{rows.shape[1] * rows.itemsize}")[:, 0]
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return rows[first[order]], np.argsort(order)[which]
