"""One problem of each kind, with parameters that it accepts: the one list of them."""

from __future__ import annotations

import numpy as np

from continuum.decisions import (
    GridShortestPath,
    Knapsack,
    MeanVariance,
    Newsvendor,
    Portfolio,
    StochasticNewsvendor,
    TopK,
)

COVARIANCE = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, -0.02], [0.0, -0.02, 0.16]])

LINEAR = {
    "top one": TopK(5),
    "top three": TopK(5, 3),
    "cells, 4 neighbours": GridShortestPath(3, 4, neighbours=4),
    "cells, 8 neighbours": GridShortestPath(4, 3, neighbours=8),
    "steps, 4 neighbours": GridShortestPath(3, 4, neighbours=4, costs="edges"),
    "steps, 8 neighbours": GridShortestPath(4, 3, neighbours=8, costs="edges"),
    "knapsack": Knapsack([3, 4, 5, 6], 9),
    "two knapsacks": Knapsack([[3, 4, 5, 6], [2, 1, 2, 4]], [9, 5]),
    "portfolio": Portfolio(COVARIANCE, risk=0.05),
}

CURVED = {
    "risk at a price": MeanVariance(COVARIANCE, aversion=3.0),
    "newsvendor": Newsvendor(backorder=9, holding=1, order=2),
    "two goods of quadratic costs": Newsvendor(backorder=(30, 14), holding=(10, 2), order=(10, 2), items=2),
    "demand by chance": StochasticNewsvendor((1, 2, 5, 10), backorder=(30, 14), holding=(10, 2), order=(10, 2)),
}

PROBLEMS = {**LINEAR, **CURVED}


def parameters(problem, n, rng):
    """Positive parameters, (n, dim_y); distributions where these are asked for."""
    y = rng.uniform(0.1, 5.0, size=(n, problem.dim_y))
    return y / y.sum(1, keepdims=True) if isinstance(problem, StochasticNewsvendor) else y
