"""The transfer bound: an inequality that holds for every plan, predictor and task."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pto_tasks import Inventory, menu, task

from continuum.core import IncompatibleError, InvalidInputError
from continuum.decisions import (
    DecisionAwareCost,
    Lipschitz,
    PtODataset,
    TopK,
    decision_distance,
    regret,
    transfer_bound,
)
from continuum.measures import Sinkhorn


def linear(rng, problem, dimension=2):
    """A random linear predictor."""
    matrix, offset = rng.normal(size=(dimension, problem.dim_y)), rng.normal(size=problem.dim_y)
    return lambda x: np.asarray(x) @ matrix + offset


def plans(rng, source, target):
    yield decision_distance(source, target).plan
    yield decision_distance(source, target, mode="priced").plan
    yield decision_distance(source, target, solver=Sinkhorn(0.1)).plan
    yield np.outer(source.weights, target.weights)


@pytest.mark.parametrize("seed", range(15))
def test_no_predictor_loses_more_on_the_target_than_the_bound_says(seed):
    rng = np.random.default_rng(seed)
    problem = [menu(rng, "min"), menu(rng, "max"), TopK(5, 2), Inventory()][seed % 4]
    source = task(rng, problem, int(rng.integers(5, 15)), weighted=bool(seed % 2))
    target = task(rng, problem, int(rng.integers(5, 15)), shift=rng.normal())
    predict = linear(rng, problem)
    for plan in plans(rng, source, target):
        found = transfer_bound(source, target, plan, predict)
        assert found.slack >= -1e-12
        assert found.source_regret >= 0
        assert min(found.prediction, found.relabelled_prediction, found.relabelled_decision, found.disparity) >= 0


def test_its_regrets_are_those_of_the_predictor(rng):
    problem = TopK(5, 2)
    source, target = task(rng, problem, 8), task(rng, problem, 9)
    predict = linear(rng, problem)
    found = transfer_bound(source, target, np.full((8, 9), 1 / 72), predict)
    assert found.source_regret == pytest.approx(regret(problem, predict(source.x), source.y, reduction="mean"))
    assert found.target_regret == pytest.approx(regret(problem, predict(target.x), target.y, reduction="mean"))


def test_between_a_dataset_and_itself_the_bound_is_the_regret(rng):
    data = task(rng, menu(rng), 10)
    found = transfer_bound(data, data, np.eye(10) / 10, linear(rng, data.problem))
    assert found.bound == found.target_regret == found.source_regret
    assert found.slack == 0


@pytest.mark.parametrize("seed", range(12))
def test_with_lipschitz_weights_the_distance_bounds_transfer(seed):
    # The optimal order is the demand itself, so a linear predictor of slope w is L-Lipschitz with L = |w| max(costs).
    rng = np.random.default_rng(seed)
    problem = Inventory(short=float(rng.uniform(1, 5)), over=float(rng.uniform(1, 5)))
    source, target = task(rng, problem, 12), task(rng, problem, 15, shift=rng.normal())
    w = rng.normal(size=(2, 1))
    cost = DecisionAwareCost(problem, Lipschitz(float(np.linalg.norm(w)) * problem.lipschitz))
    found = decision_distance(source, target, cost)
    bound = transfer_bound(source, target, found.plan, lambda x: x @ w)
    assert found.scales == (1, 1, 1)
    assert bound.bound <= bound.source_regret + found.value + 1e-12
    assert bound.target_regret <= bound.source_regret + found.value


def test_a_predictor_that_ignores_features_needs_no_constant_of_its_own(rng):
    problem = menu(rng)
    source, target = task(rng, problem, 12), task(rng, problem, 15, shift=3.0)
    constant = rng.random(problem.dim_y)
    cost = DecisionAwareCost(problem, Lipschitz(features=0.0))
    found = decision_distance(source, target, cost)
    bound = transfer_bound(source, target, found.plan, lambda x: np.tile(constant, (len(x), 1)))
    assert bound.prediction == 0
    assert bound.target_regret <= bound.source_regret + found.value


def test_it_holds_for_logged_decisions_too(rng):
    problem = menu(rng)
    source, target = task(rng, problem, 10), task(rng, problem, 10)
    logged = [PtODataset(data.x, data.y, problem, data.z[rng.permutation(10)]) for data in (source, target)]
    plan = decision_distance(*logged).plan
    assert transfer_bound(*logged, plan, linear(rng, problem)).slack >= -1e-12


def test_many_pairs_are_read_in_pieces_of_the_same_sum(rng, monkeypatch):
    from continuum.decisions import bound

    source, target = task(rng, menu(rng), 8), task(rng, menu(rng), 9)
    target = PtODataset(target.x, target.y, source.problem)
    predict, plan = linear(rng, source.problem), torch.full((8, 9), 1 / 72, dtype=torch.float64)
    whole = transfer_bound(source, target, plan, predict)
    monkeypatch.setattr(bound, "_CHUNK", 7)
    assert transfer_bound(source, target, plan, predict).bound == pytest.approx(whole.bound, rel=1e-12)


def test_what_is_no_plan_between_the_datasets_is_refused(rng):
    problem = menu(rng)
    source, target = task(rng, problem, 4), task(rng, problem, 5)
    predict = linear(rng, problem)
    with pytest.raises(IncompatibleError, match=r"`plan` must be \(4, 5\).* got \(5, 4\)"):
        transfer_bound(source, target, np.full((5, 4), 1 / 20), predict)
    with pytest.raises(IncompatibleError, match="its rows miss their weights by"):
        transfer_bound(source, target, np.full((4, 5), 1 / 10), predict)
    negative = np.full((4, 5), 1 / 20)
    negative[0, 0] -= 1
    negative[0, 1] += 1
    with pytest.raises(IncompatibleError, match="negative"):
        transfer_bound(source, target, negative, predict)


def test_predictions_of_another_number_or_shape_are_refused(rng):
    problem = menu(rng)
    source, target = task(rng, problem, 4), task(rng, problem, 5)
    plan = np.full((4, 5), 1 / 20)
    with pytest.raises(InvalidInputError, match="`predict` gave 1 predictions for 4 instances"):
        transfer_bound(source, target, plan, lambda x: np.zeros((1, problem.dim_y)))
    with pytest.raises(InvalidInputError, match=r"`predict\(x\)` must have shape"):
        transfer_bound(source, target, plan, lambda x: x)
    with pytest.raises(IncompatibleError, match="must share one problem"):
        transfer_bound(source, task(rng, menu(rng, size=3), 5), plan, lambda x: x)
