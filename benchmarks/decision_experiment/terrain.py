"""Shortest paths over terrain: a task is what each of five kinds of ground costs. Maps are made here, of no picture.

A cell shows the colour of its ground with noise, and grounds form regions. Costs of the target are those of the maps of
Vlastelica et al. (2020); those of each source are drawn anew. Three colours cannot tell five prices by a straight line,
so that a linear predictor learns no task well; one with random units does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cells import as_seen, cell_learner, random_units
from families import Family
from fields import fields
from pieces import Lab

from continuum.core import rng_for
from continuum.decisions import GridShortestPath, PtODataset

KINDS = ("independent", "same")
"""Whether each source has maps of its own, or those of the target with other costs."""

_COSTS = np.array([0.8, 1.2, 5.3, 7.7, 9.2])
_COLOURS = np.array([[0.9, 0.8, 0.5], [0.4, 0.7, 0.3], [0.1, 0.4, 0.2], [0.5, 0.5, 0.5], [0.2, 0.3, 0.8]])
_NOISE = 0.1


def family(lab: Lab, kind: str, seed: int, *, sources: int | None = None) -> Family:
    grid, n, tests = (5, 20, 40) if lab.small else (12, 80, 200)
    count = sources or (8 if lab.small else 40)
    problem = GridShortestPath(grid)

    def drawn(name: str, costs: Any, instances: int) -> PtODataset:
        rng = rng_for(seed, "terrain", "maps", name)
        ground = fields(rng, instances, grid, len(_COSTS)).reshape(instances, -1)
        x = _COLOURS[ground] + _NOISE * rng.normal(size=(*ground.shape, 3))
        return PtODataset(x, costs[ground], problem)

    target = drawn("target", _COSTS, n)
    tasks = {}
    for number in range(count):
        name = f"source {number}"
        costs = rng_for(seed, "terrain", name).uniform(_COSTS.min(), _COSTS.max(), len(_COSTS))
        # Maps come of a name and the seed, whatever the costs are.
        tasks[name] = drawn(name if kind == "independent" else "target", costs, n)
    learners = {"random units": cell_learner(random_units(3, 64)), "linear": cell_learner(as_seen)}
    return Family(target, tasks, drawn("test", _COSTS, tests), learners, few=5)
