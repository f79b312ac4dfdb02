"""A synthetic task of ordering stock by a distribution of demand."""

from __future__ import annotations

from typing import Any

import numpy as np

from continuum.core import check_count, rng_for

from .dataset import PtODataset
from .stochastic_newsvendor import StochasticNewsvendor

__all__ = ["make_demands"]


def make_demands(
    instances: int,
    *,
    levels: Any = (1, 2, 5, 10, 20),
    features: int = 20,
    power: int = 1,
    model: int = 0,
    seed: int = 0,
) -> PtODataset:
    r"""Demands that came true, one level for each instance, where features tell how likely each level is.

    $P(\text{demand} = d_k \mid x) \propto \exp((\theta_k^\top x)^q)$ with normal x and $\theta$: Donti et al. (2017),
    section 4.1, with their levels and costs. The power q is 1 for their linear model, and 2 for the other one.

    Args:
        instances: how many.
        levels: the demands that are possible, increasing.
        features: of each instance.
        power: q.
        model: seed of $\theta$, which tasks share.
        seed: of features and demands.

    Returns:
        Instances whose parameters are 1 at the demand that came true, and 0 elsewhere.

    Raises:
        InvalidInputError: for sizes below 1 and levels that do not increase.

    Example:
        >>> data = make_demands(100)
        >>> data
        PtODataset(n=100, features=(20,), problem=StochasticNewsvendor, dim_y=5, dim_z=1)
        >>> data.y.sum(1).max()
        np.float64(1.0)
    """
    for name, count in (("instances", instances), ("features", features), ("power", power)):
        check_count(name, count)
    problem = StochasticNewsvendor(levels, backorder=(30, 14), holding=(10, 2), order=(10, 2))
    theta = rng_for(model, "demands", "theta").normal(size=(features, problem.dim_y))
    rng = rng_for(seed, "demands")
    x = rng.normal(size=(instances, features))
    # Of independent Gumbel variables added to the logits the largest is at each level with its probability.
    drawn = ((x @ theta) ** power + rng.gumbel(size=(instances, problem.dim_y))).argmax(1)
    return PtODataset(x, np.eye(problem.dim_y)[drawn], problem)
