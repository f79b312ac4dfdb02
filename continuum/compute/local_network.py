"""A network in which news travels from neighbour to neighbour, one hop with each application."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError, check_count, check_positive, rng_for, torch_generator

from .admission import admit_clouds
from .layers import PreNormBlock, initialise, log_masses
from .particles import PointCloudBatch

__all__ = ["LocalContext", "LocalNetwork"]


@dataclass(frozen=True, eq=False)
class LocalContext:
    """What `LocalNetwork` keeps of its input measures.

    Attributes:
        injected: what each point is told of its flag, (b, m, p).
        bias: of attention between points: the logarithm of the mass of a neighbour, minus infinity for all others.
        mask: which rows are points.
        masses: of the points, which are the particles.
    """

    injected: Float[Tensor, "b m p"]
    bias: Float[Tensor, "b 1 m m"]
    mask: Bool[Tensor, "b m"]
    masses: Float[Tensor, "b m"]

    def index(self, rows: Tensor) -> LocalContext:
        """That of some of the samples."""
        return LocalContext(*(getattr(self, field.name)[rows] for field in fields(self)))


class LocalNetwork(nn.Module):
    r"""F of a task that needs propagation: a point looks at no more than its neighbours.

    The particles are the points, and rows of z belong to rows of the cloud; there is nothing to tell apart and `marks`
    is None. $h = z + u$ with u a linear map of (flag, 1 - flag); $h \leftarrow h + \mathrm{SA}(\mathrm{LN}\, h)$ among
    neighbours; $h \leftarrow h + \mathrm{FF}(\mathrm{LN}\, h)$; F(z) is h normalised without scale and shift.

    Where points are says who is whose neighbour and nothing else: no coordinate and no pooling enters F. So after k
    applications a point knows nothing of what is more than k hops away, whatever the weights.

    With the defaults and a linear head to one number it has 8,705 parameters.

    Args:
        radius: largest distance of neighbours, in the units of the coordinates. A point is its own neighbour.
        dimension: of the points of the clouds: their coordinates, and last the flag, a number in [0, 1].
        width: of a particle.
        heads: of attention.
        seed: of the weights.

    Example:
        >>> cloud = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]])  # in a row; the first is flagged
        >>> network = LocalNetwork(radius=1.1)
        >>> context = network.encode(PointCloudBatch(cloud[None]))
        >>> once = network.step(network.start(context), context)[0]
        >>> torch.equal(once[1], once[2]), torch.isfinite(context.bias[0, 0]).tolist()[0]
        (False, [True, True, False])
    """

    def __init__(self, *, radius: float, dimension: int = 3, width: int = 32, heads: int = 2, seed: int = 0) -> None:
        super().__init__()
        check_positive("radius", radius)
        check_count("dimension", dimension, least=2)
        check_count("width", width)
        self.radius = radius
        self.dimension = dimension
        with torch.device("meta"):
            self.block = PreNormBlock(width, heads, 2 * width)
            self.inject = nn.Linear(2, width)
            self.norm = nn.LayerNorm(width, elementwise_affine=False)
            self.first = nn.Parameter(torch.empty(width))
        initialise(self, torch_generator(rng_for(seed, "LocalNetwork")))

    def draw(self, generator: torch.Generator) -> None:
        """Put the start, which is learnt, at 0."""
        self.first.zero_()

    @property
    def marks(self) -> None:
        """None: each particle is tied to its point."""
        return None

    def encode(self, clouds: PointCloudBatch) -> LocalContext:
        """All that F needs of a batch of clouds.

        Raises:
            InvalidInputError: if the last coordinate is no flag.
            IncompatibleError: if dimension, dtype or device are not those of the network.
        """
        clouds = admit_clouds(clouds, self.dimension, self)
        places, flag = clouds.points[..., :-1], clouds.points[..., -1:]
        if not bool(((flag >= 0) & (flag <= 1)).all()):
            low, high = float(flag.min()), float(flag.max())
            raise InvalidInputError(
                f"the last coordinate of a point must be its flag, in [0, 1], got values from {low:g} to {high:g}."
            )
        # Directly: the product form of distances is inexact far from the origin.
        near = torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist") <= self.radius
        injected = self.inject(torch.cat([flag, 1 - flag], -1))
        return LocalContext(injected, _bias(near, clouds.weights), clouds.mask, clouds.weights)

    def start(self, context: LocalContext) -> Float[Tensor, "b m p"]:
        """The same learnt state for every point."""
        return torch.where(context.mask[..., None], self.first, 0)

    def step(self, z: Float[Tensor, "b m p"], context: LocalContext) -> Float[Tensor, "b m p"]:
        """F; padded rows are 0.

        Raises:
            IncompatibleError: if there is not one particle for each row of the clouds.
        """
        if z.shape != context.injected.shape:
            raise IncompatibleError(
                f"each point has its particle, so states must be {tuple(context.injected.shape)}, got {tuple(z.shape)}."
            )
        image = self.norm(self.block(z + context.injected, context.bias))
        return torch.where(context.mask[..., None], image, 0)


def _bias(near: Bool[Tensor, "b m m"], weights: Float[Tensor, "b m"]) -> Float[Tensor, "b 1 m m"]:
    near = near & (weights > 0)[:, None]
    bias = torch.where(near[:, None], log_masses(weights), -torch.inf)
    # Rows with no neighbour of positive mass, such as padding, see themselves: a softmax over nothing is NaN.
    lonely = torch.diag_embed(~near.any(-1))[:, None]
    return torch.where(lonely, 0, bias)
