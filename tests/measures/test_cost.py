"""Ground costs: exact values, and blocks that are pieces of one matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import (
    BoundedCost,
    Euclidean,
    FactoredCost,
    GroundCost,
    SquaredEuclidean,
    TableCost,
    WeightedSum,
    matrix,
    solve,
)
from continuum.measures import cost as cost_module
from continuum.measures.cost import least_cost

COLUMNS = torch.tensor([0, 1, 2, 1, 0])


def brute_force(x, y):
    return np.array([[sum((p - q) ** 2 for p, q in zip(s, t, strict=True)) for t in y] for s in x])


@pytest.fixture(params=["differences", "expanded"])
def route(request, monkeypatch):
    """Both ways to a squared distance, whatever the size."""
    if request.param == "expanded":
        monkeypatch.setattr(cost_module, "_DIRECT", 0)
    return request.param


@pytest.mark.usefixtures("route")
def test_squared_distances_are_not_halved(rng):
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
    assert matrix(SquaredEuclidean([[0.0, 0.0]], [[3.0, 4.0]])).tolist() == [[25.0]]
    np.testing.assert_allclose(matrix(SquaredEuclidean(x, y)), brute_force(x, y), rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
def test_squared_distances_survive_an_offset(rng, offset):
    # Coordinates are multiples of 1/8, so that adding the offset rounds nothing away.
    x, y = (rng.integers(-16, 16, size=(n, 3)) / 8 for n in (6, 4))
    moved = matrix(SquaredEuclidean(x + offset, y + offset))
    np.testing.assert_allclose(moved, brute_force(x, y), atol=1e-12)


@pytest.mark.usefixtures("route")
def test_squared_distances_of_a_cloud_to_itself_are_zero_on_the_diagonal_and_never_negative(rng):
    x = rng.normal(size=(50, 20)).astype(np.float32) + 1e4
    cost = matrix(SquaredEuclidean(x, x))
    assert float(cost.min()) >= 0
    assert float(cost.diagonal().max()) < 1e-12


def test_equal_points_cost_exactly_nothing_when_differences_are_formed(rng):
    x = rng.normal(size=(20, 5)) * 1e3
    assert matrix(SquaredEuclidean(x, x)).diagonal().tolist() == [0.0] * 20


def costs():
    rng = np.random.default_rng(0)
    euclidean = SquaredEuclidean(rng.normal(size=(4, 2)), rng.normal(size=(5, 2)))
    distance = Euclidean(rng.normal(size=(4, 2)), rng.normal(size=(5, 2)))
    table = TableCost(torch.tensor(rng.random((2, 3))), torch.tensor([1, 0, 0, 1]), COLUMNS)
    return [euclidean, distance, table, WeightedSum(((0.5, euclidean), (2.0, table))), WeightedSum(((0.0, table),))]


@pytest.mark.parametrize("cost", costs(), ids=lambda cost: type(cost).__name__)
def test_a_block_is_a_piece_of_the_matrix_in_fresh_memory(cost):
    assert isinstance(cost, GroundCost)
    whole = matrix(cost)
    assert cost.shape == tuple(whole.shape) == (4, 5)
    for rows, columns in [(slice(1, 3), slice(None)), (slice(None), slice(0, 1)), (slice(3, 4), slice(2, 5))]:
        np.testing.assert_allclose(cost.block(rows, columns), whole[rows, columns], atol=1e-14)
    expected = whole.clone()
    whole.fill_(torch.nan)
    assert torch.equal(matrix(cost), expected)


def test_a_table_is_looked_up_row_for_source_and_column_for_target():
    table = torch.tensor([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]])
    cost = TableCost(table, torch.tensor([1, 0]), torch.tensor([2, 0, 1]))
    assert matrix(cost).tolist() == [[12.0, 10.0, 11.0], [2.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [([0, 2], [0, 1], "`rows` must lie between 0 and 1, got 0 to 2"), ([0], [0, -1], "`columns` .* got -1 to 0")],
)
def test_a_table_refuses_places_that_it_does_not_have(rows, columns, says):
    with pytest.raises(InvalidInputError, match=says):
        TableCost(torch.zeros(2, 3), torch.tensor(rows), torch.tensor(columns))


def test_a_weighted_sum_adds_and_never_evaluates_a_part_of_weight_zero():
    class Untouchable:
        shape = (4, 5)

        def block(self, rows, columns):
            raise AssertionError("a part of weight 0 was evaluated")

    first, _, second, *_ = costs()
    total = matrix(WeightedSum(((2.0, first), (0.0, Untouchable()), (3.0, second))))
    np.testing.assert_allclose(total, 2 * matrix(first) + 3 * matrix(second), rtol=1e-14)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weighted_sum_refuses_weights_that_are_negative_or_not_finite(weight):
    with pytest.raises(InvalidInputError, match=f"finite and not negative, got {weight}"):
        WeightedSum(((weight, costs()[0]),))


def test_costs_of_other_shapes_or_dimensions_do_not_mix():
    with pytest.raises(IncompatibleError, match="`x` has 2 features and `y` has 3"):
        SquaredEuclidean(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(IncompatibleError, match="one shape"):
        WeightedSum(((1.0, costs()[0]), (1.0, SquaredEuclidean(np.zeros((4, 2)), np.zeros((4, 2))))))
    with pytest.raises(IncompatibleError, match="one shape"):
        WeightedSum(())


def test_a_table_may_be_lists_and_must_be_finite_with_whole_places():
    cost = TableCost([[1, 2], [3, 4]], [0, 1, 1], [1, 0])
    assert matrix(cost).tolist() == [[2, 1], [4, 3], [4, 3]]
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        TableCost([[float("nan")]], [0], [0])
    with pytest.raises(InvalidInputError, match="class numbers"):
        TableCost([[1.0]], [0.5], [0])


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_points_whose_squares_underflow_are_refused_and_equal_ones_are_not(rng, offset):
    points = np.column_stack([np.full(5, offset), rng.normal(size=(5, 2)) * 1e-170])
    with pytest.raises(InvalidInputError, match="square underflows; multiply all features"):
        SquaredEuclidean(points, points[:3])
    same = SquaredEuclidean(points[:1], points[:1])
    assert float(matrix(same)) == 0


@pytest.mark.parametrize("scale", [1e-149, 1e-100, 1e100, 1e149])
def test_small_and_large_points_keep_the_digits_of_their_squares(rng, scale):
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
    found = matrix(SquaredEuclidean(x * scale, y * scale)) / scale**2
    np.testing.assert_allclose(found, matrix(SquaredEuclidean(x, y)), rtol=1e-9)


@pytest.mark.usefixtures("route")
def test_a_distance_is_the_root_of_the_squared_one(rng):
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
    assert matrix(Euclidean([[0.0, 0.0]], [[3.0, 4.0]])).tolist() == [[5.0]]
    np.testing.assert_allclose(matrix(Euclidean(x, y)) ** 2, brute_force(x, y), rtol=1e-12, atol=1e-13)


def test_transport_of_a_distance_in_one_dimension_is_the_mean_gap_of_sorted_points(rng):
    x, y = rng.normal(size=(30, 1)), rng.normal(size=(30, 1))
    expected = np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)).mean()
    assert solve(Euclidean(x, y)).value == pytest.approx(expected, rel=1e-12)


def test_a_distance_has_no_factors_and_the_errors_of_the_squared_one():
    assert not isinstance(Euclidean([[0.0]], [[1.0]]), FactoredCost)
    with pytest.raises(IncompatibleError, match="`x` has 2 features and `y` has 3"):
        Euclidean(np.zeros((4, 2)), np.zeros((4, 3)))


def test_a_cost_that_knows_its_least_lends_it_to_the_sum(rng):
    class Shifted:
        shape, least = (4, 5), -2.0

        def block(self, rows, columns):
            return torch.zeros(4, 5, dtype=torch.float64)[rows][:, columns] - 1

    class Silent:
        shape, block = (4, 5), Shifted.block

    distance = Euclidean(rng.normal(size=(4, 2)), rng.normal(size=(5, 2)))
    assert isinstance(distance, BoundedCost)
    assert least_cost(WeightedSum(((3.0, Shifted()), (1.0, distance)))) == -6
    assert least_cost(Silent()) == -np.inf
