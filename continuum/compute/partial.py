"""Views of point clouds with holes, which completion has to fill."""

from __future__ import annotations

import numpy as np
import torch

from continuum.core import InvalidInputError, check_count, check_positive

from .particles import PointCloudBatch

__all__ = ["partial_view"]


def partial_view(
    clouds: PointCloudBatch, rng: np.random.Generator, *, radius: float = 0.6, seeds: int = 2
) -> PointCloudBatch:
    """The clouds without the points that lie within a radius of some of their own points, drawn at random.

    What is left stays in its place in the batch, so `clouds.mask & ~view.mask` are the points that were taken away. The
    masses of the others grow in proportion.

    Args:
        clouds: whole clouds, of any dimension.
        rng: draws the centres of the holes, different points of each cloud.
        radius: of the holes, in the units of the points.
        seeds: how many holes; where a cloud has fewer points, each is one.

    Raises:
        InvalidInputError: if nothing is left of a cloud.

    Example:
        >>> line = PointCloudBatch(torch.arange(5.0)[None, :, None])
        >>> view = partial_view(line, np.random.default_rng(0), radius=1.0, seeds=1)
        >>> view.clouds()[0][:, 0].tolist()
        [0.0, 1.0, 2.0]
    """
    check_positive("radius", radius)
    check_count("seeds", seeds)
    keys = torch.as_tensor(rng.random(tuple(clouds.mask.shape)), device=clouds.mask.device)
    keys, centres = torch.where(clouds.mask, keys, -1.0).topk(min(seeds, keys.shape[1]), dim=1)
    at = clouds.points.gather(1, centres[..., None].expand(-1, -1, clouds.dimension))
    distances = torch.cdist(clouds.points, at, compute_mode="donot_use_mm_for_euclid_dist")
    taken = ((distances <= radius) & (keys >= 0)[:, None]).any(-1)
    left = clouds.mask & ~taken
    weights = torch.where(left, clouds.weights, 0)
    masses = weights.sum(1, keepdim=True)
    if not bool((masses > 0).all()):
        raise InvalidInputError(
            f"nothing is left of cloud {int((masses <= 0).nonzero()[0, 0])}: `radius` {radius!r} is too large for it."
        )
    return PointCloudBatch(clouds.points, left, weights / masses)
