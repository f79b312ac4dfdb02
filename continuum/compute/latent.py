r"""The vector field that an autoencoder draws in its latent space, and where it comes to rest.

Decoding and encoding again maps latent codes to latent codes, $f = E \circ D$. Its attractors are what the autoencoder
remembers: of a model that memorises they are training examples, of one that generalises they are rarer (Fumero et al.
2025). They are fixed points, and found by the solvers of equilibrium models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from continuum.core import check_positive

from .fixed_point import Budget, FixedPoint, FixedPointProblem, search
from .solvers import Picard

__all__ = ["Attractors", "LatentField", "attractors"]

_BUDGET = Budget(Picard(), 1e-5, 1000)
_TINY = 1e-30  # keeps 0 / 0 from being NaN


@dataclass(frozen=True, eq=False)
class LatentField:
    r"""$f(z) = E(D(z))$ as a map of latent codes (b, p), to be given to `solve_fixed_point` or `attractors`.

    Args:
        encode: E, samples to codes; no sample may look at another.
        decode: D, codes to samples.

    Example:
        >>> field = LatentField(lambda x: x / 4, lambda z: 2 * z)
        >>> field(torch.ones(1, 2)), field.velocity(torch.ones(1, 2))
        (tensor([[0.5000, 0.5000]]), tensor([[-0.5000, -0.5000]]))
    """

    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]

    def __call__(self, z: Tensor) -> Tensor:
        """f of each code."""
        return self.encode(self.decode(z))

    def index(self, rows: Tensor) -> LatentField:
        """The same field, as it knows nothing of samples."""
        return self

    def velocity(self, z: Tensor) -> Tensor:
        """f(z) - z, the arrows of the field."""
        return self(z) - z


@dataclass(frozen=True, eq=False)
class Attractors:
    """Where codes come to rest.

    Attributes:
        points: different places of rest, (k, p), those of most starts first.
        basin: the place where each start ends, (b,); -1 where it does not come to rest.
        solution: the searches.
    """

    points: Float[Tensor, "k p"]
    basin: Int[Tensor, " b"]
    solution: FixedPoint

    @property
    def counts(self) -> Int[Tensor, " k"]:
        """How many starts end in each."""
        return (self.basin[:, None] == torch.arange(len(self.points), device=self.basin.device)).sum(0)

    @property
    def rests(self) -> Bool[Tensor, " b"]:
        """Which starts come to rest."""
        return self.basin >= 0


def attractors(
    field: Callable[[Tensor], Tensor], starts: Float[Tensor, "b p"], *, budget: Budget = _BUDGET, merge: float = 1e-2
) -> Attractors:
    """Follow a field from many starts, and tell the places where they come to rest apart.

    Picard's iteration, the default, ends in attractors only; a faster solver may also end in places that codes nearby
    leave. Places are one if they are nearer than `merge`, relative to its length, to the first of them that was found.

    Args:
        field: a map of codes such as `LatentField`.
        starts: codes, such as those of data, or noise.
        budget: how places of rest are looked for; its tolerance should be well below `merge`.
        merge: see above.

    Raises:
        InvalidInputError: if `starts` are not finite, or `field` changes their shape.

    Example:
        >>> found = attractors(lambda z: torch.tanh(2 * z), torch.tensor([[0.1], [-3.0], [2.0]]))
        >>> [round(x, 3) for x in found.points[:, 0].tolist()], found.basin.tolist()
        ([0.958, -0.958], [0, 1, 0])
    """
    check_positive("merge", merge)
    found = search(FixedPointProblem(field, starts), budget)
    basin = torch.full((len(starts),), -1, dtype=torch.long, device=starts.device)
    places: list[Tensor] = []
    for row in found.converged.nonzero()[:, 0].tolist():
        place = found.image[row]
        near = [k for k, known in enumerate(places) if _gap(place, known) <= merge]
        basin[row] = near[0] if near else len(places)
        places += [] if near else [place]
    return _sorted(places, basin, found)


def _gap(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / (other.norm() + _TINY))


def _sorted(places: list[Tensor], basin: Tensor, found: FixedPoint) -> Attractors:
    if not places:
        return Attractors(found.state[:0], basin, found)
    points = torch.stack(places)
    counts = (basin[:, None] == torch.arange(len(places), device=basin.device)).sum(0)
    order = counts.argsort(descending=True, stable=True)
    place_of = torch.empty_like(order)
    place_of[order] = torch.arange(len(order), device=order.device)
    return Attractors(points[order], torch.where(basin >= 0, place_of[basin.clamp(min=0)], -1), found)
