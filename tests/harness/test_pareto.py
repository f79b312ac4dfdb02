"""The Pareto front against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum import Interval, Levels, evaluate, from_function, metric, pareto
from continuum.core import InvalidInputError
from continuum.harness.pareto import _is_on_front

NUMBERS = st.integers(0, 5)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_a_point_is_on_the_front_if_and_only_if_no_other_one_dominates_it(pairs):
    first, second = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    expected = [not any((a <= x and b <= y) and (a < x or b < y) for a, b in pairs) for x, y in pairs]
    assert _is_on_front(first, second).tolist() == expected


def results(goal="max"):
    path = from_function(Levels((1, 2, 3, 4)), lambda size: size)
    quality = {1: 0.5, 2: 0.4, 3: 0.9, 4: 0.9}
    sign = 1 if goal == "max" else -1
    good = metric(lambda size: sign * quality[size], goal=goal, name="good")
    return evaluate(path, [good, metric(lambda size: size, name="cost")], points=4, progress=False)


@pytest.mark.parametrize("goal", ["max", "min"])
def test_goals_say_what_is_better(goal):
    table = pareto(results(goal), "good", "cost")
    assert table["level"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert table["on_front"].tolist() == [True, False, True, False]


def test_baselines_are_on_the_front_where_they_win():
    path = from_function(Interval(), lambda t: t)
    free = from_function(Interval(), lambda t: 1.0)
    good = metric(lambda v: v, goal="max", name="good")
    cost = metric(lambda v: 2.0 if v < 1 else 1.0, name="cost")
    table = pareto(evaluate(path, [good, cost], points=2, baselines={"free": free}, progress=False), "good", "cost")
    assert set(table.query("on_front")["label"]) >= {"free"}
    assert not table.query("t == 0 and label != 'free'")["on_front"].any()


def test_an_unknown_metric_is_named():
    with pytest.raises(InvalidInputError, match="no metric 'speed' here; there are good, cost"):
        pareto(results(), "good", "speed")
