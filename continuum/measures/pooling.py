"""Covariances of several classes that lend each other strength."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import InvalidInputError

from .gaussian import GaussianMeasure, thin

__all__ = ["Pooled", "pool"]


@dataclass(frozen=True)
class Pooled:
    r"""Shrinkage of the covariance of a class to the one that all classes of its dataset have in common.

    $\Sigma_c \leftarrow (1 - \rho)\, \Sigma_c + \rho\, \Sigma$ with the pooled covariance within the classes,
    $\Sigma = \sum_c \sum_{i \in c} (x_i - \mu_c)(x_i - \mu_c)^\top / (n - K)$: regularised discriminant analysis in the
    form of Hastie, Tibshirani & Friedman (2009), eq. 4.13. Friedman (1989) mixes sums of squares instead, which pools
    small classes more than large ones; here $\rho$ is the same for all.

    Args:
        rho: 0 leaves covariances as they are, 1 gives all classes of a dataset one covariance.
    """

    rho: float

    def __post_init__(self) -> None:
        if not 0 <= self.rho <= 1:
            raise InvalidInputError(f"`rho` must lie in [0, 1], got {self.rho!r}.")


def pool(laws: Sequence[GaussianMeasure], freedoms: Sequence[float], rho: float) -> list[GaussianMeasure]:
    r"""The laws with covariances $(1 - \rho)\, \Sigma_c + \rho \sum_k \nu_k \Sigma_k / \sum_k \nu_k$.

    Args:
        laws: Gaussians in one space.
        freedoms: $\nu$, the degrees of freedom of each covariance in any unit, such as n_c - 1.
        rho: the part of what is in common.
    """
    total = sum(freedoms)
    if rho == 0 or total == 0:  # none has a covariance to lend
        return list(laws)
    shares = [freedom / total for freedom in freedoms]
    common = _sum([(share, law.factor) for share, law in zip(shares, laws, strict=True)])
    floor = sum(share * law.floor for share, law in zip(shares, laws, strict=True))
    return [
        GaussianMeasure(law.mean, _sum([(1 - rho, law.factor), (rho, common)]), (1 - rho) * law.floor + rho * floor)
        for law in laws
    ]


def _sum(terms: Sequence[tuple[float, Float[Tensor, "_ d"]]]) -> Float[Tensor, "r d"]:
    """A factor of the weighted sum of the covariances of several factors: these, one on top of the other."""
    scaled = (math.sqrt(weight) * factor for weight, factor in terms if weight > 0)
    return reduce(lambda top, factor: thin(torch.cat([top, factor])), scaled)
