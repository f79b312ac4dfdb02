"""Top-k of cubic values: a straight line is learnt, whose sign decides everything.

Items have one feature x ~ U(-1, 1) and values 10 (x^3 - coefficient x), of which the largest is chosen. Least squares
find the slope 10 (0.6 - coefficient): above 0.6 the item with the least x is taken, below the one with the greatest.
Items can be exchanged, so those of each instance are sorted by x before decisions are compared. After the cubic top-k
of Shah et al. (2022), with the coefficients 0, 0.1, ..., 1.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from families import Family, Predictor
from pieces import Lab

from continuum.core import rng_for
from continuum.decisions import PtODataset, TopK, regret

TARGET = 0.65
"""The coefficient of the target."""

_COEFFICIENTS = [round(0.1 * k, 1) for k in range(16)]


def family(lab: Lab, seed: int) -> Family:
    n, tests = (20, 40) if lab.small else (80, 400)
    sources = {f"{c:g}": _task(c, n, seed, f"{c:g}") for c in _COEFFICIENTS}
    target, test = _task(TARGET, n, seed, "target"), _task(TARGET, tests, seed, "test")
    return Family(target, sources, test, {"least squares": _line, "decisions": _sign}, few=0)


def _task(coefficient: float, n: int, seed: int, name: str) -> PtODataset:
    x = np.sort(rng_for(seed, "cubic", name).uniform(-1, 1, size=(n, 50)), axis=1)
    return PtODataset(x, 10 * (x**3 - coefficient * x), TopK(items=50, k=1))


def _line(data: PtODataset) -> Predictor:
    """The line of least squares."""
    x, y, masses = data.x.ravel(), data.y.ravel(), np.repeat(data.weights, data.problem.dim_y)
    centre, level = np.average(x, weights=masses), np.average(y, weights=masses)
    slope = (masses * (x - centre) * (y - level)).sum() / (masses * (x - centre) ** 2).sum()
    return lambda features: level + slope * (features - centre)


def _sign(data: PtODataset) -> Predictor:
    """The line whose decisions lose least: only its sign matters."""

    def lost(slope: float) -> Any:
        return data.weights @ regret(data.problem, slope * data.x, data.y, reduction="none", optimal=data.z)

    slope = min((1.0, -1.0), key=lost)
    return lambda features: slope * features
