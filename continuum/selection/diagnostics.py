r"""How far a selection is from the query: the distances that selectors make small, as metrics of a path.

All are of unit vectors, with the cost $1 - \cos$. Values are `Subset`, whose examples have equal masses, or `Weighted`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, Metric, PerItem, check_count
from continuum.measures import Kernel, Riesz, mmd2, solve

from .embeddings import Embeddings, check_finite
from .ordering import Ordering
from .subset_path import Subset
from .weighted_path import Weighted

__all__ = ["mmd2_to", "nearest_to", "quantile_groups", "transport_to"]

_ENERGY = Riesz()

Vectors = NDArray[np.float64]


def transport_to(pool: Any, query: Any) -> Metric:
    r"""Optimal transport cost between a selection and the query: $\min \langle 1 - \cos, \pi \rangle$.

    Round robin is greedy for it.

    Args:
        pool: embeddings of the candidates, (n, d).
        query: embeddings of the task, (m, d), with equal masses.

    Returns:
        A metric of a `Subset` or `Weighted` value; NaN if nothing is selected.

    Example:
        >>> metric = transport_to(np.eye(3), np.eye(3)[:2])
        >>> metric(Subset(np.array([0, 2]), np.zeros(2)))  # one is found, the other is at a right angle
        0.5
    """
    return Metric("transport to the query", _Distance(pool, query, _transport), goal="min", unit="1 - cos")


def mmd2_to(pool: Any, query: Any, *, kernel: Kernel = _ENERGY) -> Metric:
    """Squared maximum mean discrepancy between a selection and the query; herding is greedy for it.

    Args:
        pool: embeddings of the candidates, (n, d).
        query: embeddings of the task, (m, d).
        kernel: `Riesz()`, the energy distance, by default.

    Returns:
        A metric of a `Subset` or `Weighted` value; NaN if nothing is selected.
    """
    return Metric("squared MMD to the query", _Distance(pool, query, partial(_discrepancy, kernel=kernel)), goal="min")


def nearest_to(pool: Any, query: Any) -> Metric:
    r"""Mean over the query of the distance $1 - \cos$ to the nearest selected example: whether all of it is covered.

    Args:
        pool: embeddings of the candidates, (n, d).
        query: embeddings of the task, (m, d).

    Returns:
        A metric of a `Subset` or `Weighted` value; NaN if nothing is selected.
    """
    return Metric("mean distance to the nearest", _Distance(pool, query, _nearest), goal="min", unit="1 - cos")


def quantile_groups(ordering: Ordering, *, groups: int = 10, count: int = 500) -> list[NDArray[np.int64]]:
    """The first examples of each quantile of an ordering: does training on nearer ones give a lower loss?

    The experiment of Nayak et al. (2026): their loss is correlated with the number of the quantile.

    Args:
        ordering: of a pool, the best first.
        groups: number of quantiles.
        count: examples of each.

    Raises:
        InvalidInputError: if a quantile has fewer.

    Example:
        >>> quantile_groups(Ordering(np.arange(6), np.zeros(6), n=6), groups=3, count=1)
        [array([0]), array([2]), array([4])]
    """
    check_count("groups", groups)
    check_count("count", count)
    edges = np.linspace(0, len(ordering), groups + 1).astype(int)
    if int(np.diff(edges).min()) < count:
        raise InvalidInputError(f"{groups} quantiles of {len(ordering)} examples have not {count} each; ask for fewer.")
    return [ordering.indices[start : start + count].copy() for start in edges[:-1]]


@dataclass(frozen=True, eq=False)
class _Distance:
    """Of unit vectors; an object with fields, so that a store can tell one from another."""

    pool: Any
    query: Any
    measure: Callable[[Vectors, Vectors, Vectors], float | PerItem]

    def __post_init__(self) -> None:
        sides = Embeddings(self.pool, "pool"), Embeddings(self.query, "query")
        if sides[0].d != sides[1].d:
            raise IncompatibleError(f"`pool` has embeddings of {sides[0].d} numbers, `query` of {sides[1].d}.")

    def __call__(self, value: Subset | Weighted) -> float | PerItem:
        indices, masses = _selected(value)
        if len(indices) == 0:
            return math.nan
        return self.measure(_unit(Embeddings(self.pool, "pool"), indices), self._unit_query, masses)

    @cached_property
    def _unit_query(self) -> Vectors:
        query = Embeddings(self.query, "query")
        return _unit(query, np.arange(query.n))


def _transport(x: Vectors, query: Vectors, masses: Vectors) -> float:
    return solve(1 - x @ query.T, masses).value


def _discrepancy(x: Vectors, query: Vectors, masses: Vectors, kernel: Kernel) -> float:
    return float(mmd2(x, query, masses, kernel=kernel))


def _nearest(x: Vectors, query: Vectors, masses: Vectors) -> PerItem:
    return PerItem(1 - (query @ x.T).max(1))


def _selected(value: Any) -> tuple[NDArray[np.int64], Vectors]:
    if isinstance(value, Weighted):
        indices = np.flatnonzero(value.weights)
        return indices, value.weights[indices]
    if isinstance(value, Subset):
        return value.indices, np.full(len(value), 1 / max(len(value), 1))
    raise InvalidInputError(f"the metric is of a Subset or a Weighted value, got {type(value).__name__}.")


def _unit(rows: Embeddings, places: NDArray[np.int64]) -> Vectors:
    found = rows.rows(places).astype(float)
    check_finite(rows.name, found, places)
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(norms > 0, norms, 1))
