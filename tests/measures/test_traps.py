"""What the dependencies answer to bad input, and what we do instead (traps R1 to R11, and two that these tests found).

Where it is cheap the wrong answer of the dependency is asserted too: should it change, the guard may go.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import geomloss
import numpy as np
import ot
import pytest
import torch

import continuum.measures
from continuum.core import ContinuumWarning, ConvergenceWarning, InvalidInputError
from continuum.datasets import ExactLabels, LabelledDataset, MeansOnly, otdd
from continuum.measures import (
    DiscreteMeasure,
    Exact,
    GaussianMeasure,
    Sinkhorn,
    SquaredEuclidean,
    matrix,
    sinkhorn_divergence,
    solve,
)

HALF = np.array([0.5, 0.5])


@pytest.fixture
def problem(rng):
    """A problem between 40 points, its masses and its optimum."""
    cost = matrix(SquaredEuclidean(rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 1)).numpy()
    masses = np.full(40, 1 / 40)
    return cost, masses, solve(cost).value


def pot(function, *args, **options):
    """The answer of POT without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **options)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_r1_a_nan_in_the_cost_is_no_distance_of_zero(bad):
    cost, masses = np.random.default_rng(0).uniform(1, 2, size=(10, 10)), np.full(10, 0.1)
    cost[0, 0] = bad
    assert pot(ot.emd2, masses, masses, cost) == 0.0
    with pytest.raises(InvalidInputError, match=r"`cost` has 1 NaN or infinite .* index \(0, 0\)"):
        solve(cost)


def test_r1_a_negative_mass_is_no_distance_of_zero():
    masses = np.array([1.5, -0.5])
    assert pot(ot.emd2, masses, HALF, np.ones((2, 2))) == 0.0
    with pytest.raises(InvalidInputError, match=r"`a` must not be negative, got -0\.5 at index 1"):
        solve(np.ones((2, 2)), masses, HALF)


@pytest.mark.filterwarnings("ignore:classes of one sample")
def test_r2_a_class_of_one_sample_keeps_two_datasets_apart():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert np.isnan(np.cov(np.zeros((1, 2)).T)).all()
    source = LabelledDataset(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), ["one", "many", "many"])
    target = LabelledDataset(source.x + np.array([100.0, 0.0]), source.y)
    for labels in (None, ExactLabels(), MeansOnly()):
        # Features and labels both move by 100; a Dirac against a wide class changes nothing in this.
        assert otdd(source, target, labels=labels).distance == pytest.approx(np.sqrt(2) * 100, rel=1e-12)
    assert GaussianMeasure.from_samples([[3.0, 4.0]]).trace == 0


def test_r3_masses_that_sum_to_three_do_not_triple_the_distance():
    cost = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert ot.emd2(3 * HALF, 3 * HALF, cost) == pytest.approx(3.0)
    with pytest.warns(ContinuumWarning, match="sums to 3"):
        assert solve(cost, 3 * HALF, 3 * HALF).value == 1.0
    with pytest.raises(AssertionError):
        ot.emd2(3 * HALF, HALF, cost)
    with pytest.warns(ContinuumWarning, match="`a` sums to 3"):
        assert solve(cost, 3 * HALF, HALF).value == 1.0


def test_r4_a_simplex_that_was_stopped_gives_bounds_and_not_a_wrong_optimum(problem):
    cost, masses, best = problem
    assert pot(ot.emd2, masses, masses, cost, numItermax=1) < 0.9 * best
    with pytest.warns(ConvergenceWarning):
        plan = solve(cost, solver=Exact(max_iterations=1))
    assert not plan.converged
    assert plan.lower <= best <= plan.value


def test_r5_a_small_epsilon_does_not_underflow_to_zero(problem):
    cost, masses, best = problem
    assert not pot(ot.sinkhorn2, masses, masses, cost, 1e-4) > 0.5 * best
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        plan = solve(cost, solver=Sinkhorn(1e-4, max_iterations=2000))
    assert best <= plan.value < 1.05 * best


def test_r6_sinkhorn_that_was_stopped_warns_and_its_plan_still_has_both_marginals(problem):
    cost, a, _ = problem
    cost, b = cost[:, :30], np.full(30, 1 / 30)
    best = solve(cost).value
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # and yet POT says nothing
        wrong = ot.sinkhorn2(a, b, cost, 1e-4, method="sinkhorn_log", numItermax=5)
    assert wrong < 0.95 * best
    with pytest.warns(ConvergenceWarning, match="stopped with residual"):
        plan = solve(cost, solver=Sinkhorn(1e-4, max_iterations=5))
    assert not plan.converged
    assert plan.lower <= best <= plan.value
    np.testing.assert_allclose(plan.coupling.sum(0), b, atol=1e-15)
    np.testing.assert_allclose(plan.coupling.sum(1), a, atol=1e-15)


def test_r7_a_dataset_is_at_no_divergence_from_itself(rng):
    x = rng.normal(size=(30, 2))
    cost, masses = matrix(SquaredEuclidean(x, x)).numpy(), np.full(30, 1 / 30)
    assert ot.sinkhorn2(masses, masses, cost, 1.0, method="sinkhorn_log") > 0.3
    cloud = DiscreteMeasure(x)
    assert sinkhorn_divergence(cloud, cloud, solver=Sinkhorn(1.0)).value == pytest.approx(0, abs=1e-6)


def test_r8_unequal_or_negative_masses_are_not_transported():
    x, y = torch.zeros(5, 1), torch.ones(1, 1)
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.1, backend="tensorized")
    assert float(loss(torch.ones(5), x, torch.ones(1), y)) != pytest.approx(0.5, rel=0.5)  # masses 5 and 1
    with pytest.warns(ContinuumWarning, match="`weights` sums to 5"):
        source = DiscreteMeasure(x, torch.ones(5))
    assert sinkhorn_divergence(source, DiscreteMeasure(y), solver=Sinkhorn(0.1)).value == pytest.approx(1, rel=1e-6)
    with pytest.raises(InvalidInputError, match="`weights` must not be negative, got -1 at index 0"):
        DiscreteMeasure(x, [-1.0, 0.5, 0.5, 0.5, 0.5])


def test_r9_nan_one_point_and_no_point_get_plain_answers():
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.1, backend="tensorized")
    point, solver = DiscreteMeasure([[1.0, 2.0]]), Sinkhorn(0.1)
    for bad, says in ((torch.full((3, 2), torch.nan), "`points` has 6 NaN"), (torch.zeros(0, 2), "`points` is empty")):
        with pytest.raises((ValueError, RuntimeError, IndexError, OverflowError)) as theirs:
            loss(bad, torch.zeros(3, 2))
        assert "NaN" not in str(theirs.value)
        with pytest.raises(InvalidInputError, match=says):
            DiscreteMeasure(bad)
    assert sinkhorn_divergence(point, point, solver=solver).value == 0
    assert sinkhorn_divergence(point, point, solver=Sinkhorn(0.1, "mean")).value == 0


def test_r10_no_backend_of_geomloss_is_picked_since_none_is_used():
    sources = Path(continuum.measures.__file__).parent.glob("*.py")
    assert not [path.name for path in sources if "import geomloss" in path.read_text()]


def test_r11_float32_data_far_from_the_origin_are_at_no_distance_from_themselves(rng):
    x = rng.normal(size=(60, 100)).astype(np.float32) + np.float32(1e4)
    t = torch.tensor(x)
    expanded = (t * t).sum(1, keepdim=True) + (t * t).sum(1) - 2 * t @ t.T
    assert float(expanded.diagonal().abs().max()) > 1
    assert solve(SquaredEuclidean(x, x)).value == 0
    data = LabelledDataset(x, rng.integers(0, 3, size=60))
    assert otdd(data, data).squared < 1e-9
    assert GaussianMeasure.from_samples(x).trace == pytest.approx(x.astype(float).var(0, ddof=1).sum(), rel=1e-9)


def test_negative_costs_are_no_infeasible_problem():
    """Found here: POT derives the cost of its artificial arcs from the largest cost, which must not be negative."""
    one, cost = np.ones(1), np.array([[-3.0]])
    _, log = pot(ot.emd, one, one, cost, log=True)
    assert "infeasible" in log["warning"]
    assert solve(cost).value == -3


def test_tiny_costs_are_solved_as_well_as_large_ones(problem):
    """Found here: the tolerances of POT are absolute."""
    cost, masses, best = problem
    plan = pot(ot.emd, masses, masses, 1e-30 * cost)
    assert (plan * cost).sum() > 1.5 * best
    assert solve(1e-30 * cost).value == pytest.approx(1e-30 * best, rel=1e-12)
