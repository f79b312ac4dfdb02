"""The Sinkhorn divergence: zero, positive, and equal to geomloss up to the factor of its halved cost."""

from __future__ import annotations

import geomloss
import numpy as np
import ot
import pytest
import torch

from continuum.core import ConvergenceWarning, IncompatibleError
from continuum.measures import DiscreteMeasure, Sinkhorn, SquaredEuclidean, matrix, sinkhorn_divergence, solve


def tight(epsilon, scale="absolute"):
    return Sinkhorn(epsilon, scale, tolerance=1e-9, max_iterations=100_000)


@pytest.fixture
def pair(rng):
    source = DiscreteMeasure(rng.normal(size=(15, 2)), rng.dirichlet(np.ones(15)))
    return source, DiscreteMeasure(rng.normal(size=(12, 2)) + 0.7, rng.dirichlet(np.ones(12)))


@pytest.mark.parametrize("epsilon", [0.2, 1.0, 100.0])
def test_equal_measures_are_at_no_divergence(pair, epsilon):
    source, _ = pair
    shuffled = DiscreteMeasure(source.points.flip(0), source.weights.flip(0))
    assert sinkhorn_divergence(source, shuffled, solver=tight(epsilon)).value == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 100.0])
def test_other_measures_are_at_a_positive_and_symmetric_divergence(pair, epsilon):
    source, target = pair
    there, back = (sinkhorn_divergence(*order, solver=tight(epsilon)) for order in (pair, (target, source)))
    assert there.converged
    assert there.value > 0.01
    assert there.value == pytest.approx(back.value, rel=1e-6)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 1000.0])
def test_a_translation_by_v_diverges_by_its_squared_length_at_any_epsilon(pair, epsilon):
    """Expanding |x + v - y|^2 leaves a linear term, which only depends on the marginals."""
    source, _ = pair
    moved = DiscreteMeasure(source.points + torch.tensor([3.0, 4.0]), source.weights)
    assert sinkhorn_divergence(source, moved, solver=tight(epsilon)).value == pytest.approx(25, rel=1e-6)


def test_two_diracs_diverge_by_their_squared_distance():
    value = sinkhorn_divergence(DiscreteMeasure([[0.0]]), DiscreteMeasure([[3.0]]), solver=tight(0.5)).value
    assert value == pytest.approx(9, rel=1e-14)


def test_a_small_epsilon_tends_to_the_exact_distance_and_a_large_one_to_that_of_the_means(pair):
    source, target = pair
    exact = solve(SquaredEuclidean(source.points, target.points), source.weights, target.weights).value
    assert sinkhorn_divergence(*pair, solver=tight(0.02)).value == pytest.approx(exact, rel=0.02)
    means = float((source.mean - target.mean).square().sum())
    assert sinkhorn_divergence(*pair, solver=tight(1e5)).value == pytest.approx(means, rel=1e-3)


@pytest.mark.parametrize(
    ("epsilon", "tolerance"), [(0.1, 1e-2), (1.0, 1e-4), (10.0, 1e-5)], ids=["small", "middle", "large"]
)
def test_is_twice_that_of_geomloss(pair, epsilon, tolerance):
    """geomloss halves the cost: its epsilon is blur^2 = ours / 2. It anneals once and stops, hence the tolerance."""
    source, target = pair
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=(epsilon / 2) ** 0.5, scaling=0.99, backend="tensorized")
    halved = float(loss(source.weights, source.points, target.weights, target.points))
    assert sinkhorn_divergence(*pair, solver=tight(epsilon)).value == pytest.approx(2 * halved, rel=tolerance)


@pytest.mark.parametrize("epsilon", [1.0, 5.0])
def test_agrees_with_three_solves_of_pot(pair, epsilon):
    def entropic(p, q):
        cost, a, b = (t.numpy() for t in (matrix(SquaredEuclidean(p.points, q.points)), p.weights, q.weights))
        plan = ot.sinkhorn(a, b, cost, epsilon, method="sinkhorn_log", numItermax=100_000, stopThr=1e-12)
        return (plan * cost).sum() + epsilon * (plan * np.log(plan / np.outer(a, b))).sum()

    source, target = pair
    expected = entropic(source, target) - (entropic(source, source) + entropic(target, target)) / 2
    assert sinkhorn_divergence(*pair, solver=tight(epsilon)).value == pytest.approx(expected, rel=1e-7)


def test_a_relative_epsilon_is_a_multiple_of_the_mean_cost_between_the_two(pair):
    source, target = pair
    mean = float(source.weights @ matrix(SquaredEuclidean(source.points, target.points)) @ target.weights)
    relative, absolute = (sinkhorn_divergence(*pair, solver=s) for s in (tight(0.1, "mean"), tight(0.1 * mean)))
    assert relative.value == pytest.approx(absolute.value, rel=1e-12)


def test_points_without_mass_do_not_count(pair):
    source, target = pair
    points, masses = torch.cat([source.points, torch.full((2, 2), 50.0)]), torch.cat([source.weights, torch.zeros(2)])
    padded = DiscreteMeasure(points, masses)
    expected = sinkhorn_divergence(source, target, solver=tight(0.5)).value
    assert sinkhorn_divergence(padded, target, solver=tight(0.5)).value == pytest.approx(expected, rel=1e-9)


def test_stopping_early_is_said(pair):
    with pytest.warns(ConvergenceWarning) as given:
        stopped = sinkhorn_divergence(*pair, solver=Sinkhorn(1e-3, max_iterations=1))
    assert not stopped.converged
    assert any("self-transport" in str(warning.message) for warning in given)


@pytest.mark.parametrize("order", [1, -1])
def test_a_self_term_that_stopped_early_is_said_too(pair, order):
    """A single point is matched at once, so only the cloud's own term is left over."""
    point = DiscreteMeasure([[0.0, 0.0]])
    with pytest.warns(ConvergenceWarning, match="self-transport stopped with marginal error"):
        stopped = sinkhorn_divergence(*(point, pair[0])[::order], solver=Sinkhorn(0.5, max_iterations=1))
    assert not stopped.converged


def test_measures_of_other_dimensions_are_refused():
    with pytest.raises(IncompatibleError, match="2 features and `y` has 3"):
        sinkhorn_divergence(DiscreteMeasure(np.zeros((1, 2))), DiscreteMeasure(np.zeros((1, 3))), solver=Sinkhorn(1.0))
