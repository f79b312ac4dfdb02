"""Products of a pool with a few directions, a tile of the pool at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from continuum.core import InvalidInputError

from .embeddings import Embeddings, Floats, Indices, check_finite

__all__ = ["Products"]

_TILE = 1024  # rows of one matrix product: a multiple of what any kernel of a BLAS takes together
_TILE_NUMBERS = 1 << 22  # results of one product at most; for very many directions it has fewer rows
_LEAST_TILE = 64
_SMALL, _LARGE = 1e-25, 1e30  # squared norms between these are exact enough in float32


@dataclass(frozen=True, eq=False)
class Products:
    """Inner products of rows of a pool, or of their directions, with the rows of a small matrix.

    All matrix products have the same shape, the last one filled up with zeros. A row of the pool so has the same
    results, bit for bit, wherever it stands.

    Args:
        pool: (n, d).
        directions: (u, d).
        normalize: whether rows of the pool are divided by their norms; zeros stay zeros.
        block: rows that are read at a time, rounded up to whole tiles.
    """

    pool: Embeddings
    directions: Floats
    normalize: bool
    block: int = _TILE

    @property
    def n(self) -> int:
        """Number of rows of the pool."""
        return self.pool.n

    @property
    def u(self) -> int:
        """Number of directions."""
        return len(self.directions)

    @cached_property
    def tile(self) -> int:
        """Rows of the pool in one product, a power of two."""
        rows = max(_TILE_NUMBERS // self.u, _LEAST_TILE)
        return min(_TILE, 1 << rows.bit_length() - 1)

    def blocks(self, first: int = 0) -> Iterator[tuple[int, Floats]]:
        """The number of the first row of each tile, and its products, (rows, u), valid until the next one.

        Args:
            first: the row to begin with, the first one of a tile.
        """
        size, room = -(-self.block // self.tile) * self.tile, self._room()
        for start in range(first, self.n, size):
            rows = self.pool.rows(slice(start, start + size))
            for begin in range(0, len(rows), self.tile):
                some = rows[begin : begin + self.tile]
                yield start + begin, self._product(some, np.arange(start + begin, start + begin + len(some)), room)

    def of(self, numbers: Indices) -> Floats:
        """The products of some rows of the pool, (len(numbers), u)."""
        found, room = np.empty((len(numbers), self.u), np.float32), self._room()
        for start in range(0, len(numbers), self.tile):
            some = numbers[start : start + self.tile]
            found[start : start + self.tile] = self._product(self.pool.rows(some), some, room)
        return found

    def largest(self) -> Floats:
        """The largest product of each row, (n,)."""
        found = np.empty(self.n, np.float32)
        for start, block in self.blocks():
            # torch looks for a maximum along rows four times as fast as NumPy
            torch.amax(torch.from_numpy(block), 1, out=torch.from_numpy(found[start : start + len(block)]))
        return found

    def _room(self) -> Floats:
        return np.empty((self.tile, self.u), np.float32)

    def _product(self, rows: Floats, numbers: Indices, room: Floats) -> Floats:
        """The products of at most a tile of rows, in `room`."""
        rows, inverse = self._admitted(rows, numbers)
        if (missing := self.tile - len(rows)) > 0:
            rows = np.concatenate([rows, np.zeros((missing, rows.shape[1]), np.float32)])
        np.matmul(rows, self.directions.T, out=room)
        found = room[: len(inverse)]
        if self.normalize:
            found *= inverse[:, None]
        return found

    def _admitted(self, rows: Floats, numbers: Indices) -> tuple[Floats, Floats]:
        """Rows that are finite, and the reciprocals of their norms."""
        with np.errstate(over="ignore", invalid="ignore"):
            squared = np.vecdot(rows, rows)
        if not (squared.min() > _SMALL and squared.max() < _LARGE):  # NaN is neither
            check_finite(self.pool.name, rows, numbers)
            rows = rows.copy()
            for row in np.flatnonzero((squared <= _SMALL) | (squared >= _LARGE)):
                rows[row], squared[row] = self._rescued(rows[row], int(numbers[row]))
        return rows, 1 / np.sqrt(squared)

    def _rescued(self, row: Floats, number: int) -> tuple[Floats, np.float32]:
        """A row too short or too long for float32 as one of length 1, with its squared norm; zeros as they are."""
        norm = np.linalg.norm(row.astype(np.float64))
        if norm > 1 and not self.normalize:
            raise InvalidInputError(
                f"`{self.pool.name}` has a row too long for inner products in float32, row {number} of length "
                f"{norm:.3g}; scale the embeddings, or use cosines."
            )
        if norm == 0 or not self.normalize:
            return row, np.float32(1)
        unit = (row / norm).astype(np.float32)
        return unit, np.vecdot(unit, unit)
