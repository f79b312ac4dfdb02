"""Nearest neighbours by density: of candidates that are alike, all together count as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from continuum.core import check_count, check_positive

from .alignment import Alignment, rule_named
from .density import densities
from .keys import places_of, values_of
from .nearest import nearest_keys
from .ordering import Ordering
from .ranking import admitted_count, ranked
from .similarity import SimilaritySource, source_of
from .water import Water

__all__ = ["KnnKDE"]

_LEAST, _MOST = 64, 5000  # neighbours of a query
_ONE_IN = 10  # of the pool is a neighbour of a query


@dataclass(frozen=True)
class KnnKDE:
    r"""Candidates by the mass that they receive from the queries nearby, shared among those that are alike.

    Each query spreads its mass $1/m$ over its neighbours, nearest first, of which each takes at most $1 / (m s
    \rho_j)$, where $\rho_j = \sum_l \max(0, 1 - |x_j - x_l|^2 / \sigma^2)$ counts the neighbours of all queries that
    lie within $\sigma$: a point that is there c times receives in all what it would receive alone. TSDS, algorithm 2
    :cite:`liu2024tsds`, which sums the 1000 largest terms of $\rho$ and gives what is left of a mass when the list of
    neighbours ends to the last one; here $\rho$ has all terms, and s is at most what the lists can take.

    A score is the mass; equal ones, and those that receive nothing, are in the order of the pool. Besides the pass
    over the pool it takes a matrix product for half of the pairs of neighbours.

    Args:
        level: s; or "budget", the smallest s for which `k_max` candidates receive all that they can, which makes
            another ordering for another budget; or an `Alignment`, which finds it. "published" is ``Alignment()``,
            with which s is nearly always as large as the lists: too large for small budgets.
        sigma: $\sigma$, between unit vectors where similarity is the cosine.
        neighbours: how many each query has; None for a tenth of the pool, from 64 to 5000.

    Example:
        >>> source = SimilaritySource([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], [[1.0, 0.0]])
        >>> KnnKDE(2, neighbours=4).order(source).scores.round(3).tolist()
        [0.388, 0.25, 0.25, 0.112]
    """

    level: int | float | Alignment | Literal["budget", "published"] = "budget"
    sigma: float = 0.75
    neighbours: int | None = None

    def __post_init__(self) -> None:
        check_positive("sigma", self.sigma)
        if self.neighbours is not None:
            check_count("neighbours", self.neighbours, least=2)
        object.__setattr__(self, "level", rule_named("level", self.level))
        if not isinstance(self.level, str | Alignment):
            check_positive("level", self.level)

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`."""
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        water = self._water(source)
        if isinstance(self.level, Alignment):
            level = water.level_reaching(self.level.slack(source.m))
        elif isinstance(self.level, str):
            level = water.level_covering(k, source.n)
        else:
            level = min(self.level, water.highest)
        return ranked(water.masses(level, source.n), k, nested=self.level != "budget")

    def _water(self, source: SimilaritySource) -> Water:
        """The neighbours of the queries and how dense they are."""
        count = self.neighbours or min(max(source.n // _ONE_IN, _LEAST), _MOST)
        if isinstance(self.level, Alignment):
            count = min(count, self.level.most)
        keys = np.sort(nearest_keys(source.products, min(count, source.n)), axis=1)[:, ::-1]
        places = places_of(keys)
        points, which = np.unique(places, return_inverse=True)
        density = densities(source.products.pool, points, self.sigma, normalize=source.normalize)
        distances = 1 - values_of(keys).astype(np.float64)
        return Water(places, distances, density[which].reshape(places.shape), source.repeats)
