r"""Cheapest ways over a grid, of many instances at once.

What is left to pay from every cell comes first, then the step that each cell takes, then the way. A `toll` (k, r, c, n)
is what a step by each of k moves costs out of each cell of r rows and c columns; one move stands for all that cost the
same. The batch is the last axis, so that one step of all instances is one pass over memory.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moves", "acyclic_distances", "best_moves", "distances", "visited"]

Moves = tuple[tuple[int, int], ...]  # (rows down, columns right); ties prefer the earlier ones
Grid = NDArray[np.float64]  # (r, c, n)

S = TypeVar("S", np.float64, np.uint8)


def acyclic_distances(toll: NDArray[np.float64], moves: Moves) -> Grid:
    """What is left to pay from each cell to the last one, where every move goes right or down.

    Dynamic programming from the last cell back; tolls may be negative.
    """
    rows, columns = toll.shape[1:3]
    left = np.full(toll.shape[1:], np.inf)
    left[-1, -1] = 0.0
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            for move, (down, right) in enumerate(moves):
                if row + down < rows and column + right < columns:
                    through = toll[move, row, column] + left[row + down, column + right]
                    np.minimum(left[row, column], through, out=left[row, column])
    return left


def distances(costs: Grid, *, is_diagonal: bool) -> Grid:
    """What is left to pay from each cell to the last one, both included, where cells have costs of at least 0.

    Jacobi sweeps of Bellman and Ford, of all instances and cells together, until no number changes: as many as the
    longest cheapest way has steps. The least of eight neighbours is the least of a row, then of a column.
    """
    left = np.full(costs.shape, np.inf)
    left[-1, -1] = costs[-1, -1]
    while True:
        beside = _least(left, left, axis=1)
        swept = _least(beside, beside, axis=0) if is_diagonal else _least(left, beside, axis=0)
        swept += costs
        np.minimum(swept, left, out=swept)
        if np.array_equal(swept, left):
            return left
        left = swept


def _least(grid: Grid, start: Grid, axis: int) -> Grid:
    """The least of `start` and of the two neighbours in `grid` along an axis."""
    least = start.copy()
    before, after = _sides(axis)
    np.minimum(least[after], grid[before], out=least[after])
    np.minimum(least[before], grid[after], out=least[before])
    return least


def _sides(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    whole = (slice(None),) * axis
    return (*whole, slice(None, -1)), (*whole, slice(1, None))


def best_moves(left: Grid, toll: NDArray[np.float64], moves: Moves, slack: NDArray[np.float64]) -> NDArray[np.int8]:
    """The move that each cell takes on its cheapest way, (r, c, n); `len(moves)`, which is to stay, where none is due.

    Of ways that cost the same within `slack` (n,), which is above what rounding does to sums in different orders, it is
    the one of fewest steps, then the earliest of `moves`. A search from the last cell back, layer by layer: fewest
    steps keep cells without a cost from being walked in circles. Truth values are bits, eight instances to a byte.
    """
    bound, beyond = left + slack, _padded(left, np.inf)
    tolls = (toll[move % len(toll)] + _moved(beyond, by) for move, by in enumerate(moves))
    tight = [np.packbits(paid <= bound, axis=-1) for paid in tolls]
    is_open = np.packbits(np.ones(left.shape, bool), axis=-1)  # the bits that fill the last byte are closed
    layer = np.zeros_like(is_open)
    layer[-1, -1], is_open[-1, -1] = is_open[-1, -1], 0
    taken = [np.zeros_like(layer) for _ in moves]
    while is_open[0, 0].any():
        ahead = _padded(layer, 0)
        layer[:] = 0
        for move, by in enumerate(moves):
            steps = _moved(ahead, by) & tight[move]
            steps &= is_open
            is_open ^= steps
            taken[move] |= steps
            layer |= steps
    chosen = np.full(left.shape, len(moves), np.int8)
    for move, steps in enumerate(taken):
        chosen -= np.unpackbits(steps, axis=-1, count=left.shape[-1]).view(np.int8) * np.int8(len(moves) - move)
    return chosen


def _padded(grid: NDArray[S], border: float) -> NDArray[S]:
    """`grid` with one cell more on every side."""
    rows, columns, n = grid.shape
    padded = np.full((rows + 2, columns + 2, n), border, grid.dtype)
    padded[1:-1, 1:-1] = grid
    return padded


def _moved(padded: NDArray[S], by: tuple[int, int]) -> NDArray[S]:
    """At each cell of a grid what there is one move further."""
    (rows, columns, _), (down, right) = padded.shape, by
    return padded[1 + down : rows - 1 + down, 1 + right : columns - 1 + right]


def visited(chosen: NDArray[np.int8], moves: Moves) -> tuple[NDArray[np.intp], NDArray[np.int8]]:
    """The way from the first cell: numbers of its cells (s + 1, n), and the move out of each (s, n).

    Ways that end before the longest one stay in the last cell.
    """
    columns, n = chosen.shape[1:]
    table = chosen.reshape(-1, n)
    offsets = np.array([down * columns + right for down, right in moves] + [0])
    everyone = np.arange(n)
    cells, steps = [np.zeros(n, np.intp)], []
    while (cells[-1] < len(table) - 1).any():
        steps.append(table[cells[-1], everyone])
        cells.append(cells[-1] + offsets[steps[-1]])
    return np.array(cells), np.array(steps)
