"""How the mass of each query flows over its neighbours, of which each takes less the more there are like it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .embeddings import Doubles, Indices

__all__ = ["Water"]


@dataclass(frozen=True, eq=False)
class Water:
    r"""Neighbours of queries, of which each takes at most $1 / (m s \rho_j)$ of the mass $1/m$ of a query.

    At the level s the mass covers the first neighbours, as many as have capacities $1/\rho_j$ of sum s.

    Args:
        places: the neighbours of each query, nearest first, (u, L).
        distances: (u, L).
        densities: $\rho$, (u, L).
        repeats: how often each query is there, (u,); m in all.
    """

    places: Indices
    distances: Doubles
    densities: Doubles
    repeats: Indices

    @cached_property
    def _filled(self) -> Doubles:
        """The level at which each neighbour has been filled, (u, L)."""
        return np.cumsum(1 / self.densities, axis=1)

    @property
    def highest(self) -> float:
        """The highest level at which the neighbours take all the mass."""
        return float(self._filled[:, -1].min())

    def level_reaching(self, slack: float) -> float:
        r"""The lowest level at which $\sum_i \sum_{l \le k_i} (d_{i, k_i + 1} - d_{i, l}) / \rho_l$ reaches a number.

        $k_i$ counts the neighbours that have been filled. The highest level if none does.
        """
        spent = np.cumsum(self.distances / self.densities, axis=1)[:, :-1]
        gaps = self.distances[:, 1:] * self._filled[:, :-1] - spent
        gaps = np.concatenate([np.zeros((len(gaps), 1)), gaps], axis=1)
        levels = np.unique(self._filled[:, :-1])
        low, high = 0, len(levels)  # the sum does not fall with the level
        while low < high:
            middle = (low + high) // 2
            full = [np.searchsorted(row, levels[middle], side="right") for row in self._filled[:, :-1]]
            reached = self.repeats @ gaps[np.arange(len(gaps)), full] >= slack
            low, high = (low, middle) if reached else (middle + 1, high)
        return min(float(levels[low]), self.highest) if low < len(levels) else self.highest

    def level_covering(self, k: int, n: int) -> float:
        """The lowest level at which `k` candidates of `n` have been filled; the highest if there are not so many."""
        level = np.full(n, np.inf)
        np.minimum.at(level, self.places, self._filled)
        return min(float(np.partition(level, k - 1)[k - 1]), self.highest)

    def masses(self, level: float, n: int) -> Doubles:
        """What each of `n` candidates takes at a level, (n,); 1 in all."""
        taken = np.clip(level - (self._filled - 1 / self.densities), 0, 1 / self.densities)
        weights = taken * (self.repeats / (self.repeats.sum() * level))[:, None]
        return np.asarray(np.bincount(self.places.ravel(), weights.ravel(), n), np.float64)
