"""Laws that every problem keeps."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from pto_problems import COVARIANCE, LINEAR, PROBLEMS, parameters

from continuum.core import IncompatibleError, InvalidInputError, fingerprint
from continuum.decisions import (
    GridShortestPath,
    Knapsack,
    LinearProblem,
    MeanVariance,
    Newsvendor,
    Portfolio,
    PtODataset,
    PtOProblem,
    StochasticNewsvendor,
    SupportsFeasibility,
    SupportsLipschitz,
    TopK,
)
from continuum.decisions.problem import admit_problem, check_same_problem, sign

every = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


@every
def test_every_problem_has_the_protocol_and_says_what_is_feasible(problem):
    assert isinstance(problem, PtOProblem)
    assert isinstance(problem, SupportsFeasibility)
    assert isinstance(problem, LinearProblem) == (problem in LINEAR.values())
    assert admit_problem(problem) is problem


@every
def test_solutions_are_feasible_and_no_other_solution_is_better(problem, rng):
    y = parameters(problem, 40, rng)
    z = problem.solve(y)
    assert (z.shape, z.dtype) == ((40, problem.dim_z), np.float64)
    assert problem.is_feasible(z).all()
    values = sign(problem) * problem.objective(z, y)
    # Each of the 40 decisions is allowed for each of the 40 instances: its own one is the best of them.
    assert (values - np.diag(values) >= -1e-9 * np.abs(values).max()).all()


@every
def test_cross_values_on_the_diagonal_are_the_paired_ones(problem, rng):
    y = parameters(problem, 7, rng)
    z = problem.solve(y[::-1])
    np.testing.assert_allclose(np.diag(problem.objective(z, y)), problem.paired(z, y), rtol=1e-12)
    assert problem.objective(z[:3], y).shape == (3, 7)


@every
def test_an_instance_is_decided_alike_alone_and_in_company(problem, rng):
    y = parameters(problem, 300, rng)
    together = problem.solve(y)
    np.testing.assert_array_equal(
        np.concatenate([problem.solve(y[i : i + 1]) for i in range(0, 300, 23)]), together[::23]
    )
    order = rng.permutation(300)
    np.testing.assert_array_equal(problem.solve(y[order]), together[order])


@every
def test_solving_leaves_parameters_alone_and_repeats(problem, rng):
    y = parameters(problem, 5, rng)
    before = y.copy()
    np.testing.assert_array_equal(problem.solve(y), problem.solve(y.astype(object).astype(float)))
    np.testing.assert_array_equal(y, before)


@every
def test_objectives_change_no_faster_with_parameters_than_the_lipschitz_constant(problem, rng):
    assert isinstance(problem, SupportsLipschitz)
    y, other = parameters(problem, 60, rng), parameters(problem, 60, rng)
    z = problem.solve(parameters(problem, 60, rng))
    change = np.abs(problem.objective(z, y) - problem.objective(z, other)).max(0)
    assert (change <= problem.lipschitz * np.linalg.norm(y - other, axis=1) * (1 + 1e-12)).all()


@every
def test_nan_wrong_widths_and_empty_batches_are_refused(problem, rng):
    y = parameters(problem, 2, rng)
    broken = y.copy()
    broken[1, 0] = np.nan
    with pytest.raises(InvalidInputError, match=r"NaN or infinite entries, the first at index \(1, 0\)"):
        problem.solve(broken)
    with pytest.raises(InvalidInputError, match=rf"`y` must have shape \(n, {problem.dim_y}\)"):
        problem.solve(np.ones((2, problem.dim_y + 1)))
    with pytest.raises(InvalidInputError, match="is empty"):
        problem.solve(np.ones((0, problem.dim_y)))
    with pytest.raises(InvalidInputError, match="2 dimensions"):
        problem.solve(y[0])
    with pytest.raises(InvalidInputError, match=rf"`z` must have shape \(n, {problem.dim_z}\)"):
        problem.objective(np.ones((2, problem.dim_z + 1)), y)
    with pytest.raises(IncompatibleError, match="3 decisions and `y` has 2 instances"):
        problem.paired(np.ones((3, problem.dim_z)), y)


@every
def test_problems_survive_copies_and_are_known_by_content(problem):
    for twin in (copy.deepcopy(problem), pickle.loads(pickle.dumps(problem))):
        assert fingerprint(twin) == fingerprint(problem)
        check_same_problem(problem, twin)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (TopK(5, 1), TopK(5, 2)),
        (TopK(12), GridShortestPath(3, 4)),
        (GridShortestPath(3, 4), GridShortestPath(4, 3)),
        (GridShortestPath(3, neighbours=4), GridShortestPath(3, neighbours=8)),
        (Knapsack([1, 2], 2), Knapsack([1, 2], 3)),
        (Knapsack([1, 2], 2), Knapsack([2, 1], 2)),
        (Newsvendor(9, 1), Newsvendor(9, 2)),
        (StochasticNewsvendor((1, 2), 9, 1), StochasticNewsvendor((1, 3), 9, 1)),
        (Portfolio(COVARIANCE, 0.05), Portfolio(COVARIANCE, 0.06)),
        (Portfolio(COVARIANCE, 0.05), Portfolio(0.9 * COVARIANCE, 0.05)),
        (MeanVariance(COVARIANCE, 1.0), Portfolio(COVARIANCE, 1.0)),
    ],
    ids=str,
)
def test_two_feasible_sets_or_objectives_do_not_mix(source, target):
    with pytest.raises(IncompatibleError, match="source and target must share one problem"):
        check_same_problem(source, target)


@pytest.mark.parametrize(("spelling", "same"), [((9, 1), (9.0, (1, 0))), (((9, 0), 1), ((9.0, 0.0), 1.0))])
def test_costs_spelt_in_two_ways_are_one_problem(spelling, same):
    check_same_problem(Newsvendor(*spelling), Newsvendor(*same))


@pytest.mark.parametrize("thing", [None, TopK, 3, "TopK"])
def test_what_is_no_problem_is_refused(thing):
    with pytest.raises(InvalidInputError, match="must be a predict-then-optimise problem"):
        PtODataset([[0.0]], [[1.0]], thing)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TopK(0), "`items` must be at least 1"),
        (lambda: TopK(3, 4), "`k` must be between 1 and 3"),
        (lambda: TopK(3, 1.5), "`k` must be a whole number"),
        (lambda: GridShortestPath(1), "1 x 1 cells has no paths"),
        (lambda: GridShortestPath(3, neighbours=6), "`neighbours` must be 4 or 8"),
        (lambda: GridShortestPath(3, costs="cells"), "`costs` must be 'vertices' or 'edges'"),
        (lambda: Knapsack([1, 2], -1), "whole numbers of at least 0, got -1"),
        (lambda: Knapsack([1, 2.5], 3), "whole numbers of at least 0, got 2.5; multiply"),
        (lambda: Knapsack([[1, 2], [1, 2]], 3), r"got shapes \(2, 2\) and \(\)"),
        (lambda: Knapsack([1, np.nan], 3), "`weights` has 1 NaN"),
        (lambda: Newsvendor(-1, 1), "`backorder` must be finite and not negative"),
        (lambda: Newsvendor((1, 2, 3), 1), "`backorder` must be a number, or two"),
        (lambda: Newsvendor(0, 0), "all costs of stock are 0"),
        (lambda: Newsvendor(1, 1, items=0), "`items` must be at least 1"),
        (lambda: StochasticNewsvendor((2, 1), 1, 1), "`levels` must increase"),
        (lambda: StochasticNewsvendor((-1, 1), 1, 1), "`levels` must increase and not be negative"),
        (lambda: StochasticNewsvendor((), 1, 1), "`levels` is empty"),
        (lambda: Portfolio(np.eye(2), 0.49), "no portfolio keeps `risk` = 0.49: the least variance of any is 0.5"),
        (lambda: Portfolio(np.ones((2, 2)), 2.0), "positive definite"),
        (lambda: Portfolio(-np.eye(2), 2.0), "positive definite"),
        (lambda: Portfolio([[1.0, 0.5], [0.0, 1.0]], 2.0), "symmetric"),
        (lambda: Portfolio(np.ones((2, 3)), 2.0), "square"),
        (lambda: Portfolio(np.eye(2), 0.0), "`risk` must be positive"),
        (lambda: MeanVariance(np.eye(2), 0.0), "`aversion` must be positive"),
    ],
)
def test_options_that_mean_nothing_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
