r"""Synthetic tasks of Tang and Khalil (2024): parameters are a power of a random linear map of the features.

Features are $x \sim N(0, I_p)$ and B is a random matrix of zeros and ones. What several tasks share, which is B and the
feasible set, comes from `model`; instances come from `seed`. Random streams are not those of PyEPO.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from continuum.core import check_count, check_positive, check_share, rng_for

from .dataset import PtODataset
from .grid import GridShortestPath
from .knapsack import Knapsack
from .portfolio import Portfolio

__all__ = ["make_knapsack", "make_portfolio", "make_shortest_path"]

Array = NDArray[np.float64]


def make_shortest_path(
    instances: int,
    *,
    rows: int = 5,
    columns: int = 5,
    features: int = 5,
    degree: int = 1,
    noise: float = 0.0,
    model: int = 0,
    seed: int = 0,
) -> PtODataset:
    r"""Shortest paths over a grid, whose steps go right or down and cost what features say.

    $y = ((B x / \sqrt{p} + 3)^g + 1) / 3.5^g \cdot \epsilon$ with $\epsilon \sim U(1 - w, 1 + w)$: Elmachtoub
    and Grigas (2022), section 6.1, as in Tang and Khalil (2024). Customary are degrees g of 1, 2, 4, 6 and
    noise 0 and 0.5.

    Args:
        instances: how many.
        rows: of the grid.
        columns: of the grid.
        features: p.
        degree: of the polynomial.
        noise: w, in [0, 1].
        model: seed of B.
        seed: of features and noise.

    Raises:
        InvalidInputError: for sizes below 1 and for noise outside [0, 1].

    Example:
        >>> make_shortest_path(100, degree=4)
        PtODataset(n=100, features=(5,), problem=GridShortestPath, dim_y=40, dim_z=40)
    """
    problem = GridShortestPath(rows, columns, neighbours=4, costs="edges")
    x, y = _polynomial("shortest path", instances, features, problem.dim_y, degree, noise, model, seed)
    return PtODataset(x, y, problem)


def make_knapsack(
    instances: int,
    *,
    items: int = 32,
    capacity: int = 2000,
    features: int = 5,
    degree: int = 1,
    noise: float = 0.0,
    model: int = 0,
    seed: int = 0,
) -> PtODataset:
    r"""Knapsacks whose items have fixed weights, and are worth what features say.

    $y = \lceil 5 ((B x / \sqrt{p} + 3)^g + 1) / 3.5^g \cdot \epsilon \rceil$ and weights from 3.00 to 7.99,
    counted in hundredths: Tang and Khalil (2024).

    Args:
        instances: how many.
        items: how many there are to choose from.
        capacity: in hundredths.
        features: p.
        degree: of the polynomial.
        noise: w, in [0, 1].
        model: seed of B and of the weights.
        seed: of features and noise.

    Raises:
        InvalidInputError: for sizes below 1 and for noise outside [0, 1].

    Example:
        >>> make_knapsack(100, items=10).z.sum(1).max() <= 6  # of weights of at least 3, within 20
        np.True_
    """
    check_count("items", items)
    x, y = _polynomial("knapsack", instances, features, items, degree, noise, model, seed)
    weights = rng_for(model, "knapsack", "weights").integers(300, 800, items)
    # Values are whole, so that rounding must not lift one that is whole already.
    return PtODataset(x, np.ceil((5 * y).round(9)), Knapsack(weights, capacity))


def make_portfolio(
    instances: int,
    *,
    assets: int = 50,
    features: int = 5,
    degree: int = 1,
    noise: float = 1.0,
    risk: float = 2.25,
    model: int = 0,
    seed: int = 0,
) -> PtODataset:
    r"""Portfolios of bounded risk, whose assets return what features say, common factors and chance.

    $y = (0.05 B x / \sqrt{p} + 0.1^{1 / g})^g + L f + 0.01 \tau \epsilon$ with normal f and $\epsilon$,
    $L \sim U(-0.0025 \tau, 0.0025 \tau)$ and the covariance $L L^\top + (0.01 \tau)^2 I$: Elmachtoub and Grigas (2022),
    section 6.2, as in PyEPO.

    Args:
        instances: how many.
        assets: how many there are.
        features: p.
        degree: of the polynomial.
        noise: $\tau$, positive.
        risk: the bound on the variance, over the mean of the covariance.
        model: seed of B and L.
        seed: of features and noise.

    Raises:
        InvalidInputError: for sizes below 1, for noise or risk of 0, and if no portfolio has so little risk.

    Example:
        >>> make_portfolio(100, assets=10).problem.is_feasible(np.full((1, 10), 0.1))
        array([ True])
    """
    check_count("assets", assets)
    check_positive("noise", noise)
    check_positive("risk", risk)
    rng = rng_for(seed, "portfolio")
    x, signal = _signal("portfolio", instances, features, assets, degree, model, rng)
    loadings = rng_for(model, "portfolio", "loadings").uniform(-0.0025, 0.0025, size=(assets, features)) * noise
    returns = (0.05 * signal + 0.1 ** (1 / degree)) ** degree
    returns += rng.normal(size=(instances, features)) @ loadings.T + 0.01 * noise * rng.normal(size=(instances, assets))
    covariance = loadings @ loadings.T + (0.01 * noise) ** 2 * np.eye(assets)
    return PtODataset(x, returns, Portfolio(covariance, risk * float(covariance.mean())))


def _polynomial(
    task: str, instances: int, features: int, outputs: int, degree: int, noise: float, model: int, seed: int
) -> tuple[Array, Array]:
    """Features, and ((B x / sqrt(p) + 3)^deg + 1) / 3.5^deg times uniform noise."""
    check_share("noise", noise)
    rng = rng_for(seed, task)
    x, signal = _signal(task, instances, features, outputs, degree, model, rng)
    return x, ((signal + 3) ** degree + 1) / 3.5**degree * rng.uniform(1 - noise, 1 + noise, size=signal.shape)


def _signal(
    task: str, instances: int, features: int, outputs: int, degree: int, model: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Features x and B x / sqrt(p)."""
    for name, count in (("instances", instances), ("features", features), ("degree", degree)):
        check_count(name, count)
    mixing = rng_for(model, task, "B").integers(0, 2, size=(outputs, features))
    x = rng.normal(size=(instances, features))
    return x, x @ mixing.T / math.sqrt(features)
