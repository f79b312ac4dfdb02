"""Searches over every kind of domain: known optima, budgets, what has to be beaten, and resuming."""

import math

import numpy as np
import pytest

from continuum import Interval, Levels, Product, Simplex, from_function, metric, navigate, product, tabulate
from continuum.core import InvalidInputError
from continuum.harness.cube import cube_of
from continuum.testing.exact import Translation

METHODS = ["cma", "tpe", "gp", "random"]
GUIDED = METHODS[:3]


def identity(domain):
    return from_function(domain, lambda *point: point)


def near(*goal):
    """Minus the squared distance to a place."""
    return metric(lambda p: -sum((a - b) ** 2 for a, b in zip(p, goal, strict=True)), goal="max", name="nearness")


@pytest.mark.parametrize("method", GUIDED)
def test_an_optimum_inside_of_an_interval_is_found(method):
    found = navigate(identity(Interval(-1, 3)), near(0.7), method=method, n_trials=30, progress=False)
    assert found.point[0] == pytest.approx(0.7, abs=0.05)
    assert found.value >= found.best_random.value
    assert found.value > found.uniform.value
    assert found.best_endpoint.point == (-1.0,)
    assert found.gain == pytest.approx(found.value + 1.7**2)


@pytest.mark.parametrize("method", GUIDED)
def test_a_mixture_is_found_on_a_simplex(method):
    goal = (0.5, 0.3, 0.2)
    found = navigate(identity(Simplex(("a", "b", "c"))), near(*goal), method=method, n_trials=60, progress=False)
    assert math.dist(found.point, goal) < 0.12
    assert found.best_endpoint.point == (1.0, 0.0, 0.0)
    assert found.uniform.point == pytest.approx((1 / 3, 1 / 3, 1 / 3))


@pytest.mark.parametrize("method", METHODS)
def test_a_product_of_kinds_is_searched(method):
    domain = Product(t=Interval(1, 100, spacing="log"), size=Levels((0, 0.25, 0.5, 1)), mix=Simplex(("x", "y")))
    found = navigate(identity(domain), near(10.0, 0.5, 0.8, 0.2), method=method, n_trials=20, progress=False)
    assert all(point in domain for point in (found.point, found.uniform.point))
    assert found.uniform.point[0] == pytest.approx(10.0)
    assert len(found.history.query("role == 'endpoint'")) == 2 * 2 * 2
    assert set(found.history["size"]) <= {0.0, 0.25, 0.5, 1.0}


def test_small_is_looked_for_if_the_goal_is_small():
    height = metric(lambda p: (p[0] - 2) ** 2, goal="min", name="height")
    found = navigate(identity(Interval(0, 5)), height, method="cma", n_trials=25, progress=False)
    assert found.value < 0.02
    assert found.gain > 3.9


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_keeps_the_search_where_it_holds(method):
    size = metric(lambda p: p[0], name="size")
    height = metric(lambda p: p[0], goal="max", name="height")
    found = navigate(identity(Interval(0, 10)), height, budget={size: 4.0}, method=method, n_trials=40, progress=False)
    assert found.best.is_allowed
    assert 3.0 < found.value <= 4.0
    assert found.best_endpoint.point == (0.0,)  # the other one is too large
    assert found.best.costs == {"size": found.value}


def test_a_budget_that_nothing_keeps_has_no_point():
    size = metric(lambda p: p[0] + 1, name="size")
    found = navigate(identity(Interval()), near(1.0), budget={size: 0.5}, method="random", n_trials=3, progress=False)
    assert found.best is None
    assert math.isnan(found.gain)
    with pytest.raises(InvalidInputError, match="no point of the search was within the budget"):
        _ = found.point


@pytest.mark.parametrize("method", METHODS)
def test_a_search_depends_on_its_seed_only(method):
    options = {"method": method, "n_trials": 8, "progress": False}
    one, two = (navigate(identity(Interval()), near(0.3), seed=1, **options).history for _ in range(2))
    other = navigate(identity(Interval()), near(0.3), seed=2, **options).history
    assert one.equals(two)
    assert not one.equals(other)


@pytest.mark.parametrize("method", ["cma", "tpe"])
def test_a_search_that_goes_on_computes_nothing_twice(tmp_path, method):
    def run(n_trials):
        with open(tmp_path / "count", "a") as file:
            counted = str(file.name)

        def count(p):
            with open(counted, "a") as file:
                file.write("x")
            return -((p[0] - 0.3) ** 2)

        return navigate(
            identity(Interval()),
            metric(count, goal="max", name="count"),
            method=method,
            n_trials=n_trials,
            n_random=3,
            store=tmp_path / "search.db",
            progress=False,
        )

    first = run(6)
    evaluations = len((tmp_path / "count").read_text())
    assert evaluations == 6 + 3 + 3  # searched, random, both ends and the middle
    again = run(6)
    assert again.history.equals(first.history)
    assert len((tmp_path / "count").read_text()) == evaluations
    longer = run(10)
    assert longer.history.query("role == 'search'").head(6).equals(first.history.query("role == 'search'"))
    assert len((tmp_path / "count").read_text()) == evaluations + 4


def test_a_table_of_models_is_searched_member_by_member():
    table = tabulate({(0, 1): 5.0, (2, 3): 7.0, (4, 0): 1.0}, axes=("a", "b"))
    value = metric(float, goal="max", name="value")
    found = navigate(table, value, method="random", n_trials=20, progress=False)
    assert found.point == (2.0, 3.0)
    assert found.value == found.best_endpoint.value == 7.0


def test_paths_of_values_are_searched_like_those_of_numbers():
    path = product(
        one=Translation(np.zeros((1, 2)), np.array([1.0, 0.0])), two=Translation(np.zeros((1, 2)), np.ones(2))
    )
    gap = metric(lambda v: float(np.abs(v["one"] - v["two"]).sum()), goal="min", name="gap")
    found = navigate(path, gap, n_trials=30, progress=False)
    assert found.value < found.uniform.value
    assert found.value < 0.4


def test_the_middle_of_the_cube_is_the_middle_of_a_domain_and_uniform_numbers_are_uniform_points(rng):
    cube = cube_of(Simplex(("a", "b", "c")))
    assert cube.coordinates([0.5] * 3) == pytest.approx([1 / 3] * 3)
    draws = [cube.coordinates(rng.random(3)) for _ in range(4000)]
    shares = [sum(x[k] > 0.5 for x in draws) / len(draws) for k in range(3)]
    assert shares == pytest.approx([0.25] * 3, abs=0.03)  # a corner has a quarter of the triangle


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": metric(lambda p: 0.0, name="aimless")}, "with a goal"),
        ({"objective": lambda p: 0.0}, "must be a Metric"),
        ({"method": "bayes"}, "`method` must be one of cma, tpe, gp, random"),
        ({"n_trials": 0}, "`n_trials` must be at least 1"),
        ({"n_random": -1}, "`n_random` must be at least 0"),
    ],
)
def test_wrong_options_have_one_clear_error(change, message):
    options = {"objective": near(0.5), "method": "random", **change}
    with pytest.raises(InvalidInputError, match=message):
        navigate(identity(Interval()), options.pop("objective"), progress=False, **options)
