"""Looking for a point of a path: an optimiser, and what it has to beat."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from continuum.core import (
    Interpolant,
    InvalidInputError,
    Metric,
    Point,
    SupportsEndpoints,
    check_count,
    rng_for,
)

from .cube import Cube, cube_of
from .evaluate import evaluate
from .found import Found
from .optimiser import Asking, Method, asking, check_method

__all__ = ["Found", "Method", "Navigation", "navigate"]

_TINY = 1e-12  # of a limit, so that 0 has a relative excess


@dataclass(frozen=True, eq=False)
class Navigation:
    """What a search found, beside what it has to beat.

    Attributes:
        best: the best allowed point of the search; None if there is none.
        best_endpoint: the best allowed one of the endpoints of the path, or of the vertices of its domain where it has
            none: choosing instead of interpolating.
        uniform: the middle of the domain.
        best_random: the best of as many random points; None if none was asked for.
        history: one row for each point that was measured: role ("search", "endpoint", "uniform", "random"), trial, a
            column for each axis, value, one for each cost, and allowed.
        goal: whether larger or smaller is better.
    """

    best: Found | None
    best_endpoint: Found | None
    uniform: Found
    best_random: Found | None
    history: pd.DataFrame
    goal: str

    @property
    def point(self) -> Point:
        """The point that was found.

        Raises:
            InvalidInputError: if no point of the search was within the budget.
        """
        return self._found.point

    @property
    def value(self) -> float:
        """What it is worth."""
        return self._found.value

    @property
    def gain(self) -> float:
        """By how much it is better than the best endpoint, in the unit of the objective; NaN without one."""
        if self.best_endpoint is None:
            return math.nan
        sign = 1 if self.goal == "max" else -1
        return sign * (self.value - self.best_endpoint.value)

    @property
    def _found(self) -> Found:
        if self.best is None:
            raise InvalidInputError("no point of the search was within the budget; raise it, or `n_trials`.")
        return self.best


def navigate(
    path: Interpolant[Any],
    objective: Metric,
    *,
    budget: Mapping[Metric, float] | None = None,
    method: Method = "cma",
    n_trials: int = 50,
    n_random: int | None = None,
    seeds: int | Sequence[int] = 1,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
    name: str | None = None,
    n_jobs: int = 1,
    progress: bool = True,
) -> Navigation:
    """Look for the best point of a path, and measure what it has to beat: endpoints, the middle, and random points.

    A search that is killed and started again with the same store repeats its steps and finds their numbers there: the
    optimiser is a function of its seed and of these. Points outside the budget are told to it as worse than all others,
    the more so the farther outside they are. The numbers are those of `evaluate`; what was found should be judged again
    on data that the objective has not seen.

    Args:
        path: a path over `Interval`, `Levels`, `Points`, `Simplex` or a `Product` of these.
        objective: what is to be large or small, by its goal.
        budget: largest allowed values of other metrics, such as ``{parameters: 100e6}``.
        method: "cma" (CMA-ES), "tpe" (tree-structured Parzen estimators) or "gp" (Gaussian process), samplers of Optuna
            with the extra ``search``; "random" searches at random and needs none.
        n_trials: points that the search may measure.
        n_random: random points beside it; None for as many.
        seeds: of stochastic metrics, as in `evaluate`.
        seed: of the optimiser and of the random points.
        store: file that keeps the numbers; None for none.
        name: name of the study in the store.
        n_jobs: jobs for what is not the search, which goes step by step.
        progress: whether to show progress bars.

    Raises:
        InvalidInputError: if the objective has no goal, or the domain is of another kind.
        MissingExtraError: if Optuna is not installed.

    Example:
        >>> from continuum import Interval, from_function, metric
        >>> path = from_function(Interval(), lambda t: t)
        >>> height = metric(lambda t: t * (1 - t), goal="max", name="height")
        >>> found = navigate(path, height, method="random", n_trials=20, progress=False)
        >>> found.value > found.best_endpoint.value, found.uniform.point
        (True, (0.5,))
    """
    _check(objective, n_trials, n_random)
    check_method(method)
    cube = cube_of(path.domain)
    limits = dict(budget or {})
    rivals = _rivals(path, cube, n_trials if n_random is None else n_random, seed)
    beside = [point for points in rivals.values() for point in points]
    with _kept(store) as file:
        measure = partial(_measured, path, objective, limits, seeds=seeds, store=file, n_jobs=n_jobs)
        label = name or f"search of {type(path).__name__}"
        tell = partial(measure, name=label, progress=False)
        known = measure(beside, name=label, progress=progress)
        ask = asking(method, cube.size, seed)
        trials = _searched(path, cube, tell, objective, limits, ask, n_trials)
        tell([*beside, *(found.point for found in trials)])  # one study of all of them
    found = {"search": trials, **{role: [known[point] for point in points] for role, points in rivals.items()}}
    return _navigation(path.domain.axes, str(objective.goal), found)


def _check(objective: Metric, n_trials: int, n_random: int | None) -> None:
    if not isinstance(objective, Metric) or objective.goal is None:
        raise InvalidInputError(f"`objective` must be a Metric with a goal, 'max' or 'min', got {objective!r}.")
    check_count("n_trials", n_trials)
    if n_random is not None:
        check_count("n_random", n_random, least=0)


def _rivals(path: Interpolant[Any], cube: Cube, n_random: int, seed: int) -> dict[str, list[Point]]:
    """The points that the search has to beat, by role."""
    rng = rng_for(seed, "navigate", "random")
    chance = [rng.random(cube.size).tolist() for _ in range(n_random)]
    return {
        "endpoint": list(path.endpoints if isinstance(path, SupportsEndpoints) else path.domain.vertices()),
        "uniform": [path.domain.point(cube.coordinates([0.5] * cube.size))],
        "random": [path.domain.point(cube.coordinates(u)) for u in chance],
    }


@contextmanager
def _kept(store: str | os.PathLike[str] | None) -> Iterator[str | os.PathLike[str]]:
    """The store, or one that lasts as long as the search: each of its steps is an evaluation."""
    with nullcontext(None) if store is not None else tempfile.TemporaryDirectory() as folder:
        yield store if store is not None else Path(str(folder)) / "search.db"


def _measured(
    path: Interpolant[Any],
    objective: Metric,
    limits: Mapping[Metric, float],
    points: Sequence[Point],
    *,
    seeds: int | Sequence[int],
    store: str | os.PathLike[str],
    n_jobs: int,
    name: str,
    progress: bool,
) -> dict[Point, Found]:
    """The objective and the costs at some points."""
    several = list(dict.fromkeys(points))
    results = evaluate(
        path,
        [objective, *limits],
        points=several,
        seeds=seeds,
        store=store,
        n_jobs=n_jobs,
        name=name,
        progress=progress,
    )
    frame = results.select(role="path").frame
    means = frame.groupby([*path.domain.axes, "metric"])["value"].mean()
    found = {}
    for point in several:
        values = {item.name: float(means.loc[(*point, item.name)]) for item in (objective, *limits)}
        costs = {item.name: values[item.name] for item in limits}
        allowed = all(costs[item.name] <= limit for item, limit in limits.items())
        found[point] = Found(point, values[objective.name], costs, allowed)
    return found


def _searched(
    path: Interpolant[Any],
    cube: Cube,
    measure: Any,
    objective: Metric,
    limits: Mapping[Metric, float],
    ask: Asking,
    n_trials: int,
) -> list[Found]:
    """The points that an optimiser asked for, in their order."""
    found: list[Found] = []
    u = next(ask)
    for k in range(n_trials):
        point = path.domain.point(cube.coordinates(u))
        found.append(measure([point])[point])
        if k + 1 < n_trials:
            u = ask.send(_told(found, objective, limits))
    ask.close()
    return found


def _told(found: Sequence[Found], objective: Metric, limits: Mapping[Metric, float]) -> float:
    """The last point as the optimiser sees it: smaller is better, and what is not allowed is worse than the rest."""
    sign = -1.0 if objective.goal == "max" else 1.0
    last = found[-1]
    if last.is_allowed:
        return sign * last.value
    allowed = [sign * one.value for one in found if one.is_allowed and not math.isnan(one.value)]
    worst = max(allowed, default=0.0)
    spread = worst - min(allowed, default=0.0) or 1.0
    excess = max((last.costs[item.name] - limit) / (abs(limit) + _TINY) for item, limit in limits.items())
    return worst + spread * (1 + excess)


def _best(found: Sequence[Found], *, goal: str) -> Found | None:
    allowed = [one for one in found if one.is_allowed and not math.isnan(one.value)]
    if not allowed:
        return None
    return (max if goal == "max" else min)(allowed, key=lambda one: one.value)


def _navigation(axes: Sequence[str], goal: str, found: Mapping[str, Sequence[Found]]) -> Navigation:
    """The best of each role, and all of them."""
    rows = [_row(axes, role, k, one) for role, several in found.items() for k, one in enumerate(several)]
    return Navigation(
        best=_best(found["search"], goal=goal),
        best_endpoint=_best(found["endpoint"], goal=goal),
        uniform=found["uniform"][0],
        best_random=_best(found["random"], goal=goal),
        history=pd.DataFrame(rows),
        goal=goal,
    )


def _row(axes: Sequence[str], role: str, trial: int, found: Found) -> dict[str, Any]:
    head = {"role": role, "trial": trial, **dict(zip(axes, found.point, strict=True))}
    return {**head, "value": found.value, **found.costs, "allowed": found.is_allowed}
