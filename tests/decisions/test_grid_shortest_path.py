"""Shortest paths over grids: exact lengths, ties, and costs that have no shortest path."""

from __future__ import annotations

from itertools import pairwise

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import InvalidInputError
from continuum.decisions import GridShortestPath

TERRAIN = np.array([0.8, 1.2, 5.3, 7.7, 9.2])


def neighbours_of(problem, row, column):
    for down, right in problem.moves:
        if 0 <= row + down < problem.rows and 0 <= column + right < problem.columns:
            yield row + down, column + right


def graph(problem, y):
    """The grid as a graph of networkx, whose weights are those of steps or of the cells that they enter."""
    network, costs = networkx.DiGraph(), iter(y)
    cells = [(row, column) for row in range(problem.rows) for column in range(problem.columns)]
    if problem.costs == "vertices":
        price = dict(zip(cells, y, strict=True))
        network.add_weighted_edges_from((a, b, price[b]) for a in cells for b in neighbours_of(problem, *a))
        return network, price[0, 0]
    for row in range(problem.rows):  # to the right, down and down-right, row by row
        for down, right in problem.moves:
            for column in range(problem.columns):
                if row + down < problem.rows and column + right < problem.columns:
                    network.add_edge((row, column), (row + down, column + right), weight=next(costs))
    return network, 0.0


def length(problem, y):
    network, start = graph(problem, y)
    end = (problem.rows - 1, problem.columns - 1)
    return start + networkx.bellman_ford_path_length(network, (0, 0), end)


KINDS = [(kind, neighbours) for kind in ("vertices", "edges") for neighbours in (4, 8)]


@pytest.mark.parametrize(("kind", "neighbours"), KINDS)
@pytest.mark.parametrize("shape", [(5, 5), (1, 6), (6, 1), (3, 7), (7, 2)])
def test_lengths_are_those_of_networkx(kind, neighbours, shape, rng):
    problem = GridShortestPath(*shape, neighbours=neighbours, costs=kind)
    y = rng.uniform(0, 2, size=(12, problem.dim_y))
    y[6:] = rng.choice([0.0, 1.0, 3.0], size=y[6:].shape)
    z = problem.solve(y)
    assert problem.is_feasible(z).all()
    np.testing.assert_allclose(problem.paired(z, y), [length(problem, costs) for costs in y], rtol=1e-12)


def test_winding_paths_are_found():
    maze = np.array([[1, 9, 1, 1, 1], [1, 9, 1, 9, 1], [1, 9, 1, 9, 1], [1, 1, 1, 9, 1]], float)
    problem = GridShortestPath(4, 5, neighbours=4)
    np.testing.assert_array_equal(problem.solve(maze.reshape(1, -1)).reshape(4, 5), maze == 1)


def test_steps_may_have_negative_costs(rng):
    problem = GridShortestPath(4, 5, neighbours=8, costs="edges")
    y = rng.normal(size=(30, problem.dim_y))
    z = problem.solve(y)
    assert problem.is_feasible(z).all()
    np.testing.assert_allclose(problem.paired(z, y), [length(problem, costs) for costs in y], atol=1e-12)


def test_steps_are_numbered_as_in_the_grid_of_five_by_five():
    problem = GridShortestPath(5, neighbours=4, costs="edges")
    assert problem.dim_y == 40
    y = np.ones((1, 40))
    y[0, [0, 1, 2, 3, 8, 17, 26, 35]] = 0  # along the first row, then down the last column
    np.testing.assert_array_equal(problem.solve(y), y == 0)


def test_a_negative_cost_of_a_cell_is_refused_and_named():
    y = np.ones((3, 12))
    y[1, 7] = -0.5
    with pytest.raises(InvalidInputError, match=r"negative, got -0.5 in row 1 of `y` at cell \(1, 3\); clip"):
        GridShortestPath(3, 4).solve(y)


def enumerate_paths(problem):
    """Every simple path as a list of cells."""
    end = (problem.rows - 1, problem.columns - 1)

    def extend(path):
        if path[-1] == end:
            yield path
            return
        for cell in neighbours_of(problem, *path[-1]):
            if cell not in path:
                yield from extend([*path, cell])

    return list(extend([(0, 0)]))


@pytest.mark.parametrize(("kind", "neighbours"), KINDS)
@given(data=st.data())
def test_of_paths_of_one_cost_the_shortest_and_then_the_first_is_taken(kind, neighbours, data):
    problem = GridShortestPath(3, 3, neighbours=neighbours, costs=kind)
    y = data.draw(st.lists(st.integers(0, 1), min_size=problem.dim_y, max_size=problem.dim_y))
    network, start = graph(problem, y)

    def rank(path):
        steps = pairwise(path)
        return start + sum(network.edges[step]["weight"] for step in steps), len(path), path

    best = min(enumerate_paths(problem), key=rank)
    ones = np.ones((1, problem.dim_y))
    for step in pairwise(best):
        if kind == "vertices":
            ones[0, [cell[0] * 3 + cell[1] for cell in step]] = 0
    if kind == "edges":  # read the numbers of the steps off a graph whose weights are these numbers
        numbers, _ = graph(problem, range(problem.dim_y))
        ones[0, [numbers.edges[step]["weight"] for step in pairwise(best)]] = 0
    np.testing.assert_array_equal(problem.solve([y]), 1 - ones)


@pytest.mark.parametrize("neighbours", [4, 8])
@pytest.mark.parametrize("scale", [3.0, 0.1, 7e5, 1e-9])
def test_a_scale_changes_no_path_though_many_cost_the_same(neighbours, scale, rng):
    # Sums of five prices tie often, and rounding orders them at random: the choice must not follow it.
    y = rng.choice(TERRAIN, size=(400, 64))
    problem = GridShortestPath(8, neighbours=neighbours)
    np.testing.assert_array_equal(problem.solve(scale * y), problem.solve(y))


def test_a_scale_changes_no_path_of_steps(rng):
    problem = GridShortestPath(6, neighbours=4, costs="edges")
    y = rng.choice([-0.1, 0.3, 0.7], size=(400, problem.dim_y))
    np.testing.assert_array_equal(problem.solve(3 * y), problem.solve(y))


def test_a_wall_elsewhere_blurs_no_difference():
    y = np.full((1, 9), 1e9)
    y[0, [0, 3, 6, 7, 8]] = 1.0
    y[0, [1, 2, 5]] = [1.0, 1.0, 1.0 - 1e-6]
    np.testing.assert_array_equal(GridShortestPath(3, neighbours=4).solve(y)[0, [1, 2, 5]], [1, 1, 1])


def test_cells_without_a_cost_are_not_walked_in_circles():
    np.testing.assert_array_equal(GridShortestPath(3, neighbours=8).solve(np.zeros((1, 9))).reshape(3, 3), np.eye(3))


def test_cells_are_feasible_if_they_hold_a_path_and_steps_if_they_are_one():
    cells = GridShortestPath(2, neighbours=4)
    np.testing.assert_array_equal(
        cells.is_feasible([[1, 1, 0, 1], [1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1], [1, 0.5, 0, 1]]),
        [True, True, False, False, False],
    )
    steps = GridShortestPath(2, neighbours=4, costs="edges")  # right, down, down, right
    np.testing.assert_array_equal(
        steps.is_feasible([[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]]),
        [True, True, False, False, False],
    )
