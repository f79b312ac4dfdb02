"""Orders of a pool in memory beside the one matrix product that they need, and beside peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import ot
from timing import Row, medians, row

from continuum.selection import (
    Alignment,
    DoublyGreedy,
    KnnKDE,
    KnnUniform,
    RoundRobin,
    Selector,
    SimilaritySource,
    SoftmaxUOT,
)

from . import definitions

N, M, D, K = 50_000, 100, 384, 10_000
PRODUCT = f"one product, n x {D} by {D} x {M}"
REPEATS = 11
PUBLISHED = Alignment()


def embeddings(n: int, clusters: int = 0, d: int = D) -> tuple[Any, Any]:
    """A pool of `n` vectors and 100 queries, of no structure; or in clusters, and the queries from two of them."""
    rng = np.random.default_rng(0)
    pool, query = rng.standard_normal((n, d), dtype=np.float32), rng.standard_normal((M, d), dtype=np.float32)
    if clusters:
        centres = rng.standard_normal((clusters, d), dtype=np.float32)
        pool += centres[rng.integers(clusters, size=n)]
        query += centres[rng.integers(2, size=M)]
    return pool, query


def order_rows() -> Iterator[Row]:
    """Selectors beside the product, with orders compared; a pool in clusters; peers."""
    pool, query = embeddings(N)
    s = definitions.similarities(SimilaritySource(pool, query))
    fewest = definitions.fewest_neighbours(s, K)
    votes = definitions.votes_of_neighbours
    works: dict[str, tuple[Selector, Callable[[], Any]]] = {
        "round robin": (RoundRobin(), lambda: definitions.round_robin(s, K)),
        "doubly greedy": (DoublyGreedy(), lambda: definitions.doubly_greedy(s, K)),
        "soft-max UOT": (SoftmaxUOT(), lambda: definitions.softmax(s, K)),
        "KNN-uniform": (KnnUniform(), lambda: definitions.ranked(votes(s, fewest), K)),
        "KNN-uniform, published": (KnnUniform(PUBLISHED), lambda: definitions.ranked(votes(s, PUBLISHED.most), K)),
    }
    for work, (selector, definition) in works.items():
        yield _beside_product(work, selector, pool, query, _compared(selector.order(pool, query, K), definition()))
    yield from _peers(s, pool, query)
    pool, query = embeddings(N, clusters=20)
    s = definitions.similarities(SimilaritySource(pool, query))
    note = _compared(RoundRobin().order(pool, query, K), definitions.round_robin(s, K))
    yield _beside_product("round robin, queries alike", RoundRobin(), pool, query, note)


def _beside_product(work: str, selector: Selector, pool: Any, query: Any, note: str) -> Row:
    ours, product = medians(lambda: selector.order(pool, query, K), lambda: pool @ query.T, repeats=REPEATS)
    return row(work, len(pool), ours, product, PRODUCT, note)


def _compared(found: Any, expected: Any) -> str:
    differing = int((found.indices != expected).sum())
    return f"{differing} of {len(expected)} places differ from the definition"


def _peers(s: Any, pool: Any, query: Any) -> Iterator[Row]:
    def transport() -> Any:
        cost = (1 - s.astype(np.float64)) / 2
        marginals = np.full(M, 1 / M), np.full(N, 1 / N)
        return ot.unbalanced.sinkhorn_unbalanced(*marginals, cost, 0.01, (np.inf, 1e-4))

    plan = transport().sum(axis=0)
    ours, theirs = medians(lambda: SoftmaxUOT().order(pool, query, K), transport, repeats=3)
    shared = len(np.intersect1d(SoftmaxUOT().order(pool, query, K).indices, definitions.ranked(plan, K)))
    note = f"{shared / K:.2%} of {K} chosen alike; POT has the similarities already"
    yield row("soft-max UOT, beside POT", N, ours, theirs, "POT, published constants", note)
    ours, theirs = medians(lambda: RoundRobin().order(pool, query), lambda: definitions.round_robin(s, K), repeats=3)
    yield row("round robin, the whole pool", N, ours, theirs, f"a row looked through for each of {K}")


def density_rows(n: int = 10_000) -> Iterator[Row]:
    """KNN-KDE beside the published way."""
    pool, query = embeddings(n)
    selector = KnnKDE(Alignment())
    unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    s = definitions.similarities(SimilaritySource(pool, query))
    found = selector.order(pool, query)
    count = n // 10

    def published() -> Any:
        return definitions.knn_kde(unit, s, count, count, selector.sigma)

    difference = np.abs(published()[found.indices] - found.scores).max() / found.scores.max()
    ours, theirs = medians(lambda: selector.order(pool, query), published, repeats=3)
    note = f"{theirs / ours:.1f} x cheaper; masses differ by {difference:.0e} of the largest"
    yield row("KNN-KDE", n, ours, theirs, "1000 nearest of each neighbour, sorted", note)
