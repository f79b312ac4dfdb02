"""PCN, a baseline of completion: a few points first, and a folded patch at each of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import InvalidInputError, check_count, check_positive, rng_for, torch_generator

from .admission import admit_clouds
from .layers import initialise, mlp
from .particles import PointCloudBatch
from .pooling import pooled_max, support

__all__ = ["PCN", "CoarseToFine"]


@dataclass(frozen=True, eq=False)
class CoarseToFine:
    """What `PCN` makes of partial clouds.

    Attributes:
        coarse: a few points of the whole cloud, (b, c, d).
        dense: the points of all patches, (b, n, d), those of one patch after those of another.
    """

    coarse: Float[Tensor, "b c d"]
    dense: Float[Tensor, "b n d"]


class PCN(nn.Module):
    """Point completion network (Yuan et al. 2018): the whole cloud anew, from a vector that describes the partial one.

    Two PointNets in a row make the vector; a network of two hidden layers makes coarse points of it; at each a patch of
    grid x grid points is folded by one network of patch, coarse point and vector. The defaults are the sizes of the
    paper, with 16,384 points; smaller ones have all widths in proportion to `code`. It is trained by the distance of
    both outputs to the target, the dense one with a weight that grows.

    Masses are not looked at, but for points of mass 0, which are left out: a maximum does not see how often it occurs.

    Args:
        dimension: of the points.
        code: length of the vector, a multiple of 8.
        coarse: number of coarse points.
        grid: points on a side of a patch.
        spread: half the side of a patch before it is folded, in the units of the points.
        seed: of the weights.

    Example:
        >>> out = PCN(2, code=64, coarse=16, grid=2)(PointCloudBatch(torch.ones(3, 5, 2)))
        >>> out.coarse.shape, out.dense.shape
        (torch.Size([3, 16, 2]), torch.Size([3, 64, 2]))
    """

    patch: Tensor

    def __init__(
        self,
        dimension: int,
        *,
        code: int = 1024,
        coarse: int = 1024,
        grid: int = 4,
        spread: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value in (("dimension", dimension), ("code", code), ("coarse", coarse), ("grid", grid)):
            check_count(name, value)
        check_positive("spread", spread)
        if code % 8:
            raise InvalidInputError(f"`code` must be a multiple of 8, got {code}.")
        self.dimension = dimension
        with torch.device("meta"):
            self.points = mlp(dimension, code // 8, code // 4)
            self.points_again = mlp(code // 2, code // 2, code)
            self.coarse = nn.Sequential(mlp(code, code, code), nn.ReLU(), nn.Linear(code, coarse * dimension))
            self.fold = nn.Sequential(
                mlp(2 + dimension + code, code // 2, code // 2), nn.ReLU(), nn.Linear(code // 2, dimension)
            )
        initialise(self, torch_generator(rng_for(seed, "PCN")))
        side = torch.linspace(-spread, spread, grid) if grid > 1 else torch.zeros(1)
        self.register_buffer("patch", torch.cartesian_prod(side, side))

    def forward(self, clouds: PointCloudBatch) -> CoarseToFine:
        """The completed clouds, with all their points of one mass."""
        clouds = admit_clouds(clouds, self.dimension, self)
        within = support(clouds)
        x = self.points(clouds.points)
        overall = pooled_max(x, within)[:, None].expand_as(x)
        code = pooled_max(self.points_again(torch.cat([x, overall], -1)), within)
        coarse = self.coarse(code).unflatten(-1, (-1, self.dimension))
        return CoarseToFine(coarse, self._folded(coarse, code))

    def _folded(self, coarse: Float[Tensor, "b c d"], code: Float[Tensor, "b p"]) -> Float[Tensor, "b n d"]:
        size = len(self.patch)
        centres = coarse.repeat_interleave(size, 1)
        patches = self.patch.repeat(coarse.shape[1], 1).expand(len(coarse), -1, -1)
        told = torch.cat([patches, centres, code[:, None].expand(-1, centres.shape[1], -1)], -1)
        dense: Tensor = centres + self.fold(told)
        return dense
