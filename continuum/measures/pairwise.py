"""Two clouds as one, squared distances of all pairs, and weighted sums of differences without a tensor of them all."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["ROUNDINGS", "full_precision", "joined", "squared_distances", "weighted_differences"]

ROUNDINGS = 8  # units in the last place of the points, within which two of them are one


def joined(
    x: Float[Tensor, "*b n d"], y: Float[Tensor, "*b m d"], a: Float[Tensor, "*b n"], b: Float[Tensor, "*b m"]
) -> tuple[Float[Tensor, "*b k d"], Float[Tensor, "*b k 2"], Float[Tensor, "*b 1 d"]]:
    """Both clouds as one of n + m points around their barycentre, the masses of each side, and the barycentre.

    One matrix of pairs then does for three: small clouds take no longer than the calls.
    """
    pad = torch.nn.functional.pad
    sides = torch.stack([pad(a, (0, b.shape[-1])), pad(b, (a.shape[-1], 0))], -1)
    points = torch.cat([x, y], -2)
    # Not differentiated: nothing depends on the centre but for rounding.
    centre = (sides.sum(-1, keepdim=True) / 2 * points).sum(-2, keepdim=True).detach()
    return points - centre, sides, centre


def full_precision(points: Tensor) -> torch.autocast:
    """Autocast would round products of matrices whose small differences are what is looked for."""
    return torch.autocast(points.device.type, enabled=False)


def squared_distances(x: Float[Tensor, "*b n d"], y: Float[Tensor, "*b m d"]) -> Float[Tensor, "*b n m"]:
    r"""$|x_i - y_j|^2$, with every derivative.

    Points that differ by no more than the rounding of their coordinates are at distance 0: the direction from one to
    the other is noise, which a kernel with a kink at 0 would blow up to full size. Clouds should be centred.
    """
    # From differences: the expanded square is off by the rounding of |x|^2, however near the points are.
    found = torch.cdist(x.detach(), y.detach(), compute_mode="donot_use_mm_for_euclid_dist").square()
    lengths = x.square().sum(-1)[..., :, None] + y.square().sum(-1)[..., None, :]
    rounding = (ROUNDINGS * torch.finfo(x.dtype).eps) ** 2 / 2
    found = torch.where(found <= rounding * lengths.detach(), 0, found)
    # The expanded square is right for derivatives: autograd turns it into `weighted_differences`, to any order.
    expanded = lengths - 2 * x @ y.mT
    return found + (expanded - expanded.detach())


def weighted_differences(
    weights: Float[Tensor, "*b n m"], x: Float[Tensor, "*b n d"], y: Float[Tensor, "*b m d"]
) -> Float[Tensor, "*b n d"]:
    r"""$\sum_j W_{ij} (x_i - y_j)$ for each i."""
    return weights.sum(-1, keepdim=True) * x - weights @ y
