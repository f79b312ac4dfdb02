"""Predict-then-optimise datasets: decisions that are solved once, or logged, and what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from continuum.core import ContinuumWarning, InvalidInputError
from continuum.decisions import GridShortestPath, PtODataset, TopK

Y = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0], [1.0, 1.0, 0.0]])
X = np.arange(6.0).reshape(3, 2)


class Counting:
    """Top one of three, which counts how often it is asked, and tells nobody what is feasible."""

    sense, dim_y, dim_z = "max", 3, 3

    def __init__(self, answer=None):
        self.solved, self.answer = 0, answer

    def solve(self, y):
        self.solved += 1
        return TopK(3).solve(y) if self.answer is None else self.answer

    def objective(self, z, y):
        return np.asarray(z) @ np.asarray(y).T

    def paired(self, z, y):
        return (np.asarray(z) * np.asarray(y)).sum(1)


def test_decisions_are_solved_once_when_they_are_first_read():
    problem = Counting()
    data = PtODataset(X, Y, problem)
    assert problem.solved == 0
    np.testing.assert_array_equal(data.z, TopK(3).solve(Y))
    assert data.z is data.z
    np.testing.assert_array_equal(data.subset([2, 0]).z, data.z[[2, 0]])
    assert problem.solved == 1
    assert data.is_optimal


def test_subsets_of_what_was_not_solved_are_solved_alone():
    problem = Counting()
    part = PtODataset(X, Y, problem).subset(np.array([True, False, True]))
    assert problem.solved == 0
    np.testing.assert_array_equal(part.z, TopK(3).solve(Y[[0, 2]]))


def test_logged_decisions_are_kept_and_known_as_such():
    logged = np.eye(3)[[1, 0, 2]]
    data = PtODataset(X, Y, TopK(3), z=logged)
    np.testing.assert_array_equal(data.z, logged)
    assert not data.is_optimal
    assert not data.subset([0]).is_optimal
    assert "logged" in repr(data)


def test_logged_decisions_of_another_feasible_set_are_refused():
    with pytest.raises(InvalidInputError, match=r"1 decisions that TopK does not allow, the first in row 2"):
        PtODataset(X, Y, TopK(3), z=[[1, 0, 0], [0, 1, 0], [1, 1, 0]])
    with pytest.raises(InvalidInputError, match=r"`z` must have shape \(n, 3\)"):
        PtODataset(X, Y, TopK(3), z=np.ones((3, 4)))
    with pytest.raises(InvalidInputError, match="2 decisions for 3 instances"):
        PtODataset(X, Y, TopK(3), z=np.eye(3)[:2])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:2], Y, "`x` has 2 instances and `y` has 3"),
        (X, Y[:, :2], r"`y` must have shape \(n, 3\)"),
        (X[:0], Y[:0], "`x` is empty"),
        (X * np.nan, Y, "`x` has 6 NaN"),
        (X, np.where(Y == 5, np.inf, Y), r"`y` has 1 NaN or infinite entries, the first at index \(1, 1\)"),
        ("features", Y, "`x` must be an array of real numbers"),
        (1.0, Y, "one row for each instance"),
    ],
)
def test_data_that_no_problem_can_use_are_refused(x, y, message):
    with pytest.raises(InvalidInputError, match=message):
        PtODataset(x, y, TopK(3))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones((2, 3)), "gave 2 decisions for 3 instances"),
        (np.ones((3, 2)), r"`solve\(y\)` must have shape \(n, 3\)"),
        (np.full((3, 3), np.nan), r"`solve\(y\)` has 9 NaN"),
    ],
)
def test_a_solver_that_fails_is_named(answer, message):
    with pytest.raises(InvalidInputError, match=message):
        PtODataset(X, Y, Counting(answer)).z  # noqa: B018


def test_parameters_without_an_optimum_are_refused_when_decisions_are_read():
    data = PtODataset(np.zeros((1, 1)), -np.ones((1, 4)), GridShortestPath(2))
    with pytest.raises(InvalidInputError, match="must not be negative"):
        data.z  # noqa: B018


@pytest.mark.parametrize("indices", [[0, 2], [True, False, True], slice(None, None, 2), np.array([0, 2])])
def test_subsets_keep_rows_together(indices):
    data = PtODataset(X, Y, TopK(3), weights=[0.2, 0.3, 0.5])
    part = data.subset(indices)
    np.testing.assert_array_equal(part.x, X[[0, 2]])
    np.testing.assert_array_equal(part.y, Y[[0, 2]])
    np.testing.assert_allclose(part.weights, [2 / 7, 5 / 7])


@pytest.mark.parametrize("indices", [[], [3], [[0]], slice(3, None), [True]])
def test_indices_that_do_not_fit_are_refused(indices):
    with pytest.raises(InvalidInputError, match="`indices` must be"):
        PtODataset(X, Y, TopK(3)).subset(indices)


def test_a_subset_without_weight_is_refused():
    with pytest.raises(InvalidInputError, match="of total weight 0"):
        PtODataset(X, Y, TopK(3), weights=[0, 0.5, 0.5]).subset([0])


def test_weights_are_distributions():
    np.testing.assert_allclose(PtODataset(X, Y, TopK(3)).weights, 1 / 3)
    with pytest.warns(ContinuumWarning, match="normalised"):
        np.testing.assert_allclose(PtODataset(X, Y, TopK(3), weights=[1, 1, 2]).weights, [0.25, 0.25, 0.5])


def test_features_stay_what_they_are_and_become_vectors():
    images = np.zeros((3, 2, 2), np.float32)
    data = PtODataset(images, Y, TopK(3))
    assert data.x.dtype == np.float32
    assert data.features.shape == (3, 4)
    tensor = PtODataset(torch.zeros(3, 2, 2), Y, TopK(3))
    assert isinstance(tensor.x, torch.Tensor)
    assert tensor.subset([1]).x.shape == (1, 2, 2)
    assert PtODataset(np.zeros(3, int), Y, TopK(3)).features.dtype == torch.float64


def test_datasets_survive_copies_before_and_after_they_are_solved():
    data = PtODataset(X, Y, TopK(3))
    for _ in range(2):
        for twin in (copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
            np.testing.assert_array_equal(twin.z, TopK(3).solve(Y))
            assert twin.is_optimal
        data.z  # noqa: B018


def test_what_a_dataset_has_not_is_said_as_python_says_it():
    with pytest.raises(AttributeError, match="'PtODataset' object has no attribute 'zz'"):
        PtODataset(X, Y, TopK(3)).zz  # noqa: B018
