"""Paths of decision-aware distances, and of predict-then-optimise datasets whose decisions are made anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pto_tasks import Inventory, Menu, Opaque, menu, task

from continuum import evaluate
from continuum.core import DomainError, IncompatibleError, Interpolant
from continuum.decisions import (
    DecisionAwareCost,
    DecisionAwareDistance,
    DecisionCostPath,
    DecisionPath,
    PtODataset,
    TopK,
    decision_distance,
    decision_drift,
)
from continuum.measures import Sinkhorn


def pair(rng, problem=None):
    problem = menu(rng) if problem is None else problem
    return task(rng, problem, 6, weighted=True), task(rng, problem, 8, shift=0.5)


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("x", "y", "z", "weights"))


@pytest.mark.parametrize("mode", ["joint", "priced"])
def test_a_point_of_the_cost_path_is_the_distance_at_its_weights(rng, mode):
    source, target = pair(rng)
    path = DecisionCostPath(DecisionAwareCost(source.problem, (1, 0, 0), "sym"), mode=mode)
    assert isinstance(path, Interpolant)
    for weights in ((0.2, 0.3, 0.5), (0, 0, 1)):
        expected = decision_distance(source, target, DecisionAwareCost(source.problem, weights, "sym"), mode=mode)
        assert path.at(weights)(source, target).value == expected.value


def test_the_corners_are_the_pure_distances(rng):
    source, target = pair(rng)
    path = DecisionCostPath(DecisionAwareCost(source.problem))
    found = [distance(source, target) for distance in path.endpoints.values()]
    assert list(path.endpoints) == [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    for k, distance in enumerate(found):
        assert distance.value == pytest.approx(distance.components[k], rel=1e-11)
    assert path.at({"labels": 1})(source, target).value == found[1].value
    with pytest.raises(DomainError, match="features, labels, decisions must sum to 1"):
        path.at((1, 1, 1))


def test_a_distance_is_a_function_with_its_options(rng):
    source, target = pair(rng)
    function = DecisionAwareDistance(DecisionAwareCost(source.problem), mode="priced", solver=Sinkhorn(0.1))
    found = function(source, target)
    assert found.mode == "priced"
    assert isinstance(found.plan, torch.Tensor)


def test_both_ends_of_a_path_of_datasets_are_reached_exactly(rng):
    source, target = pair(rng)
    path = DecisionPath(source, target)
    start, end = path.endpoints[(0.0,)], path.endpoints[(1.0,)]
    assert same(path.at(0), start)
    assert same(path.at(1), end)
    for data, atoms in ((source, start), (target, end)):
        rows = [int(np.flatnonzero((data.x == x).all(1))[0]) for x in atoms.x]  # raises for one that is none
        assert np.array_equal(data.y[rows], atoms.y)
        assert np.array_equal(data.z[rows], atoms.z)
        np.testing.assert_allclose(np.bincount(rows, atoms.weights, len(data)), data.weights, atol=1e-12)


def test_instances_travel_in_straight_lines_and_are_decided_anew(rng):
    for problem in (menu(rng), menu(rng, "max"), Inventory(), Opaque(menu(rng))):
        source, target = pair(rng, problem)
        path = DecisionPath(source, target)
        start, middle, end = (path.at(t) for t in (0, 0.25, 1))
        np.testing.assert_allclose(middle.x, 0.75 * start.x + 0.25 * end.x, atol=1e-14)
        np.testing.assert_allclose(middle.y, 0.75 * start.y + 0.25 * end.y, atol=1e-14)
        assert np.array_equal(middle.z, problem.solve(middle.y))
        assert middle.is_optimal


def test_decisions_between_are_allowed_where_mixtures_of_decisions_are_not(rng):
    problem = TopK(6, 2)
    source, target = pair(rng, problem)
    path = DecisionPath(source, target)
    mixed = (path.at(0).z + path.at(1).z) / 2
    assert not problem.is_feasible(mixed).all()
    assert problem.is_feasible(path.at(0.5).z).all()


def test_logged_decisions_are_not_used(rng):
    source, target = pair(rng)
    logged = PtODataset(source.x, source.y, source.problem, source.z[::-1], source.weights)
    assert not np.array_equal(logged.z, source.z)
    path = DecisionPath(logged, target)
    assert np.array_equal(path.at(0).z, source.problem.solve(path.at(0).y))


def test_features_may_be_tensors_and_images(rng):
    problem = menu(rng)
    source = PtODataset(torch.tensor(rng.random((4, 2, 3))), rng.random((4, 4)), problem)
    target = PtODataset(rng.random((5, 2, 3)), rng.random((5, 4)), problem)
    middle = DecisionPath(source, target).at(0.5)
    assert isinstance(middle.x, torch.Tensor)
    assert tuple(middle.x.shape[1:]) == (2, 3)


def test_a_plan_of_the_users_choice_is_followed(rng):
    source, target = pair(rng)
    cost = DecisionAwareCost(source.problem, (0, 0, 1))
    path = DecisionPath(source, target, cost, mode="joint")
    plan = decision_distance(source, target, cost).plan
    assert len(path.at(0)) == plan.nnz
    assert len(DecisionPath(source, target, solver=Sinkhorn(0.1)).at(0)) == len(source) * len(target)


def test_what_cannot_be_interpolated_is_refused(rng):
    source, target = pair(rng)
    with pytest.raises(IncompatibleError, match="must share one problem"):
        DecisionPath(source, task(rng, TopK(4, 1), 3))
    flat = PtODataset(np.zeros((8, 5)), target.y, target.problem)
    with pytest.raises(IncompatibleError, match=r"one shape, got \(2,\) and \(5,\)"):
        DecisionPath(source, flat)


def test_drift_is_the_mean_regret_of_keeping_the_first_decisions(rng):
    source, target = pair(rng, TopK(5, 2))
    path = DecisionPath(source, target)
    start, end = path.at(0), path.at(1)
    drift = decision_drift(start)
    assert drift(start) == 0
    worth = ((end.z - start.z) * end.y).sum(1)
    assert drift(end) == pytest.approx(end.weights @ worth, rel=1e-12)
    assert drift.measure(end).values == pytest.approx(len(end) * end.weights * worth, rel=1e-12)
    # Linear less concave in t, at least 0 and 0 at t = 0: it never falls.
    table = evaluate(path, [drift], points=9, progress=False).frame
    assert table[table["role"] == "path"]["value"].is_monotonic_increasing
    with pytest.raises(IncompatibleError, match="drift compares the same instances"):
        drift(source.subset([0, 1]))


def test_drift_of_a_cost_is_a_cost(rng):
    problem = Menu(np.eye(2))
    source, target = PtODataset([[0.0]], [[1.0, 2.0]], problem), PtODataset([[0.0]], [[4.0, 1.0]], problem)
    path = DecisionPath(source, target, DecisionAwareCost(problem, scale=None))
    assert decision_drift(path.at(0))(path.at(1)) == 3
