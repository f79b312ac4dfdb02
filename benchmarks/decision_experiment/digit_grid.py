"""Shortest paths over grids whose cells are images of digits: a task is what each digit costs.

Images are those of scikit-learn, 8 x 8 pixels. Half of them make the instances that are learnt from and compared, the
other half those that are decided on. Which digit stands where follows a smooth field, so that grids have regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from cells import cell_learner, random_units
from families import Family
from fields import fields
from pieces import Lab
from sklearn.datasets import load_digits

from continuum.core import rng_for
from continuum.decisions import GridShortestPath, PtODataset

KINDS = ("independent", "same")
"""Whether each source has images of its own, or those of the target with other costs."""

_LOW, _HIGH = 0.8, 9.2  # the least and the greatest cost of the maps of Vlastelica et al. (2020)
_CLASSES = 10


def family(lab: Lab, kind: str, seed: int, *, sources: int | None = None) -> Family:
    """A target whose costs are drawn, and sources in which more or fewer of them are drawn again."""
    grid, n, tests = (5, 20, 40) if lab.small else (8, 80, 200)
    count = sources or (8 if lab.small else 40)
    problem = GridShortestPath(grid)
    costs = rng_for(seed, "digits", "target").uniform(_LOW, _HIGH, _CLASSES)
    learnt, decided = _halves(seed)
    places = fields(rng_for(seed, "digits", "fields", "target"), n, grid, _CLASSES)
    target = _instances(problem, learnt, places, costs, rng_for(seed, "digits", "images", "target"))
    tasks = {}
    for name, redrawn in _redrawn(costs, count, seed).items():
        if kind == "same":
            tasks[name] = PtODataset(target.x, redrawn[places].reshape(n, -1), problem)
        else:
            own = fields(rng_for(seed, "digits", "fields", name), n, grid, _CLASSES)
            tasks[name] = _instances(problem, learnt, own, redrawn, rng_for(seed, "digits", "images", name))
    unseen = fields(rng_for(seed, "digits", "fields", "test"), tests, grid, _CLASSES)
    test = _instances(problem, decided, unseen, costs, rng_for(seed, "digits", "images", "test"))
    return Family(target, tasks, test, {"random units": cell_learner(random_units(64))}, few=5)


def _halves(seed: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """Images of each digit, one half to learn from and the other to decide on."""
    found = load_digits()
    order = rng_for(seed, "digits", "halves").permutation(len(found.target))
    halves = np.array_split(order, 2)
    by_digit = [[found.data[half][found.target[half] == digit] / 16 for digit in range(10)] for half in halves]
    return by_digit[0], by_digit[1]


def _redrawn(costs: Any, count: int, seed: int) -> dict[str, Any]:
    """Costs of the sources: each draws every cost again with a probability of its own."""
    found = {}
    for number in range(count):
        rng = rng_for(seed, "digits", "source", number)
        again = rng.random(_CLASSES) < rng.random()
        found[f"source {number}"] = np.where(again, rng.uniform(_LOW, _HIGH, _CLASSES), costs)
    return found


def _instances(
    problem: GridShortestPath, images: Sequence[Any], places: Any, costs: Any, rng: np.random.Generator
) -> PtODataset:
    flat = places.reshape(len(places), -1)
    x = np.empty((*flat.shape, 64))
    for digit, pool in enumerate(images):
        here = flat == digit
        x[here] = pool[rng.integers(len(pool), size=int(here.sum()))]
    return PtODataset(x, costs[flat], problem)
