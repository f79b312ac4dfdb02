r"""Weights of a pool as a continuum: the nearest examples alone at 0, all of them alike at 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from continuum.core import Interval, InvalidInputError, LazyEndpoints, Point, PointLike

from .embeddings import Floats
from .kept import KeptProducts
from .rounding import systematic_counts, systematic_sample
from .similarity import SimilaritySource, source_of

__all__ = ["Weighted", "WeightedPath"]

_NEAREST = 1e-12  # of the spread of similarities: at this temperature only equal ones share
_GRID = np.logspace(-6, 6, 49)  # the same; above, weights are uniform to six digits
_TOLERANCE = 1e-10  # of the logarithms of temperatures


@dataclass(frozen=True, eq=False)
class Weighted:
    """How much each example of a pool counts.

    Attributes:
        weights: (n,), of sum 1.
        epsilon: temperature of the votes, as that of `SoftmaxUOT`; 0 for the nearest alone, None where all are alike
            (no finite temperature gives that).
    """

    weights: NDArray[np.float64]
    epsilon: float | None

    @property
    def effective(self) -> float:
        r"""Effective sample size $1 / \sum_j w_j^2$: n for equal weights, 1 for a single example."""
        return float(1 / (self.weights**2).sum())

    def counts(self, k: int, *, seed: int = 0) -> NDArray[np.int64]:
        """How often each example is taken, k in all; see `systematic_counts`."""
        return systematic_counts(self.weights, k, seed=seed)

    def sample(self, k: int, *, seed: int = 0) -> NDArray[np.int64]:
        """Positions of k examples, none of them twice; see `systematic_sample`."""
        return systematic_sample(self.weights, k, seed=seed)


@dataclass(frozen=True, eq=False)
class WeightedPath:
    r"""Every query votes for the pool with a soft-max of its similarities, and the temperature rises with t.

    $w_j = \frac{1}{m} \sum_i e^{s_{ij} / 2 \varepsilon} / \sum_l e^{s_{il} / 2 \varepsilon}$, the column sums of the
    semi-relaxed entropic plan. The effective sample size $N = 1 / \sum_j w_j^2$ is the budget: at t it is
    $N_0 (n / N_0)^t$, or $N_0 + t (n - N_0)$, with $N_0$ that of the nearest examples, and $\varepsilon$ is found for
    it. N need not be monotone in $\varepsilon$, though it is in all cases that we have seen: of several temperatures
    that give one budget the path takes one in the first interval of a fixed grid in which it is passed.

    Args:
        pool: embeddings of the candidates (n, d), or a `SimilaritySource`.
        query: embeddings of the task (m, d); None where `pool` is a `SimilaritySource`.
        schedule: "log", for budgets that matter by their ratio, or "linear".

    Raises:
        InvalidInputError: if the schedule is unknown, or an embedding is not finite.
        IncompatibleError: if the embeddings differ in dimension.

    Example:
        >>> path = WeightedPath(np.eye(4), [[1.0, 0.5, 0.0, 0.0]])
        >>> path.at(0).weights, path.at(1).weights
        (array([1., 0., 0., 0.]), array([0.25, 0.25, 0.25, 0.25]))
        >>> round(path.at(0.5).effective, 6)  # the geometric mean of 1 and 4
        2.0
    """

    pool: Any
    query: Any = None
    schedule: Literal["log", "linear"] = "log"

    def __post_init__(self) -> None:
        if self.schedule not in ("log", "linear"):
            raise InvalidInputError(f"`schedule` must be 'log' or 'linear', got {self.schedule!r}.")
        _ = self._source

    @property
    def domain(self) -> Interval:
        return Interval()

    def at(self, point: PointLike, /) -> Weighted:
        """The weights whose effective sample size is the budget at a point."""
        (t,) = self.domain.point(point)
        if t == 1 or self._spread == 0:
            return Weighted(np.full(self._source.n, 1 / self._source.n), None)
        if t == 0:
            return Weighted(self._weights(self._table[0][0]), 0.0)
        temperature = self._temperature(self.budget(t))
        return Weighted(self._weights(temperature), temperature / 2)

    @property
    def endpoints(self) -> Mapping[Point, Weighted]:
        """The nearest examples at 0, and all of them alike at 1."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def budget(self, point: PointLike) -> float:
        """N(t), the effective sample size at a point."""
        (t,) = self.domain.point(point)
        low, high = self._least, float(self._source.n)
        return low + t * (high - low) if self.schedule == "linear" else low * (high / low) ** t

    def at_budget(self, effective: float) -> Point:
        """The point of an effective sample size.

        Raises:
            InvalidInputError: if it is less than that of the nearest examples, or more than the size of the pool.
        """
        low, high = self._least, float(self._source.n)
        if not low <= effective <= high:
            raise InvalidInputError(f"`effective` must be between {low:g} and {high:g}, got {effective!r}.")
        if low == high:
            return (1.0,)
        linear = self.schedule == "linear"
        t = (effective - low) / (high - low) if linear else math.log(effective / low) / math.log(high / low)
        return self.domain.point(t)

    @cached_property
    def _source(self) -> SimilaritySource:
        return source_of(self.pool, self.query)

    @property
    def _least(self) -> float:
        return float(self._source.n) if self._spread == 0 else self._table[1][0]

    @cached_property
    def _table(self) -> tuple[list[float], list[float]]:
        """Temperatures of the grid, and the effective sample sizes at them; before them that of the nearest alone."""
        temperatures = [self._spread * relative for relative in (_NEAREST, *_GRID)]
        return temperatures, [self._effective(temperature) for temperature in temperatures]

    def _temperature(self, budget: float) -> float:
        temperatures, sizes = self._table
        after = next((place for place, size in enumerate(sizes) if size >= budget), len(sizes) - 1)
        if after == 0 or sizes[after] <= budget:
            return temperatures[after]
        low, high = (math.log(temperatures[place]) for place in (after - 1, after))
        goal = math.log(budget)
        root = brentq(lambda x: math.log(self._effective(math.exp(x))) - goal, low, high, xtol=_TOLERANCE)
        return math.exp(root)

    def _effective(self, temperature: float) -> float:
        return Weighted(self._weights(temperature), temperature).effective

    def _weights(self, temperature: float) -> NDArray[np.float64]:
        """Mean of the soft-maxes of the queries at one temperature."""
        sums = np.zeros(self._source.products.u)
        for _, block in self._blocks():
            sums += self._votes(block, temperature).sum(0, dtype=float)
        found = np.empty(self._source.n)
        for start, block in self._blocks():
            found[start : start + len(block)] = self._votes(block, temperature) @ (self._source.shares / sums)
        return np.asarray(found / found.sum())

    def _votes(self, block: Floats, temperature: float) -> Floats:
        return np.asarray(np.exp((block - self._tops) / np.float32(temperature)))

    @cached_property
    def _tops(self) -> Floats:
        """The largest similarity of each distinct query, (u,)."""
        return np.max([block.max(0) for _, block in self._blocks()], 0)  # type: ignore[no-any-return]

    @cached_property
    def _spread(self) -> float:
        return float(max((self._tops - block).max() for _, block in self._blocks()))

    def _blocks(self) -> Iterator[tuple[int, Floats]]:
        """Similarities to the distinct queries, (candidates, u) at a time."""
        return self._products.blocks()

    @cached_property
    def _products(self) -> KeptProducts:
        return KeptProducts(self._source.products, self._source.keep)

    def __repr__(self) -> str:
        return f"WeightedPath(n={self._source.n}, m={self._source.m}, {self.schedule})"
