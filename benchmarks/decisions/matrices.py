"""The decision matrix of a linear problem, beside the bare product of its decisions and labels, and beside a loop."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import torch
from timing import Row, medians, row
from torch.utils.flop_counter import FlopCounterMode

from continuum.decisions import Disparity, PtODataset, TopK, disparity_cost
from continuum.measures import matrix

N, ITEMS, CHOSEN = 5000, 144, 12
FEW = 200


def matrix_rows() -> Iterator[Row]:
    """Of 5,000 decisions on 5,000 instances with 144 labels each, all decisions known."""
    source, target = tasks(N)
    z, y = torch.as_tensor(source.z), torch.as_tensor(target.y)
    works = [lambda kind=kind: matrix(disparity_cost(source, target, kind)) for kind in ("target", "sym")]
    one, both, product = medians(*works, lambda: z @ y.T, repeats=7)
    which = f"one product ({N} x {ITEMS}) ({ITEMS} x {N}), float64"
    yield row("decision matrix, target", N, one, product, which, f"{one / product:.2f} x the product")
    yield row("decision matrix, sym", N, both, product, which, f"{both / product:.2f} x the product")
    for kind in ("target", "sym"):
        yield row(f"decision matrix, {kind}, products", N, _products(source, target, kind))
    yield row("decision matrix, target, instances solved", N, _solved(), 2 * N, "one solve for each instance")
    yield _loop_row()


def _products(source: PtODataset, target: PtODataset, kind: Disparity) -> float:
    """How many products of all decisions and instances, by the operations that are counted."""
    with FlopCounterMode(display=False) as counted:
        matrix(disparity_cost(source, target, kind))
    # Each decision and instance has one number more: what the own decision costs.
    return counted.get_total_flops() / (2 * N * N * (ITEMS + 1))


def _solved() -> int:
    """How many instances are solved for a matrix of which no decision is known."""
    with patch.object(TopK, "solve", autospec=True, side_effect=TopK.solve) as counted:
        matrix(disparity_cost(*tasks(N, solved=False)))
    return sum(len(call.args[1]) for call in counted.call_args_list)


def tasks(n: int, solved: bool = True) -> tuple[PtODataset, PtODataset]:
    """Two tasks of choosing 12 of 144 items."""
    rng = np.random.default_rng(0)
    problem = TopK(ITEMS, CHOSEN)
    pair = [PtODataset(rng.normal(size=(n, 8)), rng.normal(size=(n, ITEMS)), problem) for _ in range(2)]
    for data in pair if solved else ():
        _ = data.z
    return pair[0], pair[1]


def _loop_row() -> Row:
    """Against the definition, pair by pair."""
    source, target = tasks(FEW)

    def loop() -> list[list[float]]:
        pairs = list(zip(target.y, target.z, strict=True))
        return [[float(own @ y - z @ y) for y, own in pairs] for z in source.z]

    ours, theirs = medians(lambda: matrix(disparity_cost(source, target)), loop, repeats=3)
    gap = np.abs(np.array(loop()) - matrix(disparity_cost(source, target)).numpy()).max()
    note = f"{theirs / ours:.0f} x cheaper; the same up to {gap:.0e}"
    return row("decision matrix, target", FEW, ours, theirs, "loop over pairs", note)
