"""Orders of pools that are read from a memory map: time beside the product, and memory beyond the pool."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from timing import Row, medians, row

from continuum.selection import DoublyGreedy, KnnUniform, RoundRobin, Selector, SimilaritySource, SoftmaxUOT

from .ordering import D, K, M

WORKS: dict[str, Selector] = {
    "round robin": RoundRobin(),
    "doubly greedy": DoublyGreedy(),
    "KNN-uniform": KnnUniform(),
    "soft-max UOT": SoftmaxUOT(),
}
LISTS = 2 * M * (4 * K // M) * 8  # bytes of two lists for each query, four times as long as what it chooses
NUMBERS = 32  # bytes for each candidate
ROWS = 100_000  # in one product, so that its result fits in memory too


def streamed_rows(n: int, d: int = D, dtype: str = "float32", repeats: int = 5) -> Iterator[Row]:
    """Seconds and megabytes of each selector at one size."""
    with tempfile.TemporaryDirectory() as folder:
        pool, query = _written(Path(folder) / "pool.npy", n, d, dtype)

        def product() -> Any:
            for start in range(0, n, ROWS):
                np.asarray(pool[start : start + ROWS], np.float32) @ query.T

        for work, selector in WORKS.items():
            for keep in (1 << 27, 0) if work == "soft-max UOT" else (0,):
                source = SimilaritySource(pool, query, keep=keep)
                ours, theirs = medians(lambda s=selector, o=source: s.order(o, k_max=K), product, repeats=repeats)
                name = f"{work}, {dtype} map" + (", nothing kept" if work == "soft-max UOT" and not keep else "")
                product_of = f"products of {ROWS} rows" + ("" if dtype == "float32" else ", widened by NumPy")
                yield row(name, n, ours, theirs, product_of)
                bound = "2 m L x 8 bytes + 32 n" + (f" + {keep >> 20} MiB" if keep else "")
                allowed = LISTS + NUMBERS * n + keep
                yield row(f"{name}, memory in MB", n, _peak(selector, source) / 1e6, allowed / 1e6, bound)


def _written(path: Path, n: int, d: int, dtype: str) -> tuple[Any, Any]:
    """A pool on disk, of no structure, and 100 queries."""
    rng = np.random.default_rng(0)
    pool = np.lib.format.open_memmap(path, "w+", dtype, (n, d))
    for start in range(0, n, ROWS):
        pool[start : start + ROWS] = rng.standard_normal((min(ROWS, n - start), d), dtype=np.float32)
    pool.flush()
    return np.load(path, mmap_mode="r"), rng.standard_normal((M, d), dtype=np.float32)


def _peak(selector: Selector, source: SimilaritySource) -> int:
    """Bytes that an order takes beyond the pool and the result of the pass before."""
    tracemalloc.start()
    selector.order(source, k_max=K)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
