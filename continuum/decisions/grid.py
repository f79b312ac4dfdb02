"""Shortest paths over a grid from its first cell to its last one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_count

from .grid_search import Moves, acyclic_distances, best_moves, distances, visited
from .linear import LinearObjective
from .problem import Decisions, Parameters, admit_decisions, admit_parameters

__all__ = ["GridShortestPath"]

_AROUND: Moves = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_ONWARD: Moves = ((0, 1), (1, 0), (1, 1))

_CHUNK = 256  # instances that are solved together: their grids stay in the processor's cache
_SLACK = 1e-13  # what rounding of sums does to equal lengths, relative: more than 1,000 steps change 1e-16 each


@dataclass(frozen=True)
class GridShortestPath(LinearObjective):
    r"""Go from the first cell of a grid to the last one at the least cost.

    $\min_z \langle z, y \rangle$ over paths. Costs are of cells or of steps:

    - "vertices": y holds a cost of at least 0 for each cell, row by row, and z marks the cells of a path, both ends
      included; a step goes to any neighbour. The maps of Vlastelica et al. (2020), with 8 neighbours, are of this kind.
    - "edges": y holds a cost for each step right, down and, with 8 neighbours, down-right; z marks the steps. Costs may
      be negative, as there are no circles. Steps are numbered row by row: those to the right, those down, then those
      down-right. With 4 neighbours this is the grid of Elmachtoub and Grigas (2022), in the order of Tang and Khalil
      (2024).

    Of paths that cost the same, up to rounding, the one of fewest steps is taken, and of these the one that turns first
    to the cell of the lowest number.

    Args:
        rows: of the grid.
        columns: of the grid; as many as `rows` if None.
        neighbours: 4 or 8.
        costs: "vertices" or "edges".

    Raises:
        InvalidInputError: for a grid of fewer than two cells and for other options.

    Example:
        >>> y = [[1.0, 9.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0]]
        >>> GridShortestPath(3, neighbours=4).solve(y).reshape(3, 3)
        array([[1., 0., 0.],
               [1., 0., 0.],
               [1., 1., 1.]])
        >>> GridShortestPath(3, neighbours=8).paired(GridShortestPath(3, neighbours=8).solve(y), y)
        array([4.])
    """

    rows: int
    columns: int = None  # type: ignore[assignment]
    neighbours: Literal[4, 8] = 8
    costs: Literal["vertices", "edges"] = "vertices"

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", self.rows if self.columns is None else self.columns)
        check_count("rows", self.rows)
        check_count("columns", self.columns)
        if self.rows * self.columns < 2:
            raise InvalidInputError("a grid of 1 x 1 cells has no paths; give it another row or column.")
        if self.neighbours not in (4, 8):
            raise InvalidInputError(f"`neighbours` must be 4 or 8, got {self.neighbours!r}.")
        if self.costs not in ("vertices", "edges"):
            raise InvalidInputError(f"`costs` must be 'vertices' or 'edges', got {self.costs!r}.")

    @property
    def sense(self) -> Literal["min"]:
        """Costs are minimised."""
        return "min"

    @property
    def dim_y(self) -> int:
        """One cost for each cell, or for each step."""
        return self.rows * self.columns if self.costs == "vertices" else int(self._edges.max()) + 1

    @property
    def dim_z(self) -> int:
        """One 0 or 1 for each cell, or for each step."""
        return self.dim_y

    @property
    def moves(self) -> Moves:
        """Steps (rows down, columns right) that a path may take, those to cells of lower numbers first."""
        if self.costs == "edges":
            return _ONWARD if self.neighbours == 8 else _ONWARD[:2]
        return _AROUND if self.neighbours == 8 else tuple(move for move in _AROUND if 0 in move)

    @property
    def lipschitz(self) -> float:
        """Length of the longest decision, which bounds how fast a cost changes with the parameters."""
        longest = self.dim_z if self.costs == "vertices" else self.rows + self.columns - 2
        return math.sqrt(longest)

    def solve(self, y: Any, /) -> Decisions:
        """The cells, or steps, of the cheapest paths, (n, dim_z) of 0 and 1.

        Raises:
            InvalidInputError: for NaN, another number of costs, and negative costs of cells, around which a path would
                walk for ever.
        """
        y = admit_parameters(self, y)
        if self.costs == "vertices":
            self._refuse_negative(y)
        solve = self._over_vertices if self.costs == "vertices" else self._over_edges
        return np.concatenate([solve(y[start : start + _CHUNK]) for start in range(0, len(y), _CHUNK)])

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether each decision is allowed, (n,): steps that form a path, or cells that hold one and perhaps more.

        Cells beyond those of a path cost at least 0, so that to allow them changes no optimum.
        """
        z = admit_decisions(self, z)
        is_binary = ((z == 0) | (z == 1)).all(1)
        return np.asarray(is_binary & (self._joins_ends(z) if self.costs == "vertices" else self._is_flow(z)))

    def _over_vertices(self, y: Parameters) -> Decisions:
        costs = np.ascontiguousarray(y.T).reshape(self.rows, self.columns, -1)
        left = distances(costs, is_diagonal=self.neighbours == 8)
        cells, _ = visited(best_moves(left, costs[None], self.moves, _SLACK * left[0, 0]), self.moves)
        z = np.zeros_like(y)
        z[np.arange(len(y)), cells] = 1.0
        return z

    def _over_edges(self, y: Parameters) -> Decisions:
        toll = np.append(y, np.full((len(y), 1), np.inf), 1).T[self._edges]
        left = acyclic_distances(toll, self.moves)
        # Lengths are sums of both signs: their rounding is as large as what the signs cancel.
        cancelled = 2 * (self.rows + self.columns) * np.maximum(-y.min(1), 0)
        slack = _SLACK * (np.abs(left[0, 0]) + cancelled)
        cells, steps = visited(best_moves(left, toll, self.moves, slack), self.moves)
        table = np.append(self._edges.reshape(len(self.moves), -1), np.full((1, self.rows * self.columns), -1), 0)
        z = np.zeros((len(y), self.dim_z + 1))  # the last column takes the steps of those that have arrived
        z[np.arange(len(y)), table[steps, cells[:-1]]] = 1.0
        return z[:, :-1]

    @cached_property
    def _edges(self) -> NDArray[np.intp]:
        """Number of the edge by which each move leaves each cell, (k, rows, columns); -1 where it leaves the grid."""
        numbers = np.full((len(self.moves), self.rows, self.columns), -1)
        count = 0
        for row in range(self.rows):
            for move, (down, right) in enumerate(self.moves):
                if row + down < self.rows:
                    inside = self.columns - right
                    numbers[move, row, :inside] = np.arange(count, count + inside)
                    count += inside
        return numbers

    def _is_flow(self, z: Decisions) -> NDArray[np.bool_]:
        """Whether as many steps leave each cell as enter it, with one more at the first and one fewer at the last."""
        balance = np.zeros((len(z), self.rows, self.columns))
        for (down, right), numbers in zip(self.moves, self._edges, strict=True):
            row, column = np.nonzero(numbers >= 0)
            steps = z[:, numbers[row, column]]
            balance[:, row, column] += steps
            balance[:, row + down, column + right] -= steps
        balance[:, 0, 0] -= 1
        balance[:, -1, -1] += 1
        return np.asarray((balance == 0).all((1, 2)))

    def _joins_ends(self, z: Decisions) -> NDArray[np.bool_]:
        """Whether the last cell can be reached from the first over marked cells."""
        barred = np.where(z.T.reshape(self.rows, self.columns, -1) == 1, 0.0, np.inf)
        return np.asarray(np.isfinite(distances(barred, is_diagonal=self.neighbours == 8)[0, 0]))

    def _refuse_negative(self, y: Parameters) -> None:
        if y.min() < 0:
            row, cell = np.unravel_index(y.argmin(), y.shape)
            raise InvalidInputError(
                f"costs of cells must not be negative, got {y.min():.4g} in row {row} of `y` at cell "
                f"{divmod(int(cell), self.columns)}; clip predictions, as with np.maximum(y, 0)."
            )
