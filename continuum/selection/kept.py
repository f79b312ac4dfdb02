"""Products that are looked at many times, of which as many are kept as memory allows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .embeddings import Floats
from .products import Products

__all__ = ["KeptProducts"]


class KeptProducts:
    """Products of a pool of which the first tiles are kept after they have been computed once.

    Args:
        products: what is looked at.
        keep: bytes that may be kept.
    """

    def __init__(self, products: Products, keep: int) -> None:
        self.products = products
        tiles = min(-(-products.n // products.tile), keep // (4 * products.tile * products.u))
        self._kept = np.empty((tiles, products.tile, products.u), np.float32)
        self._filled = 0

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """As those of the products; to be read only."""
        tile = self.products.tile
        for number in range(filled := self._filled):
            yield number * tile, self._kept[number, : self.products.n - number * tile]
        for number, (start, block) in enumerate(self.products.blocks(filled * tile), filled):
            if number < len(self._kept):
                self._kept[number, : len(block)] = block
                self._filled = number + 1
            yield start, block
