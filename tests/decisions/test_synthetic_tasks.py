"""Synthetic tasks: formulas, what seeds fix, and what predictors lose on them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from continuum.core import InvalidInputError
from continuum.decisions import (
    TERRAIN_COSTS,
    StockCosts,
    make_cubic_top_k,
    make_demands,
    make_image_maps,
    make_knapsack,
    make_portfolio,
    make_shortest_path,
    make_terrain,
    regret,
)
from continuum.decisions.problem import check_same_problem

TASKS = [make_shortest_path, make_knapsack, make_portfolio, make_cubic_top_k, make_demands, make_terrain]
MODELLED = [make_shortest_path, make_knapsack, make_portfolio, make_demands]


@pytest.mark.parametrize("make", TASKS)
def test_a_seed_makes_the_same_task_and_another_one_a_new_sample(make):
    data, again, other = make(6, seed=3), make(6, seed=3), make(6, seed=4)
    np.testing.assert_array_equal(data.x, again.x)
    np.testing.assert_array_equal(data.y, again.y)
    assert (data.x != other.x).any()
    check_same_problem(data.problem, other.problem)
    assert data.problem.is_feasible(data.z).all()
    assert len(data) == 6


@pytest.mark.parametrize("make", MODELLED)
def test_the_model_fixes_what_features_mean(make):
    data, other = make(30, model=0), make(30, model=1)
    np.testing.assert_array_equal(data.x, other.x)
    assert (data.y != other.y).any()


@pytest.mark.parametrize("degree", [1, 2, 4, 6])
def test_costs_of_steps_are_a_power_of_a_linear_map(degree):
    plain, curved = make_shortest_path(400), make_shortest_path(400, degree=degree)
    np.testing.assert_array_equal(plain.x, curved.x)
    base = 3.5 * plain.y - 1  # B x / sqrt(p) + 3
    np.testing.assert_allclose(curved.y, (base**degree + 1) / 3.5**degree)
    mixing = np.linalg.lstsq(plain.x, base - 3, rcond=None)[0] * np.sqrt(5)
    np.testing.assert_allclose(mixing, mixing.round(), atol=1e-10)
    assert set(np.unique(mixing.round())) == {0.0, 1.0}


def test_noise_multiplies_costs_within_its_width():
    clear, noisy = make_shortest_path(200, degree=2), make_shortest_path(200, degree=2, noise=0.5)
    ratio = noisy.y / clear.y
    assert 0.5 <= ratio.min() < 0.51
    assert 1.49 < ratio.max() <= 1.5


def test_values_of_items_are_whole_and_weights_shared():
    data = make_knapsack(50, items=12, degree=2)
    np.testing.assert_array_equal(data.y, np.ceil(data.y))
    assert data.problem.dim_y == 12
    (weights,) = data.problem.weights
    assert 300 <= min(weights) <= max(weights) < 800
    check_same_problem(data.problem, make_knapsack(5, items=12, degree=4, noise=0.5, seed=9).problem)


def test_returns_have_the_mean_of_their_features_and_the_covariance_of_the_problem():
    data = make_portfolio(20_000, assets=4, noise=2.0)
    assert data.problem.risk == pytest.approx(2.25 * data.problem.covariance.mean())
    design = np.column_stack([np.ones(len(data)), data.x])
    fitted = np.linalg.lstsq(design, data.y, rcond=None)[0]
    np.testing.assert_allclose(fitted[0], 0.1, atol=1e-3)
    spread = np.cov((data.y - design @ fitted).T)
    np.testing.assert_allclose(spread, data.problem.covariance, atol=0.05 * spread.max())


@pytest.mark.parametrize("coefficient", [0.0, 0.3, 0.65, 1.0, 1.3])
def test_the_line_of_least_squares_has_the_slope_that_theory_gives(coefficient):
    data = make_cubic_top_k(400, coefficient=coefficient)
    x, y = data.x.ravel(), data.y.ravel()
    slope = (x * y).sum() / (x * x).sum()
    error = np.sqrt((x**2 * (y - slope * x) ** 2).sum()) / (x * x).sum()  # standard error of a wrong model
    assert abs(slope - 10 * (0.6 - coefficient)) < 3 * error


def test_a_line_that_falls_loses_nearly_all_and_one_that_rises_nearly_nothing():
    data = make_cubic_top_k(2000, coefficient=0.65)
    rising, falling = (regret(data.problem, slope * data.x, data.y, optimal=data.z) for slope in (1.0, -1.0))
    assert rising < 0.05 + 0.05
    assert falling == pytest.approx(1.98, abs=0.05)
    # Source and target disagree about the sign where the coefficient of one only is above 0.6.
    for coefficient in (0.0, 0.4, 0.9, 1.3):
        source = make_cubic_top_k(200, coefficient=coefficient, seed=1)
        slope = (source.x * source.y).sum()
        lost = regret(data.problem, slope * data.x, data.y, optimal=data.z)
        assert lost == (rising if coefficient < 0.6 else falling)


def test_items_are_sorted_and_a_tilt_raises_one_end():
    plain, tilted = make_cubic_top_k(20), make_cubic_top_k(20, tilt=1.0)
    assert (np.diff(plain.x, axis=1) >= 0).all()
    np.testing.assert_allclose(tilted.y, plain.y * (1 + plain.x))


@pytest.mark.parametrize("scale", [2.0, 0.3])
def test_a_scale_of_costs_or_a_constant_on_all_items_changes_no_decision(scale):
    terrain, cubic = make_terrain(40), make_cubic_top_k(40, k=3)
    np.testing.assert_array_equal(terrain.problem.solve(scale * terrain.y), terrain.z)
    np.testing.assert_array_equal(cubic.problem.solve(scale * cubic.y), cubic.z)
    np.testing.assert_array_equal(cubic.problem.solve(cubic.y + 7), cubic.z)


def test_demands_come_true_as_often_as_they_are_likely():
    data = make_demands(20_000, features=2, levels=(0, 3, 7))
    assert data.y.sum(1).tolist() == [1.0] * len(data)
    assert data.problem.costs == StockCosts(order=(10, 2), backorder=(30, 14), holding=(10, 2))
    # Logits of two levels differ by a linear function of the features, which logistic regression finds again.
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=1e6, fit_intercept=False).fit(data.x, data.y.argmax(1))
    chance = found.predict_proba(data.x)
    expected = (chance - data.y).mean(0)
    np.testing.assert_allclose(expected, 0, atol=4 / np.sqrt(len(data)))
    assert ((chance.max(1) > 0.5) & (chance.argmax(1) == data.y.argmax(1))).mean() > 0.4


def test_the_square_of_the_logits_does_not_care_for_signs():
    data = make_demands(20_000, features=1, levels=(1, 2), power=2)
    left, right = data.y[data.x[:, 0] < 0].mean(0), data.y[data.x[:, 0] > 0].mean(0)
    np.testing.assert_allclose(left, right, atol=0.03)


def test_maps_of_one_seed_differ_in_costs_only():
    known, other = make_terrain(8), make_terrain(8, costs=(5, 4, 3, 2, 1))
    np.testing.assert_array_equal(known.x, other.x)
    price = dict(zip(TERRAIN_COSTS, (5, 4, 3, 2, 1), strict=True))
    np.testing.assert_array_equal(other.y, np.vectorize(price.get)(known.y))


def test_grounds_are_equally_frequent_and_form_regions():
    y = make_terrain(300).y.reshape(300, 12, 12)
    shares = [(y == cost).mean() for cost in TERRAIN_COSTS]
    np.testing.assert_allclose(shares, 0.2, atol=0.02)
    assert (y[:, 1:] == y[:, :-1]).mean() > 0.5  # 0.2 if neighbours knew nothing of each other


def test_cells_of_image_maps_show_images_of_what_they_cost():
    digits = load_digits()
    costs = np.arange(1.0, 11.0)
    data = make_image_maps(6, digits.images, digits.target, costs=costs, rows=4, columns=5)
    shown = {image.tobytes(): label for image, label in zip(digits.images, digits.target, strict=True)}
    labels = [shown[image.tobytes()] for image in data.x.reshape(-1, 8, 8)]
    np.testing.assert_array_equal(costs[labels], data.y.ravel())
    again = make_image_maps(6, digits.images, digits.target, costs=costs[::-1], rows=4, columns=5)
    np.testing.assert_array_equal(again.x, data.x)


IMAGES = np.zeros((3, 2, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_terrain(3, costs=(1, 2)), "`costs` must be 5 numbers"),
        (lambda: make_terrain(3, costs=(1, 2, 3, 4, -1)), "`costs` must not be negative, got -1"),
        (lambda: make_terrain(0), "`maps` must be at least 1"),
        (lambda: make_terrain(3, smoothness=0), "`smoothness` must be positive"),
        (lambda: make_image_maps(3, IMAGES, [0, 1], costs=[1, 2]), "`labels` must be 3 whole numbers"),
        (lambda: make_image_maps(3, IMAGES, [0.0, 1, 1], costs=[1, 2]), "`labels` must be 3 whole numbers"),
        (lambda: make_image_maps(3, IMAGES, [0, 1, 2], costs=[1, 2]), "below the 2 costs, got 0 to 2"),
        (lambda: make_image_maps(3, IMAGES, [0, 0, 2], costs=[1, 2, 3]), r"labels \[1\] have a cost and no image"),
        (lambda: make_shortest_path(0), "`instances` must be at least 1"),
        (lambda: make_shortest_path(3, degree=1.5), "`degree` must be a whole number"),
        (lambda: make_shortest_path(3, noise=2), r"`noise` must be in \[0, 1\]"),
        (lambda: make_knapsack(3, items=0), "`items` must be at least 1"),
        (lambda: make_portfolio(3, noise=0), "`noise` must be positive"),
        (lambda: make_portfolio(3, risk=0.1), "no portfolio keeps `risk`"),
        (lambda: make_cubic_top_k(3, coefficient=np.nan), "`coefficient` must be finite"),
        (lambda: make_demands(3, power=0), "`power` must be at least 1"),
        (lambda: make_demands(3, seed=-1), "`seed` must be a non-negative integer"),
    ],
)
def test_tasks_that_cannot_be_made_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
