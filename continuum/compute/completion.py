r"""What a partial cloud lacks, as particles that are looked for.

The completed measure is $(1 - s)\, \rho + s\, \mu$: the known points, which never move, and the free particles that are
found, with a share s of the mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError, check_share, rng_for, torch_generator

from .admission import admit_clouds
from .encoder import CloudEncoder
from .layers import Attention, KeysValues, initialise, log_masses, mlp
from .learnt_particles import LearntParticles
from .particles import PointCloudBatch

__all__ = ["CompletionContext", "CompletionNetwork", "completed"]

_SHARE = 0.275 / 1.275  # Geuter et al. (2025) add 0.275 points to each that is known


@dataclass(frozen=True, eq=False)
class CompletionContext:
    """What `CompletionNetwork` keeps of a partial cloud.

    Attributes:
        known: the known points as attention sees them, with their part of the mass.
    """

    known: KeysValues

    def index(self, rows: Tensor) -> CompletionContext:
        """That of some of the samples."""
        return CompletionContext(self.known.index(rows))


class CompletionNetwork(nn.Module):
    r"""F on the completed measure, whose known points are fixed particles.

    F acts on known points and free particles as one measure: each free particle, with a learnt anchor a, looks at both
    in one attention, with their masses. $u = \mathrm{LN}\, z + a$, $h = z + \mathrm{A}(u, \rho \cup u)$,
    $h \leftarrow h + \mathrm{FF}(\mathrm{LN}\, h)$, and F(z) is h normalised without scale and shift. As F would return
    the known points as they are, they are no part of the state: z holds the free particles, and `completed` puts both
    together. A solver cannot move what it is not given.

    `CompletionHead` reads the places of the particles out of their states.

    Args:
        dimension: of the points.
        particles: number of free ones.
        share: their part of the mass of the completed cloud.
        width: of a particle.
        heads: of all attention.
        encoder_layers: blocks of self-attention among the known points.
        frequencies: number of Fourier frequencies of the points.
        frequency_scale: their standard deviation, in radians per unit of length.
        seed: of the weights.

    Example:
        >>> network, partial = CompletionNetwork(2, particles=3), PointCloudBatch(torch.ones(1, 5, 2))
        >>> context = network.encode(partial)
        >>> network.step(network.start(context), context).shape
        torch.Size([1, 3, 64])
    """

    def __init__(
        self,
        dimension: int,
        *,
        particles: int = 32,
        share: float = _SHARE,
        width: int = 64,
        heads: int = 2,
        encoder_layers: int = 2,
        frequencies: int = 16,
        frequency_scale: float = 1.5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check_share(share)
        self.dimension = dimension
        self.share = share
        with torch.device("meta"):
            self.attention = Attention(width, heads)
            self.encoder = CloudEncoder(dimension, width, heads, encoder_layers, frequencies, frequency_scale)
            self.attention_norm = nn.LayerNorm(width)
            self.feed_forward = nn.Sequential(nn.LayerNorm(width), mlp(width, 2 * width, width, nn.GELU))
            self.norm = nn.LayerNorm(width, elementwise_affine=False)
            self.particles = LearntParticles(particles, width)
        initialise(self, torch_generator(rng_for(seed, "CompletionNetwork")))

    @property
    def marks(self) -> Tensor | None:
        """The anchors, (n, p), without their gradient."""
        return self.particles.marks

    def encode(self, clouds: PointCloudBatch) -> CompletionContext:
        """All that F needs of a batch of partial clouds."""
        clouds = admit_clouds(clouds, self.dimension, self)
        bias = log_masses((1 - self.share) * clouds.weights)
        return CompletionContext(self.attention.keys_values(self.encoder(clouds), bias))

    def start(self, context: CompletionContext) -> Float[Tensor, "b n p"]:
        """The learnt start of the free particles."""
        return self.particles.start(len(context.known))

    def step(self, z: Float[Tensor, "b n p"], context: CompletionContext) -> Float[Tensor, "b n p"]:
        """F of the free particles, or of the first few of them."""
        u = self.particles.anchored(self.attention_norm(z))
        masses = u.new_full(u.shape[:2], self.share / u.shape[1])
        seen = context.known.joined(self.attention.keys_values(u, log_masses(masses)))
        h = z + self.attention(u, seen)
        image: Tensor = self.norm(h + self.feed_forward(h))
        return image


def completed(known: PointCloudBatch, free: Float[Tensor, "b n d"], *, share: float = _SHARE) -> PointCloudBatch:
    r"""The measure $(1 - s)\, \rho + s\, \frac1n \sum_i \delta_{y_i}$: known points, bit for bit, then free ones.

    Args:
        known: the partial clouds.
        free: points that were found, such as the output of `CompletionHead`.
        share: s, in (0, 1): that of the network.

    Raises:
        InvalidInputError: if `share` is outside (0, 1), or a point is not finite.
        IncompatibleError: if there are not as many samples, or points of another dimension.

    Example:
        >>> cloud = completed(PointCloudBatch(torch.zeros(1, 2, 3)), torch.ones(1, 1, 3), share=0.5)
        >>> cloud.points[0, :, 0].tolist(), cloud.weights.tolist()
        ([0.0, 0.0, 1.0], [[0.25, 0.25, 0.5]])
    """
    _check_share(share)
    if free.ndim != 3 or not free.shape[1] or (len(free), free.shape[2]) != (len(known), known.dimension):
        raise IncompatibleError(
            f"{len(known)} clouds of dimension {known.dimension} cannot be completed by points {tuple(free.shape)}; "
            "`free` must be (b, n, d), n at least 1."
        )
    mine = free.new_full(free.shape[:2], share / free.shape[1])
    return PointCloudBatch(
        torch.cat([known.points, free], 1),
        torch.cat([known.mask, torch.ones_like(mine, dtype=torch.bool)], 1),
        torch.cat([(1 - share) * known.weights, mine], 1),
    )


def _check_share(share: float) -> None:
    check_share("share", share)
    if share in (0, 1):
        raise InvalidInputError(f"`share` must be in (0, 1), got {share!r}: both parts need mass.")
