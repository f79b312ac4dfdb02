r"""Laws seen in a few directions, with bounds on what that does to their distance.

Split each point into its projection onto a subspace and the rest. In whatever way two laws are coupled, the expected
squared distance of the rests lies between $(\sqrt{s} - \sqrt{t})^2$ and $(\sqrt{s} + \sqrt{t})^2$, s and t their mean
squares (Minkowski). So the distance of the projections and two numbers enclose the distance of the laws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import InvalidInputError

from .gaussian import GaussianMeasure, bures2, thin

__all__ = ["TruncatedGaussian", "projection_bounds", "truncate", "truncated_w2_squared", "truncation_error"]


def projection_bounds(inside: float, source_rest: float, target_rest: float) -> tuple[float, float]:
    r"""Bounds of a squared distance $W_2^2$ by that of the projections onto a subspace.

    $$W^2 + (\sqrt{s} - \sqrt{t})^2 \le W_2^2 \le W^2 + (\sqrt{s} + \sqrt{t})^2.$$

    They also hold for OTDD with the labels at their full distance.

    Args:
        inside: $W^2$, squared distance of the projections, or the bound of it that is on the side asked for.
        source_rest: s, mean square of what the projection takes off a source point. All points of both sides are
            centred at one place first, the nearer to their mean the better.
        target_rest: t, the same of the target.

    Raises:
        InvalidInputError: if a mean square is negative.

    Example:
        >>> projection_bounds(10.0, 4.0, 1.0)
        (11.0, 19.0)
    """
    if min(source_rest, target_rest) < 0:
        raise InvalidInputError(f"mean squares must not be negative, got {source_rest} and {target_rest}.")
    s, t = math.sqrt(source_rest), math.sqrt(target_rest)
    return inside + (s - t) ** 2, inside + (s + t) ** 2


@dataclass(frozen=True, eq=False)
class TruncatedGaussian:
    """A normal distribution whose covariance is known in k directions, and outside of them by its trace.

    Attributes:
        mean: (d,), all of it.
        inside: the distribution of the projection onto the k directions.
        rest: variance in the other directions.
    """

    mean: Float[Tensor, " d"]
    inside: GaussianMeasure
    rest: float


def truncate(laws: Sequence[GaussianMeasure], rank: int) -> list[TruncatedGaussian]:
    """Gaussians in the `rank` directions that hold most of the variance of all together, each counting once."""
    axes = _principal([law.root for law in laws], rank)
    return [_seen_along(law, axes) for law in laws]


def _principal(factors: Sequence[Float[Tensor, "_ d"]], rank: int) -> Float[Tensor, "d k"]:
    if sum(map(len, factors)) < factors[0].shape[1]:
        axes: Tensor = torch.linalg.svd(torch.cat(list(factors)), full_matrices=False).Vh[:rank].T
        return axes
    # Axes need no digits, as bounds hold along any: the sum of covariances will do, and needs no room for all factors.
    axes = torch.linalg.eigh(reduce(torch.add, (factor.T @ factor for factor in factors))).eigenvectors
    return axes[:, -rank:]


def _seen_along(law: GaussianMeasure, axes: Float[Tensor, "d k"]) -> TruncatedGaussian:
    seen = law.root @ axes
    # Of the difference itself: the difference of two traces would be all rounding where little is left over.
    rest = float((law.root - seen @ axes.T).square().sum())
    return TruncatedGaussian(law.mean, GaussianMeasure(law.mean @ axes, thin(seen)), rest)


def truncated_w2_squared(p: TruncatedGaussian, q: TruncatedGaussian) -> float:
    r"""Squared 2-Wasserstein distance of two Gaussians up to `truncation_error`.

    $\|\mu_p - \mu_q\|^2 + \mathrm{tr} A + \mathrm{tr} B - 2 \|R_A P R_B^\top\|_*$ with P the projection onto the
    directions: the middle of `projection_bounds`.
    """
    means = float((p.mean - q.mean).square().sum())
    return means + bures2(p.inside, q.inside) + p.rest + q.rest


def truncation_error(p: TruncatedGaussian, q: TruncatedGaussian) -> float:
    r"""How far `truncated_w2_squared` may be off, to either side: $2 \sqrt{st}$, s and t the two `rest`.

    $\|R_A R_B^\top\|_* - \|R_A P R_B^\top\|_*$ is at most $\|R_A (I - P)\|_F\, \|R_B (I - P)\|_F$ in absolute value. It
    may be negative: what P takes away can have cancelled what it leaves.
    """
    return 2 * math.sqrt(p.rest * q.rest)
