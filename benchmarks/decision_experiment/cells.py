"""Predictors of the costs of cells, from what each cell looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from families import Learner, Predictor
from sklearn.linear_model import Ridge

from continuum.core import rng_for
from continuum.decisions import PtODataset

Look = Callable[[Any], Any]  # of cells (k, d)

_RIDGE = 1e-6  # of the sum of squares: nothing is shrunk that data say anything about


def cell_learner(look: Look) -> Learner:
    """Ridge regression of the cost of a cell on `look` of it; the same for all cells, and never below 0."""

    def fit(data: PtODataset) -> Predictor:
        cells = data.problem.dim_y
        features = look(data.x.reshape(len(data) * cells, -1))
        masses = np.repeat(data.weights, cells)
        strength = _RIDGE * float(masses @ (features**2).sum(1))
        found = Ridge(alpha=strength).fit(features, data.y.ravel(), sample_weight=masses)
        return lambda x: np.maximum(found.predict(look(x.reshape(len(x) * cells, -1))), 0).reshape(len(x), cells)

    return fit


def as_seen(cells: Any) -> Any:
    """Linear regression: the cell itself."""
    return cells


def random_units(dimension: int, count: int = 256) -> Look:
    """The answers of a fixed layer of random rectified units, for what is not linear in the cell."""
    rng = rng_for(0, "units", dimension)
    directions, offsets = rng.normal(size=(dimension, count)) / dimension**0.5, rng.normal(size=count)
    return lambda cells: np.maximum(cells @ directions + offsets, 0)
