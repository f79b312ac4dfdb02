"""Discrete measures: weighted point clouds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .admission import Admitted, admit_array, admit_masses

__all__ = ["DiscreteMeasure"]


@dataclass(frozen=True, eq=False)
class DiscreteMeasure:
    r"""$\sum_i a_i \delta_{x_i}$ on $\mathbb{R}^d$.

    Args:
        points: locations, (n, d); any array, kept as float64 on its device.
        weights: masses, (n,); None for uniform. Normalised to sum to 1.

    Raises:
        InvalidInputError: for NaN, an empty cloud, negative masses or a wrong shape.
    """

    points: Admitted
    weights: Admitted = None

    def __post_init__(self) -> None:
        points = admit_array(self.points, "points", ndim=2)
        weights = admit_masses(self.weights, len(points), "weights", device=points.device)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "weights", weights)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Barycentre, (d,)."""
        return torch.as_tensor(self.weights @ self.points)
