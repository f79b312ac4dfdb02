"""Budgets in human units, the best point within one, and what more quality costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum import Interval, Levels, Metric, evaluate, from_function
from continuum.core import IncompatibleError, InvalidInputError
from continuum.harness import amount, marginal_gains, price


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("100M", "", 100e6),
        ("1.5e2 k", "parameters", 150e3),
        ("7B", "", 7e9),
        ("7B", "bytes", 7),
        ("3GB", "bytes", 3e9),
        ("3GB", "", 3e9),
        ("1GiB", "MiB", 1024),
        ("20ms", "s", 0.02),
        ("20ms", "ms", 20),
        ("2min", "", 120),
        ("2G", "bytes", 2e9),
        ("0.5", "nats/token", 0.5),
        ("0.5 nats/token", "nats/token", 0.5),
        ("-3", "", -3),
        (".5", "", 0.5),
        ("100_000", "", 1e5),
    ],
)
def test_amounts_are_read_in_the_unit_of_the_metric(text, unit, expected):
    assert amount(text, unit) == pytest.approx(expected)


@given(st.floats(0, 1e12))
def test_a_plain_number_is_itself(x):
    assert amount(repr(x), "s") == x


@pytest.mark.parametrize(
    ("text", "unit", "error"),
    [
        ("20ms", "bytes", IncompatibleError),
        ("3GB", "s", IncompatibleError),
        ("3 furlongs", "", InvalidInputError),
        ("many", "", InvalidInputError),
        ("", "", InvalidInputError),
        ("nan", "", InvalidInputError),
        ("inf", "", InvalidInputError),
    ],
)
def test_what_cannot_be_read_is_refused(text, unit, error):
    with pytest.raises(error):
        amount(text, unit)


LEVELS = Levels((1, 2, 4, 8), axis="size")
QUALITY = {1: 0.5, 2: 0.8, 4: 0.7, 8: 0.9}


def family(goal="max"):
    sign = 1 if goal == "max" else -1
    return evaluate(
        from_function(LEVELS, lambda size: size),
        [
            Metric("quality", lambda size: sign * QUALITY[size], goal=goal),
            Metric("params", lambda size: 25e6 * size, goal="min"),
            Metric("latency", lambda size: 0.01 / size, goal="min", unit="s"),
        ],
        points=4,
        baselines={"flat": from_function(LEVELS, lambda size: 1)},
        name="family",
    )


@pytest.mark.parametrize("goal", ["max", "min"])
def test_the_best_point_within_a_budget(goal):
    results, sign = family(goal), 1 if goal == "max" else -1
    found = results.at_budget("params<=100M", quality="quality")
    assert found == ((2.0,), sign * 0.8, {"params": 50e6}, True)
    assert results.at_budget("params<=1B", quality="quality").point == (8.0,)
    assert results.at_budget(["params ≤ 100M", "latency<=4ms"], quality="quality").point == (4.0,)
    assert results.at_budget({"params": 100e6, "latency": "4ms"}, quality="quality").costs["latency"] == 0.0025
    assert results.at_budget("params<=30M", quality="quality", label="flat").point == (1.0,)


def test_a_limit_is_included():
    assert family().at_budget("params<=200M", quality="quality").point == (8.0,)


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("params<=1M", "the least there is: params 2.5e\\+07"),
        ("params>=1M", "must read 'metric<=limit'"),
        ("weights<=1M", "there is no metric 'weights'"),
        ([], "at least one limit"),
        ({}, "at least one limit"),
    ],
)
def test_budgets_that_cannot_be_kept_or_read(budget, message):
    with pytest.raises(InvalidInputError, match=message):
        family().at_budget(budget, quality="quality")


def test_quality_needs_a_goal_and_a_path():
    line = from_function(Interval(), lambda t: t)
    results = evaluate(line, [Metric("plain", float), Metric("cost", float)], points=3, references={"r": 0.0})
    with pytest.raises(InvalidInputError, match="a metric with a goal"):
        results.at_budget("cost<=1", quality="plain")
    with pytest.raises(InvalidInputError, match="lies on no path"):
        results.at_budget("cost<=1", quality="plain", label="r")


def test_undefined_points_are_never_chosen():
    path = from_function(LEVELS, lambda size: size)
    holes = Metric("holes", lambda size: np.nan if size == 4 else size, goal="max")
    results = evaluate(path, [holes, Metric("cost", float)], points=4)
    assert results.at_budget("cost<=5", quality="holes").point == (2.0,)
    assert marginal_gains(results, "holes", "cost")["size"].tolist() == [1, 2, 8]


@pytest.mark.parametrize("goal", ["max", "min"])
def test_marginal_gains_skip_what_is_not_worth_its_cost(goal):
    table = marginal_gains(family(goal), "quality", "params")
    assert table["size"].tolist() == [1, 2, 8]
    assert table["extra"].tolist()[1:] == [25e6, 150e6]
    assert table["gain"].tolist()[1:] == pytest.approx([0.3, 0.1])
    assert (table["gain_per_cost"].dropna() > 0).all()


def test_of_equally_dear_points_the_better_one_stays():
    path = from_function(LEVELS, lambda size: size)
    results = evaluate(path, [Metric("q", lambda s: -abs(s - 4), goal="max"), Metric("c", lambda s: 1.0)], points=4)
    assert marginal_gains(results, "q", "c")["size"].tolist() == [4]


def test_what_a_gain_costs():
    results = family()
    bought = price(results, "+1%", quality="quality", cost="params")
    assert (bought.start.point, bought.end.point, bought.extra) == ((1.0,), (2.0,), 25e6)
    assert price(results, 0.4, quality="quality", cost="params").extra == 175e6
    assert price(results, "1%", quality="quality", cost="params", start="150M").extra == 150e6
    assert price(family("min"), 0.3, quality="quality", cost="params").end.point == (2.0,)


@pytest.mark.parametrize(
    ("gain", "options", "message"),
    [
        ("100%", {}, "the best is so by 0.4"),
        ("1", {}, "percentage"),
        (0, {}, "must be positive"),
        ("1%", {"start": 1}, "the cheapest costs 2.5e\\+07"),
    ],
)
def test_gains_that_cannot_be_had(gain, options, message):
    with pytest.raises(InvalidInputError, match=message):
        price(family(), gain, quality="quality", cost="params", **options)
