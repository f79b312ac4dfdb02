"""Sliced distances between classes: all shapes of a law count, at the price of sorting its projections."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import IncompatibleError, check_count, rng_for
from continuum.measures import DiscreteMeasure
from continuum.measures.sliced import orthogonal_directions

__all__ = ["SlicedLabels", "SlicedLaw"]


@dataclass(frozen=True, eq=False)
class SlicedLaw:
    """A law, as `SlicedLabels` sees it.

    Attributes:
        mean: (d,).
        quantiles: quantile functions of the centred projections, (l, q).
    """

    mean: Float[Tensor, " d"]
    quantiles: Float[Tensor, "l q"]


@dataclass(frozen=True)
class SlicedLabels:
    r"""Sliced transport: $\|\mu_p - \mu_q\|^2 + d\, E_\theta W_2^2$ of the centred projections onto random lines.

    Never above `ExactLabels` but for the errors of the mean over $\theta$ and of the grid of quantiles
    (Bonneel et al. 2015). It is a squared distance of vectors, so its `LabelTable` has coordinates without a shift.

    Args:
        projections: number of random directions.
        quantiles: points of the common grid, the middles of as many equal parts of [0, 1].
        seed: seed of the directions.
    """

    projections: int = 256
    quantiles: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("projections", "quantiles"):
            check_count(name, getattr(self, name))

    def describe(self, law: DiscreteMeasure, /) -> SlicedLaw:
        values, order = ((law.points - law.mean) @ self._directions(law.points)).T.contiguous().sort(1)
        heights = law.weights[order].cumsum(1)
        grid = (torch.arange(self.quantiles).to(heights) + 0.5) / self.quantiles
        levels = (grid * heights[:, -1:]).contiguous()
        places = torch.searchsorted(heights, levels).clamp_(max=len(law) - 1)
        return SlicedLaw(law.mean, values.gather(1, places))

    def squared(self, p: SlicedLaw, q: SlicedLaw, /) -> float:
        if p.mean.shape != q.mean.shape:
            raise IncompatibleError(
                f"laws in {len(p.mean)} and {len(q.mean)} dimensions have no distance; embed both into one space."
            )
        shape = len(p.mean) * (p.quantiles - q.quantiles).square().mean()
        return float((p.mean - q.mean).square().sum() + shape)

    def _directions(self, points: Float[Tensor, "n d"]) -> Float[Tensor, "d l"]:
        rng = rng_for(self.seed, "label directions")  # the same for all laws in d dimensions
        return orthogonal_directions(points.shape[1], self.projections, rng).to(points)
