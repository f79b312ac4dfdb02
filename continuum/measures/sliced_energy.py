r"""The energy distance of large clouds, from projections onto lines.

For directions uniform on the sphere $E|\langle \theta, x \rangle| = |x| / c_d$ with
$c_d = \sqrt{\pi}\, \Gamma((d + 1) / 2) / \Gamma(d / 2)$, so the energy distance is $c_d$ times the mean of those on
lines. On a line it is $2 \int (F - G)^2$ with the distribution functions F and G, which takes a sort (Székely & Rizzo
2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from continuum.core import check_count, rng_for

from .admission import check_memory
from .pairs import admit_pair
from .pairwise import ROUNDINGS, full_precision, joined
from .sliced import error_of_mean, orthogonal_directions

__all__ = ["SlicedEnergy", "sliced_energy"]

_ENTRIES = 2**24  # projected coordinates that are held at a time
_COPIES = 15  # of the projected coordinates, held for a gradient: 14.5 measured in float32


@dataclass(frozen=True, eq=False)
class SlicedEnergy:
    """An energy distance from random lines, see `sliced_energy`.

    Attributes:
        value: (...), never negative.
        standard_error: of the value over directions, (...); without gradient.
        projections: number of directions.
    """

    value: Tensor
    standard_error: Tensor
    projections: int


def sliced_energy(
    x: Any, y: Any, a: Any = None, b: Any = None, *, projections: int = 128, seed: int = 0
) -> SlicedEnergy:
    r"""Energy distance $2 E|X - Y| - E|X - X'| - E|Y - Y'|$ of weighted clouds, estimated on random lines.

    ``mmd2(..., kernel=Riesz())`` takes n m distances; this takes a sort for each line. It is unbiased over directions
    and exact in one dimension. As a loss it has gradients in points and masses; points at one place share theirs, so
    it is 0 between equal measures. Directions come in orthogonal blocks, the same for a seed and a dimension.

    Args:
        x: points, (..., n, d), of float32 or float64, which the result has too.
        y: points, (..., m, d), with the same batch dimensions.
        a: masses of x, (..., n), that sum to 1; 0 for padding, None for uniform.
        b: masses of y, (..., m).
        projections: number of directions, at least 2: one alone does not know its error.
        seed: of the directions.

    Raises:
        InvalidInputError: for empty clouds, NaN, and masses that are negative or do not sum to 1.
        IncompatibleError: if the clouds differ in dimension, batch, dtype or device.
        ResourceError: if the gradient cannot fit into memory.

    Example:
        >>> sliced_energy(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5]])).value
        tensor(0.5000)
    """
    check_count("projections", projections, least=2)
    points, sides, _ = joined(*admit_pair(x, y, a, b))
    _check_gradient(points, projections)
    d = points.shape[-1]
    directions = orthogonal_directions(d, projections, rng_for(seed, "directions")).to(points)
    masses = sides[..., 0] - sides[..., 1]
    rounding = ROUNDINGS * torch.finfo(points.dtype).eps * points.detach().norm(dim=-1).amax(-1)
    with full_precision(points):
        parts = [_on_lines(part.mT @ points.mT, masses, rounding) for part in _chunks(directions, points)]
    energies = math.sqrt(math.pi) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2)) * torch.cat(parts, -1)
    return SlicedEnergy(energies.mean(-1), error_of_mean(energies.detach(), d), projections)


def _on_lines(
    heights: Float[Tensor, "*b l k"], masses: Float[Tensor, "*b k"], rounding: Float[Tensor, "*b"]
) -> Float[Tensor, "*b l"]:
    """Energy of signed masses on each line."""
    heights, order = heights.sort(-1)
    excess = masses[..., None, :].expand_as(heights).gather(-1, order).cumsum(-1)[..., :-1]  # F - G between neighbours
    gaps = heights.diff(dim=-1)
    squares = excess.square()
    known = gaps.detach()
    return 2 * (squares * known + _shared(excess, known <= rounding[..., None, None]) * (gaps - known)).sum(-1)


def _shared(excess: Float[Tensor, "*b l g"], are_tied: Bool[Tensor, "*b l g"]) -> Float[Tensor, "*b l g"]:
    """What stands for the squares of `excess` in derivatives: the order of tied points must not matter there.

    Between the excess p before and q after a group of tied points, of which mass s lies before a gap in it, the square
    is replaced by $p^2 + s (p + q)$: each point of the group then gets the share of the whole that its mass is.
    """
    gaps = excess.shape[-1]
    places = torch.arange(gaps, device=excess.device).expand_as(excess)
    # A group that nothing comes before or after is looked up in the last column: nothing exceeds there.
    before = torch.where(are_tied, -1, places).cummax(-1).values % (gaps + 1)
    after = torch.where(are_tied, gaps, places).flip(-1).cummin(-1).values.flip(-1)
    padded = torch.nn.functional.pad(excess, (0, 1))
    p, q = padded.gather(-1, before), padded.gather(-1, after)
    return excess * (p + q) - p * q


def _chunks(directions: Float[Tensor, "d l"], points: Tensor) -> Iterator[Float[Tensor, "d k"]]:
    size = max(_ENTRIES // max(points[..., 0].numel(), 1), 1)
    for start in range(0, directions.shape[1], size):
        yield directions[:, start : start + size]


def _check_gradient(points: Tensor, projections: int) -> None:
    if points.requires_grad and points.device.type == "cpu":
        needed = _COPIES * points.element_size() * points[..., 0].numel() * projections
        check_memory(needed, f"the gradient of {projections} projections", "use fewer projections or points")
