"""The decision-aware ground cost: what it adds up, in which units, and which solvers it suits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pto_tasks import Inventory, Opaque, menu, task
from scipy.optimize import linear_sum_assignment

from continuum.core import ContinuumWarning, IncompatibleError, InvalidInputError
from continuum.decisions import (
    DecisionAwareCost,
    Lipschitz,
    Newsvendor,
    Profile,
    PtODataset,
    TableMetric,
    TopK,
    decision_distance,
    disparity_cost,
    regret,
)
from continuum.measures import Euclidean, SquaredEuclidean, Stratified, Streamed, TableCost, matrix, solve

SQUARES = {"feature_metric": SquaredEuclidean, "label_metric": SquaredEuclidean}


def pair(rng, problem=None, n=7, m=9):
    problem = menu(rng) if problem is None else problem
    return task(rng, problem, n), task(rng, problem, m, shift=1.0)


def test_the_cost_is_the_weighted_sum_of_its_scaled_parts(rng):
    source, target = pair(rng)
    raw = Euclidean(source.x, target.x), Euclidean(source.y, target.y), disparity_cost(source, target)
    own = Euclidean(target.x, target.x), Euclidean(target.y, target.y), disparity_cost(target, target)
    cost = DecisionAwareCost(source.problem, (0.2, 0.3, 0.5))
    parts = cost.components(source, target)
    scales = [float(matrix(part).mean()) for part in own]
    np.testing.assert_allclose(parts.scales, scales, rtol=1e-12)
    for part, unscaled, scale in zip((parts.x, parts.y, parts.z), raw, scales, strict=True):
        np.testing.assert_allclose(matrix(part), matrix(unscaled) / scale, rtol=1e-12)
    expected = 0.2 * matrix(parts.x) + 0.3 * matrix(parts.y) + 0.5 * matrix(parts.z)
    np.testing.assert_allclose(matrix(cost.between(source, target)), expected, rtol=1e-12)


def test_without_weight_for_decisions_it_is_the_transport_of_features_and_labels(rng):
    source, target = pair(rng, n=12, m=12)
    cost = DecisionAwareCost(source.problem, (0.6, 0.4, 0.0), scale=None, **SQUARES)
    dense = sum(
        weight * ((p[:, None] - q[None]) ** 2).sum(-1)
        for weight, p, q in ((0.6, source.x, target.x), (0.4, source.y, target.y))
    )
    rows, columns = linear_sum_assignment(dense)
    found = decision_distance(source, target, cost)
    assert found.value == pytest.approx(dense[rows, columns].mean(), rel=1e-12)


def test_between_one_instance_each_decisions_alone_cost_the_regret_of_the_sources_decision(rng):
    problem = TopK(6, 2)
    source, target = pair(rng, problem, n=1, m=1)
    cost = DecisionAwareCost(problem, (0, 0, 1), scale=None)
    expected = regret(problem, source.y, target.y, reduction="mean")
    assert expected > 0
    assert decision_distance(source, target, cost).value == pytest.approx(expected, rel=1e-12)


def test_parts_of_weight_zero_are_never_computed_nor_scaled(rng):
    problem = Opaque(menu(rng))
    source, target = pair(rng, problem)
    other = PtODataset(np.zeros((len(source), 5)), source.y, problem)  # five features, where the target has two
    without_decisions = DecisionAwareCost(problem, (0.5, 0.5, 0))
    matrix(without_decisions.between(source, target))
    assert problem.counts["solved"] == 0
    matrix(DecisionAwareCost(problem, (0, 0.5, 0.5)).between(other, target))
    with pytest.raises(IncompatibleError, match="features of source and target have 5 and 2 dimensions"):
        without_decisions.between(other, target)


def test_pooled_scales_are_means_over_the_equal_mixture_and_do_not_depend_on_the_direction(rng):
    source, target = pair(rng)
    cost = DecisionAwareCost(source.problem, disparity="sym", scale="pooled")
    there, back = cost.components(source, target).scales, cost.components(target, source).scales
    np.testing.assert_allclose(there, back, rtol=1e-12)
    pairs = [(p.x, q.x) for p in (source, target) for q in (source, target)]
    assert there[0] == pytest.approx(np.mean([float(matrix(Euclidean(*xs)).mean()) for xs in pairs]), rel=1e-12)


def test_scales_are_means_under_the_weights_of_instances_with_factors_and_without(rng):
    problem = TopK(5, 2)
    source, target = task(rng, problem, 7), task(rng, problem, 9, weighted=True)
    means = target.weights @ matrix(disparity_cost(target, target)).numpy() @ target.weights
    for known in (problem, Opaque(problem)):
        twins = [PtODataset(data.x, data.y, known, weights=data.weights) for data in (source, target)]
        assert DecisionAwareCost(known).components(*twins).scales[2] == pytest.approx(means, rel=1e-12)


def test_a_number_scales_all_parts_and_three_numbers_each(rng):
    source, target = pair(rng)
    plain = DecisionAwareCost(source.problem, (1, 1, 1), scale=None).components(source, target)
    assert plain.scales == (1, 1, 1)
    for scale, expected in ((2.0, (2, 2, 2)), ((1.0, 2.0, 4.0), (1, 2, 4)), (np.array([1.0, 2.0, 4.0]), (1, 2, 4))):
        parts = DecisionAwareCost(source.problem, scale=scale).components(source, target)
        assert parts.scales == expected
        np.testing.assert_allclose(matrix(parts.z) * expected[2], matrix(plain.z), rtol=1e-14)


@pytest.mark.parametrize("metric", [Euclidean, SquaredEuclidean])
def test_a_part_without_spread_is_left_unscaled_with_a_warning_and_the_distance_is_finite(rng, metric):
    problem = TopK(40, 1)
    y = np.tile(0.1 * np.arange(1.0, 41.0), (300, 1))  # the last item is always the best
    source = PtODataset(np.full((300, 90), 0.1), y, problem)
    target = PtODataset(np.full((300, 90), 0.3), y * rng.random((300, 1)), problem)
    cost = DecisionAwareCost(problem, feature_metric=metric, label_metric=metric)
    parts = cost.components(source, target)
    for name, part in (("features", parts.parts[0]), ("decisions", parts.parts[2])):
        with pytest.warns(ContinuumWarning, match=f"mean cost of {name} within target is 0, so it is left unscaled"):
            _ = part.unit
    assert parts.scales[0] == parts.scales[2] == 1
    with pytest.warns(ContinuumWarning, match="left unscaled"):
        found = decision_distance(source, target, cost)
    assert found.components[0] == pytest.approx(float(matrix(metric([[0.1] * 90], [[0.3] * 90]))), rel=1e-9)
    assert found.components[2] == 0


@pytest.mark.filterwarnings("ignore::continuum.core.errors.ContinuumWarning")
def test_a_target_of_one_instance_has_a_finite_distance(rng):
    source, target = pair(rng, n=5, m=1)
    assert np.isfinite(decision_distance(source, target).value)


@pytest.mark.parametrize("disparity", ["target", "source", "sym"])
def test_with_squared_distances_and_a_linear_problem_it_is_solved_without_a_matrix(rng, disparity):
    source, target = pair(rng, TopK(12, 3), n=300, m=250)
    cost = DecisionAwareCost(source.problem, (0.5, 0.2, 0.3), disparity, **SQUARES)
    exact = decision_distance(source, target, cost)
    streamed = decision_distance(source, target, cost, solver=Streamed(gap=1e-3))
    assert streamed.converged
    assert streamed.lower * (1 - 1e-9) <= exact.value <= streamed.upper * (1 + 1e-9)
    assert streamed.value == pytest.approx(exact.value, rel=2e-3)
    stratified = decision_distance(source, target, cost, solver=Stratified(size=150))
    assert stratified.lower == 0
    assert exact.value <= stratified.value
    np.testing.assert_allclose(stratified.components @ np.array(cost.triple), stratified.value, rtol=1e-9)


@pytest.mark.parametrize("option", [{}, {"disparity": "profile", **SQUARES}])
def test_a_cost_without_factors_is_refused_by_solvers_that_need_them(rng, option):
    source, target = pair(rng)
    with pytest.raises(InvalidInputError, match="needs a cost with factors"):
        decision_distance(source, target, DecisionAwareCost(source.problem, **option), solver=Streamed())


def test_lipschitz_weights_are_constants_of_unscaled_parts(rng):
    source, target = pair(rng)
    problem = source.problem
    cost = DecisionAwareCost(problem, "lipschitz")
    assert cost.triple == (1.0, 2 * problem.lipschitz, 1.0)
    assert DecisionAwareCost(problem, Lipschitz(0.5, 3.0)).triple == (0.5, 6.0, 1.0)
    assert cost.components(source, target).scales == (1, 1, 1)
    expected = DecisionAwareCost(problem, cost.triple, scale=None)
    np.testing.assert_allclose(matrix(cost.between(source, target)), matrix(expected.between(source, target)))


def test_lipschitz_weights_need_a_constant_and_the_disparity_of_the_bound(rng):
    for problem in (Opaque(menu(rng)), Newsvendor((1.0, 1.0), 1.0)):  # one does not know, one has none
        with pytest.raises(InvalidInputError, match="knows no finite Lipschitz constant"):
            DecisionAwareCost(problem, "lipschitz")
    with pytest.raises(InvalidInputError, match="bound the 'target' disparity, got 'sym'"):
        DecisionAwareCost(Inventory(), "lipschitz", disparity="sym")
    with pytest.raises(InvalidInputError, match="`features` must be finite and not negative"):
        Lipschitz(-1.0)


def test_a_table_is_looked_up_for_labels_that_it_knows():
    problem = TopK(2, 1)
    metric = TableMetric([[0.0, 5.0], [5.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
    source, target = (PtODataset([[0.0]] * 2, y, problem) for y in ([[1, 0], [0, 1]], [[0, 1], [0, 1]]))
    cost = DecisionAwareCost(problem, (0, 1, 0), scale=None, label_metric=metric)
    assert matrix(cost.between(source, target)).tolist() == [[5.0, 5.0], [0.0, 0.0]]
    assert isinstance(metric(source.y, target.y), TableCost)
    with pytest.raises(InvalidInputError, match=r"label \[2.0, 0.0\] is none of the 2 that `table` knows"):
        metric([[2.0, 0.0]], [[1.0, 0.0]])
    with pytest.raises(InvalidInputError, match=r"`table` must be \(1, 1\) for 1 labels"):
        TableMetric(np.zeros((2, 2)), [[0.0]])


def test_own_metrics_are_ground_costs_of_two_arrays(rng):
    source, target = pair(rng)
    cost = DecisionAwareCost(
        source.problem, (1, 0, 0), scale=None, feature_metric=lambda x, y: SquaredEuclidean(2 * x, 2 * y)
    )
    np.testing.assert_allclose(matrix(cost.between(source, target)), 4 * matrix(SquaredEuclidean(source.x, target.x)))
    for metric in (lambda x, y: torch.cdist(x, y), lambda x, y: Euclidean(x[:2], y)):
        wrong = DecisionAwareCost(source.problem, (1, 0, 0), scale=None, feature_metric=metric)
        with pytest.raises(
            InvalidInputError, match=r"the metric of features must make a ground cost of shape \(7, 9\)"
        ):
            wrong.between(source, target)


def test_features_may_be_images_and_tensors_of_single_precision(rng):
    problem = menu(rng)
    images = rng.random((5, 3, 2)).astype(np.float32)
    y = rng.random((5, 4))
    source, target = PtODataset(images, y, problem), PtODataset(torch.tensor(images), y + 1.0, problem)
    cost = DecisionAwareCost(problem, (1, 0, 0), scale=None)
    flat = images.reshape(5, 6)
    np.testing.assert_allclose(matrix(cost.between(source, target)), matrix(Euclidean(flat, flat)), atol=1e-7)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ((1, 1), "`weights` must be three numbers"),
        ((0, 0, 0), "must not all be 0"),
        ((1, -1, 1), "weight of labels` must be finite and not negative"),
        ((1, np.nan, 1), "weight of labels"),
        ("lipschiz", "`weights` must be three numbers"),
        (None, "`weights` must be three numbers"),
    ],
)
def test_wrong_weights_are_refused(rng, weights, says):
    with pytest.raises(InvalidInputError, match=says):
        DecisionAwareCost(menu(rng), weights)


@pytest.mark.parametrize("scale", ["source", 0.0, -1.0, np.nan, (1.0, 2.0), (1.0, 0.0, 1.0), True])
def test_wrong_scales_are_refused(rng, scale):
    with pytest.raises(InvalidInputError, match="scale"):
        DecisionAwareCost(menu(rng), scale=scale)


def test_what_is_no_problem_or_no_dataset_or_another_problem_is_refused(rng):
    source, target = pair(rng, TopK(4, 1))
    with pytest.raises(InvalidInputError, match="`problem` must be a predict-then-optimise problem"):
        DecisionAwareCost("TopK")
    with pytest.raises(InvalidInputError, match="must be PtODatasets, got ndarray"):
        DecisionAwareCost(TopK(4, 1)).between(source, target.y)
    with pytest.raises(IncompatibleError, match="must share one problem"):
        DecisionAwareCost(TopK(4, 2)).between(source, target)
    with pytest.raises(InvalidInputError, match="`disparity` must be one of"):
        DecisionAwareCost(TopK(4, 1), disparity="left")


def test_a_profile_of_given_instances_is_a_disparity_like_the_others(rng):
    source, target = pair(rng)
    profile = Profile(rng.random((6, 4)))
    cost = DecisionAwareCost(source.problem, (0, 0, 1), profile, scale=None)
    np.testing.assert_allclose(matrix(cost.between(source, target)), matrix(disparity_cost(source, target, profile)))


def test_the_cost_is_one_of_the_transport_machinery(rng):
    source, target = pair(rng)
    cost = DecisionAwareCost(source.problem)
    plan = solve(cost.between(source, target), source.weights, target.weights)
    assert plan.value == decision_distance(source, target, cost).value
