"""Nearest neighbours: each query spreads its mass evenly over the candidates nearest to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from continuum.core import check_count

from .alignment import Alignment, rule_named
from .keys import Keys, places_of, values_of
from .nearest import nearest_keys
from .ordering import Ordering
from .ranking import admitted_count, ranked
from .sample import sample_of
from .similarity import SimilaritySource, source_of

__all__ = ["KnnUniform"]


@dataclass(frozen=True)
class KnnUniform:
    r"""Candidates by the share of the queries among whose K nearest they are; of equal ones the first.

    $p_j = \#\{i : j \in \mathrm{kNN}_K(i)\} / (m K)$ is the optimal plan of TSDS :cite:`liu2024tsds` which spreads the
    mass of each query evenly. A score is $p_j$, and 0 for a candidate that is nobody's neighbour: those come last, in
    the order of the pool.

    Args:
        count: K; or "budget", the smallest K for which the queries have `k_max` distinct neighbours, which makes
            another ordering for another budget; or an `Alignment`, which finds it. "published" is ``Alignment()``,
            with which K is nearly always 5000: too many for small budgets.

    Example:
        >>> similarities = np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
        >>> source = SimilaritySource(similarities.T, np.eye(2), normalize=False)
        >>> KnnUniform(3).order(source).scores.round(3).tolist()
        [0.333, 0.333, 0.167, 0.167]
    """

    count: int | Alignment | Literal["budget", "published"] = "budget"

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", rule_named("count", self.count))
        if not isinstance(self.count, str | Alignment):
            check_count("count", self.count)

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`.

        Raises:
            InvalidInputError: if `count` is a number larger than n.
        """
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        if isinstance(self.count, Alignment):
            neighbours = _aligned(source, self.count)
        elif isinstance(self.count, str):
            neighbours = _covering(source, k)
        else:
            check_count("count", self.count, most=source.n)
            neighbours = nearest_keys(source.products, self.count)
        count = neighbours.shape[1]
        votes = np.bincount(places_of(neighbours).ravel(), np.repeat(source.repeats, count), source.n)
        return ranked(votes / (source.m * count), k, nested=self.count != "budget")


def _aligned(source: SimilaritySource, rule: Alignment) -> Keys:
    """Keys of the neighbours among which the mass is spread, (u, K)."""
    keys = nearest_keys(source.products, most := min(rule.most, source.n))
    distances = 1 - values_of(keys).astype(np.float64)
    slack = rule.slack(source.m)
    if source.repeats @ (most * distances.max(axis=1) - distances.sum(axis=1)) < slack:  # G(most - 1), without sorting
        return keys
    order = np.argsort(-keys, axis=1)
    keys, distances = np.take_along_axis(keys, order, axis=1), np.take_along_axis(distances, order, axis=1)
    gaps = np.arange(1, most) * distances[:, 1:] - np.cumsum(distances, axis=1)[:, :-1]
    return keys[:, : int(np.argmax(source.repeats @ gaps >= slack)) + 1]


def _covering(source: SimilaritySource, k: int) -> Keys:
    """Keys of the fewest neighbours for each query that are `k` candidates in all, (u, K)."""
    sample = sample_of(source.products)
    depth = math.ceil(sample.depth(k))
    while True:
        depth = min(depth, source.n)
        keys = np.sort(nearest_keys(source.products, depth, sample), axis=1)[:, ::-1]
        rank = np.full(source.n, depth)
        # from the last rank to the first, so that the first of a candidate stays
        rank[places_of(keys).T[::-1].ravel()] = np.repeat(np.arange(depth)[::-1], len(keys))
        count = int(np.partition(rank, k - 1)[k - 1]) + 1
        if count <= depth:
            return keys[:, :count]
        depth *= 2
