"""The decision-aware distance: joint and priced plans, and what they say of transfer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pto_tasks import Inventory, Opaque, cubic_task, menu, task

from continuum.core import ConvergenceWarning, IncompatibleError, InvalidInputError
from continuum.decisions import (
    DecisionAwareCost,
    Priced,
    PtODataset,
    TopK,
    correlate,
    decision_distance,
    disparity_cost,
    regret,
    simplex_grid,
)
from continuum.decisions import distance as distance_module
from continuum.measures import Exact, Sinkhorn, matrix, solve


def pair(rng, problem=None, n=12, m=15):
    problem = menu(rng) if problem is None else problem
    return task(rng, problem, n, weighted=True), task(rng, problem, m, shift=0.5)


def test_the_priced_value_is_the_weighted_sum_of_what_its_plan_costs(rng):
    for problem in (menu(rng), menu(rng, "max"), Inventory(), Opaque(menu(rng))):
        source, target = pair(rng, problem)
        found = decision_distance(source, target, DecisionAwareCost(problem, (0.2, 0.3, 0.5)), mode="priced")
        assert found.mode == "priced"
        assert found.value == pytest.approx(np.dot((0.2, 0.3, 0.5), found.components), rel=1e-12)
        assert found.value == pytest.approx(found.at(found.weights), rel=1e-12)
        parts = found.parts
        for part, price in zip((parts.x, parts.y, parts.z), found.components, strict=True):
            assert price == pytest.approx(float((matrix(part).numpy() * found.plan.toarray()).sum()), rel=1e-11)


def test_a_joint_distance_is_never_above_the_priced_one_at_any_weights(rng):
    source, target = pair(rng)
    problem = source.problem
    plans = [decision_distance(source, target, mode=mode) for mode in ("priced", Priced(1, 1), Priced(0, 1), "joint")]
    for weights in simplex_grid(3):
        joint = decision_distance(source, target, DecisionAwareCost(problem, weights))
        assert joint.at(weights) == pytest.approx(joint.value, rel=1e-11)
        for plan in plans:
            assert joint.value <= plan.at(weights) * (1 + 1e-12)


def test_one_solve_serves_the_whole_grid_of_weights(rng, monkeypatch):
    solves = []

    def counted(*args, **options):
        solves.append(args)
        return solve(*args, **options)

    monkeypatch.setattr(distance_module, "solve", counted)
    problem = Opaque(menu(rng))
    source, target = pair(rng, problem)
    found = decision_distance(source, target, mode="priced")
    prices = [found.at(weights) for weights in simplex_grid()]
    assert len(prices) == 91
    assert len(solves) == 1
    assert problem.counts["solved"] == len(source) + len(target)


def test_the_priced_plan_is_that_of_the_features(rng):
    source, target = pair(rng)
    cost = DecisionAwareCost(source.problem, (0.2, 0.2, 0.6))
    alone = decision_distance(source, target, DecisionAwareCost(source.problem, (1, 0, 0)))
    priced = decision_distance(source, target, cost, mode="priced")
    assert (priced.plan != alone.plan).nnz == 0
    assert priced.components[0] == alone.value
    assert priced.lower <= priced.components[0] * (1 + 1e-12) <= priced.upper * (1 + 1e-11)
    both = decision_distance(source, target, cost, mode=Priced(features=1, labels=2))
    assert both.upper == pytest.approx(both.components[0] + 2 * both.components[1], rel=1e-11)


def test_on_the_same_instances_with_other_costs_the_plan_is_the_identity_and_the_price_the_mean_disparity(rng):
    problem = TopK(8, 2)
    x, y = rng.normal(size=(30, 5)), rng.random((30, 8))
    source, target = PtODataset(x, y, problem), PtODataset(x, y + 0.5 * rng.random((30, 8)), problem)
    expected = regret(problem, source.y, target.y, reduction="mean")
    for weights in ((0.8, 0.1, 0.1), (0.9, 0.0, 0.1), (1.0, 0.0, 0.0)):
        cost = DecisionAwareCost(problem, weights)
        for mode in ("joint", "priced"):
            found = decision_distance(source, target, cost, mode=mode)
            np.testing.assert_allclose(found.plan.toarray(), np.eye(30) / 30, atol=1e-15)
            assert found.components[2] * found.scales[2] == pytest.approx(expected, rel=1e-12)
            np.testing.assert_allclose(
                found.row_disparity, regret(problem, source.y, target.y, reduction="none"), atol=1e-12
            )


def test_a_dominating_decision_term_pairs_equal_decisions_whatever_the_features_are(rng):
    # Two tasks of one set of features and opposite decisions: every transfer fails, and the joint distance is 0.
    problem = TopK(2, 1)
    x = np.repeat([[0.0], [1.0]], 10, axis=0)
    source = PtODataset(x, np.where(x == 0, [[2.0, 1.0]], [[1.0, 2.0]]), problem)
    target = PtODataset(x, np.where(x == 0, [[1.0, 2.0]], [[2.0, 1.0]]), problem)
    cost = DecisionAwareCost(problem, (0.0, 0.0, 1.0), scale=None)
    assert regret(problem, source.y, target.y, reduction="mean") == 1
    assert decision_distance(source, target, cost).value == 0
    assert decision_distance(source, target, cost, mode="priced").value == 1


def test_a_dataset_is_at_no_distance_from_itself(rng):
    data = task(rng, menu(rng), 20)
    for mode in ("joint", "priced"):
        assert decision_distance(data, data, mode=mode).value == pytest.approx(0, abs=1e-14)


def test_with_symmetric_parts_and_a_pooled_scale_the_distance_is_symmetric(rng):
    source, target = pair(rng)
    for disparity in ("sym", "profile"):
        cost = DecisionAwareCost(source.problem, disparity=disparity, scale="pooled")
        there, back = decision_distance(source, target, cost), decision_distance(target, source, cost)
        assert there.value == pytest.approx(back.value, rel=1e-12)


def test_without_a_say_of_decisions_nothing_is_decided(rng):
    problem = Opaque(menu(rng))
    source, target = pair(rng, problem)
    decision_distance(source, target, DecisionAwareCost(problem, (1, 1, 0)))
    decision_distance(source, target, DecisionAwareCost(problem, (1, 1, 0)), mode="priced")
    assert problem.counts["solved"] == 0


def test_bounds_and_convergence_are_those_of_the_plan(rng):
    source, target = pair(rng)
    exact = decision_distance(source, target)
    assert exact.converged
    assert exact.lower <= exact.value == exact.upper
    assert exact.upper - exact.lower <= 1e-9
    with pytest.warns(ConvergenceWarning):
        stopped = decision_distance(source, target, solver=Sinkhorn(1e-3, max_iterations=2))
    assert not stopped.converged
    assert stopped.lower <= exact.value <= stopped.upper


def test_a_dense_plan_is_priced_like_a_sparse_one(rng):
    source, target = pair(rng)
    found = decision_distance(source, target, solver=Sinkhorn(0.05))
    assert isinstance(found.plan, torch.Tensor)
    for part, price in zip((found.parts.x, found.parts.y, found.parts.z), found.components, strict=True):
        assert price == pytest.approx(float((matrix(part) * found.plan).sum()), rel=1e-12)
    rows = (matrix(disparity_cost(source, target)) * found.plan).sum(1).numpy() / source.weights
    np.testing.assert_allclose(found.row_disparity, rows, rtol=1e-10)


def test_rows_that_would_mislead_on_the_target_are_those_of_largest_disparity(rng):
    problem = TopK(5, 1)
    x, y = rng.normal(size=(40, 3)), rng.random((40, 5))
    wrong = np.zeros(40, bool)
    wrong[[3, 17, 30]] = True
    source = PtODataset(x, np.where(wrong[:, None], -y, y), problem)
    found = decision_distance(source, PtODataset(x, y, problem), mode="priced").row_disparity
    assert set(np.argsort(found)[-3:]) == {3, 17, 30}
    assert found[~wrong].max() == 0


def test_a_row_without_mass_has_no_disparity(rng):
    problem = menu(rng)
    source = PtODataset(np.zeros((2, 1)), np.ones((2, 4)), problem, weights=[1.0, 0.0])
    found = decision_distance(source, task(rng, problem, 4, dimension=1), mode="priced").row_disparity
    assert np.isnan(found).tolist() == [False, True]


def test_weights_of_other_grids_and_wrong_options_are_refused(rng):
    source, target = pair(rng)
    found = decision_distance(source, target, mode="priced")
    with pytest.raises(InvalidInputError, match="`weights` must be three numbers"):
        found.at((1, 2))
    with pytest.raises(InvalidInputError, match="`mode` must be 'joint', 'priced' or Priced"):
        decision_distance(source, target, mode="plan-then-price")
    with pytest.raises(InvalidInputError, match="`cost` must be a DecisionAwareCost"):
        decision_distance(source, target, (1, 1, 1))
    with pytest.raises(InvalidInputError, match="must not both be 0"):
        Priced(0, 0)
    with pytest.raises(IncompatibleError, match="must share one problem"):
        decision_distance(source, task(rng, menu(rng, size=5), 4))


def test_a_distance_is_a_number_and_says_in_one_line_what_it_is(rng):
    source, target = pair(rng)
    found = decision_distance(source, target, solver=Exact())
    assert float(found) == found.value
    assert repr(found).startswith("DecisionDistance(joint=")
    assert "\n" not in repr(found)


def slope(data, features):
    """Least squares through the origin: of values on the features of items."""
    return float((features * data.y).sum() / (features * features).sum())


def test_the_slope_of_a_cubic_task_and_what_its_predictor_loses():
    # E x^4 / E x^2 = 3/5 on (-1, 1); the predictor takes the last item if the slope is positive, else the first.
    target = cubic_task(0.65, 300, seed=1)
    losses = {}
    for coefficient in (0.0, 0.3, 0.9, 1.2):
        data = cubic_task(coefficient, 2000)
        found = slope(data, data.x)
        residuals = data.y - found * data.x
        error = np.sqrt((data.x**2 * residuals**2).sum()) / (data.x**2).sum()
        assert abs(found - 10 * (0.6 - coefficient)) < 3 * error
        losses[coefficient] = regret(target.problem, found * target.x, target.y)
    assert losses[0.0] == losses[0.3] == pytest.approx(0.05, abs=0.05)
    assert losses[0.9] == losses[1.2] == pytest.approx(1.98, abs=0.05)


def test_of_cubic_tasks_decisions_tell_the_regret_and_labels_do_not():
    target = cubic_task(0.65, 100, seed=99)
    coefficients = [0.0, 0.1, 0.2, 0.3, 0.4, 0.65, 0.9, 1.0, 1.1, 1.2, 1.3]
    sources = [cubic_task(coefficient, 100, seed=k) for k, coefficient in enumerate(coefficients)]
    losses = [regret(target.problem, slope(data, data.x) * target.x, target.y) for data in sources]

    def distances(*weights):
        cost = DecisionAwareCost(target.problem, weights)
        return [decision_distance(data, target, cost).value for data in sources]

    decisions, labels = distances(0, 0, 1), distances(0, 1, 0)
    assert correlate(decisions, losses).pearson > 0.6 > correlate(labels, losses).pearson
    flat, rising = decisions[:5], decisions[6:]
    assert max(flat) - min(flat) < 0.1 * max(decisions)
    assert rising == sorted(rising)
