"""The Chamfer distance of weighted point clouds: how far it is to the nearest point of the other."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .pairs import admit_pair
from .pairwise import squared_distances

__all__ = ["chamfer"]

_TINY = 1e-30  # of a squared distance: the square root has no derivative at 0


def chamfer(x: Any, y: Any, a: Any = None, b: Any = None) -> Float[Tensor, "*b"]:
    r"""Mean distance to the nearest point of the other cloud, of both clouds.

    $\frac12 \big(\sum_i a_i \min_j |x_i - y_j| + \sum_j b_j \min_i |x_i - y_j|\big)$ (Fan, Su & Guibas 2017, with
    distances that are not squared, as in Yuan et al. 2018). It is no metric, and does not see how much mass a point has
    beside its own. Points of mass 0 are no part of a cloud.

    Args:
        x: points, (..., n, d), of float32 or float64.
        y: points, (..., m, d).
        a: masses of x, (..., n), that sum to 1; 0 for padding, None for uniform.
        b: masses of y, (..., m).

    Returns:
        (...), in the unit of the points. It can be a loss.

    Raises:
        InvalidInputError, IncompatibleError: as `mmd2`.

    Example:
        >>> chamfer(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0]]))
        tensor(0.2500)
    """
    x, y, a, b = admit_pair(x, y, a, b)
    squared = squared_distances(x, y)
    there = squared.masked_fill(~(b > 0)[..., None, :], torch.inf).amin(-1)
    back = squared.masked_fill(~(a > 0)[..., :, None], torch.inf).amin(-2)
    return (_mean_root(there, a) + _mean_root(back, b)) / 2


def _mean_root(squared: Tensor, masses: Tensor) -> Tensor:
    # Where there is no mass the nearest point may be infinitely far.
    return (masses * _root(torch.where(masses > 0, squared, 0))).sum(-1)


def _root(squared: Tensor) -> Tensor:
    """The square root, with the derivative 0 at 0."""
    positive = squared > _TINY
    return torch.where(positive, torch.where(positive, squared, 1).sqrt(), 0)
