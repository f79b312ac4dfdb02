"""All 91 weight triples of one pair of datasets: from one plan, or by a solve of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

import numpy as np
import ot
from timing import Row, medians, row

from continuum.decisions import DecisionAwareCost, PtODataset, TopK, decision_distance, simplex_grid
from continuum.measures import matrix, solve

SIZES = (100, 500)
ITEMS = 50
GRID = simplex_grid()


def grid_rows() -> Iterator[Row]:
    """From datasets whose decisions are known; what does not depend on the weights is computed once by everybody."""
    for n in SIZES:
        works = [partial(work, *tasks(n)) for work in (priced, joint, dense)]
        ours, solves, peer = medians(*works, repeats=3 if n < 500 else 1)
        gap = np.abs(np.array(works[1]()) - works[2]()).max()
        yield row("91 weight triples, priced", n, ours, solves, "91 joint solves", f"{solves / ours:.0f} x cheaper")
        yield row("91 weight triples, priced, transport solves", n, _solves(n))
        note = f"x {solves / peer:.2f}; the same up to {gap:.0e}"
        yield row("91 weight triples, joint", n, solves, peer, "POT on 91 sums of three matrices", note)


def _solves(n: int) -> float:
    """How often transport is solved for all triples."""
    with patch("continuum.decisions.distance.solve", wraps=solve) as counted:
        priced(*tasks(n))
    return counted.call_count


def priced(source: PtODataset, target: PtODataset) -> list[float]:
    found = decision_distance(source, target, mode="priced")
    return [found.at(weights) for weights in GRID]


def joint(source: PtODataset, target: PtODataset) -> list[float]:
    parts = DecisionAwareCost(source.problem).components(source, target)
    return [solve(parts.weighted(weights), source.weights, target.weights).value for weights in GRID]


def dense(source: PtODataset, target: PtODataset) -> list[float]:
    parts = DecisionAwareCost(source.problem).components(source, target)
    costs = [matrix(part).numpy() for part in (parts.x, parts.y, parts.z)]
    sums = (sum(weight * cost for weight, cost in zip(triple, costs, strict=True)) for triple in GRID)
    return [float(ot.emd2(source.weights, target.weights, cost)) for cost in sums]


def tasks(n: int) -> tuple[PtODataset, PtODataset]:
    """Cubic top-k tasks of 50 items: one of 50 is chosen by values 10 (x^3 - c x)."""
    rng = np.random.default_rng(0)

    def one(coefficient: float) -> PtODataset:
        x = np.sort(rng.uniform(-1, 1, size=(n, ITEMS)), axis=1)
        data = PtODataset(x, 10 * (x**3 - coefficient * x), TopK(ITEMS, 1))
        _ = data.z
        return data

    return one(0.9), one(0.65)
