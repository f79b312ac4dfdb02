"""Regret: exact numbers, reductions, and optima that cannot normalise it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pto_problems import PROBLEMS, parameters

from continuum.core import IncompatibleError, InvalidInputError
from continuum.decisions import GridShortestPath, Newsvendor, TopK, decision_regret, regret

every = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


@every
def test_a_perfect_prediction_has_no_regret_and_any_other_none_below_0(problem, rng):
    y, predicted = parameters(problem, 50, rng), parameters(problem, 50, rng)
    np.testing.assert_array_equal(regret(problem, y, y, reduction="none"), np.zeros(50))
    excess = regret(problem, predicted, y, reduction="none")
    assert (excess >= 0).all()
    assert excess.max() > 0


@every
def test_reductions_are_of_one_vector(problem, rng):
    y, predicted = parameters(problem, 50, rng), parameters(problem, 50, rng)
    excess = regret(problem, predicted, y, reduction="none")
    optima = problem.paired(problem.solve(y), y)
    assert regret(problem, predicted, y, reduction="sum") == pytest.approx(excess.sum())
    assert regret(problem, predicted, y, reduction="mean") == pytest.approx(excess.mean())
    if np.abs(optima).sum() > 0:
        assert regret(problem, predicted, y) == pytest.approx(excess.sum() / np.abs(optima).sum())


@every
@pytest.mark.parametrize("reduction", ["mean", "normalized"])
def test_an_instance_of_twice_the_weight_counts_as_if_it_were_there_twice(problem, reduction, rng):
    y, predicted = parameters(problem, 6, rng), parameters(problem, 6, rng)
    twice = [0, 0, 1, 2, 3, 4, 4, 5]
    if reduction == "normalized" and not np.abs(problem.paired(problem.solve(y), y)).sum() > 0:
        pytest.skip("optima sum to 0")
    repeated = regret(problem, predicted[twice], y[twice], reduction=reduction)
    weighted = regret(problem, predicted, y, reduction=reduction, weights=np.bincount(twice) / 8)
    assert weighted == pytest.approx(repeated, rel=1e-12)


def test_a_weighted_sum_is_n_times_the_mean_and_single_regrets_know_no_weights(rng):
    problem, weights = TopK(3), rng.dirichlet(np.ones(5))
    y, predicted = rng.random((5, 3)), rng.random((5, 3))
    mean = regret(problem, predicted, y, reduction="mean", weights=weights)
    assert regret(problem, predicted, y, reduction="sum", weights=weights) == pytest.approx(5 * mean)
    alone = regret(problem, predicted, y, reduction="none", weights=weights)
    np.testing.assert_array_equal(alone, regret(problem, predicted, y, reduction="none"))


@every
def test_optimal_decisions_that_are_known_change_nothing(problem, rng):
    y, predicted = parameters(problem, 10, rng), parameters(problem, 10, rng)
    known = regret(problem, predicted, y, reduction="none", optimal=problem.solve(y))
    np.testing.assert_array_equal(known, regret(problem, predicted, y, reduction="none"))
    np.testing.assert_array_equal(known, decision_regret(problem, problem.solve(predicted), y))


@given(st.floats(1e-6, 1e6))
def test_normalised_regret_has_no_unit(scale):
    rng = np.random.default_rng(0)
    y, predicted = rng.uniform(0.1, 1, size=(2, 20, 9))
    problem = GridShortestPath(3)
    assert regret(problem, scale * predicted, scale * y) == pytest.approx(regret(problem, predicted, y), rel=1e-9)


def test_regret_of_a_newsvendor_is_the_price_of_being_wrong():
    excess = regret(Newsvendor(backorder=9, holding=1), [[3.0], [5.0]], [[4.0], [4.0]], reduction="none")
    np.testing.assert_allclose(excess, [9.0, 1.0])


def test_optima_of_0_normalise_nothing():
    problem = Newsvendor(backorder=9, holding=1)
    with pytest.raises(InvalidInputError, match=r"optima of all 1 instances sum to 0, .*; pass reduction='mean'"):
        regret(problem, [[3.0]], [[4.0]])
    with pytest.raises(InvalidInputError, match="pass reduction='mean'"):
        regret(problem, [[4.0]], [[4.0]])
    assert regret(problem, [[3.0]], [[4.0]], reduction="mean") == 9.0


def test_optima_that_cancel_are_summed_by_size():
    assert regret(TopK(2), [[0.0, 1.0], [1.0, 0.0]], [[1.0, -3.0], [-1.0, -2.0]]) == pytest.approx(4 / 2)


def test_ties_cost_nothing():
    np.testing.assert_array_equal(decision_regret(TopK(3), [[0, 1, 0]], [[2.0, 2.0, 1.0]]), [0.0])


def test_a_decision_that_beats_the_optimum_is_refused():
    with pytest.raises(InvalidInputError, match="1 decisions beat the optimum of TopK, the first in row 1 by 2"):
        decision_regret(TopK(3), [[1, 0, 0], [1, 0, 1]], [[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    with pytest.raises(InvalidInputError, match="what is called optimal is not"):
        regret(TopK(3), [[3.0, 1.0, 2.0]], [[3.0, 1.0, 2.0]], optimal=[[0, 1, 0]])


@pytest.mark.parametrize(
    ("predicted", "y", "options", "error", "message"),
    [
        ([[1.0, 2.0]], [[1.0, np.nan]], {}, InvalidInputError, "`y` has 1 NaN"),
        ([[1.0, np.nan]], [[1.0, 2.0]], {}, InvalidInputError, "`predicted` has 1 NaN"),
        ([[1.0, 2.0, 3.0]], [[1.0, 2.0]], {}, InvalidInputError, r"`predicted` must have shape \(n, 2\)"),
        (np.zeros((0, 2)), [[1.0, 2.0]], {}, InvalidInputError, "`predicted` is empty"),
        ([[1.0, 2.0]] * 3, [[1.0, 2.0]], {}, IncompatibleError, "3 predictions for 1 instances"),
        ([[1.0, 2.0]], [[1.0, 2.0]], {"reduction": "max"}, InvalidInputError, "'normalized', 'mean', 'sum' or 'none'"),
        (
            [[1.0, 2.0]],
            [[1.0, 2.0]],
            {"weights": [0.5, 0.5]},
            InvalidInputError,
            "`weights` must have one mass for each",
        ),
        ([[1.0, 2.0]], [[1.0, 2.0]], {"optimal": [[1, 0, 0]]}, InvalidInputError, r"`optimal` must have shape"),
        (
            [[1.0, 2.0]],
            [[1.0, 2.0]],
            {"optimal": [[1, 0]] * 2},
            IncompatibleError,
            "2 decisions and `y` has 1 instances",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(predicted, y, options, error, message):
    with pytest.raises(error, match=message):
        regret(TopK(2), predicted, y, **options)
