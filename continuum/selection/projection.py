r"""Random projections: long vectors in few coordinates that keep inner products.

Each is a linear map $P$ of $\mathbb{R}^p$ into $\mathbb{R}^d$, fixed by a seed, with $E\langle Px, Py\rangle = \langle
x, y\rangle$ and a standard deviation of at most about $\sqrt{2/d}$ for unit vectors (Johnson & Lindenstrauss 1984;
Achlioptas 2003). None of them is ever held as a matrix of p times d numbers.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import InvalidInputError, check_count, rng_for

__all__ = ["SRHT", "CountSketch", "Projection", "Rademacher"]

_BLOCK = 1024  # coordinates whose signs are drawn at a time; a multiple of 8, since signs are drawn as bits


@runtime_checkable
class Projection(Protocol):
    """A linear map into few coordinates; anything with these members is one."""

    @property
    def dimension(self) -> int:
        """Number d of coordinates of an image."""
        ...

    def project(self, x: Float[Tensor, "n p"], /) -> Float[Tensor, "n d"]:
        """The image of each row, on the device and in the dtype of `x`."""
        ...


@dataclass(frozen=True)
class Rademacher:
    r"""Dense signs: $P = S / \sqrt{d}$ with independent $S_{ij} = \pm 1$. Costs p d for each vector.

    Achlioptas (2003), "Database-friendly random projections" :cite:`achlioptas2003`. Signs of a block of coordinates
    are drawn again for each call, so memory does not grow with p; project many vectors at a time.

    Args:
        dimension: d.
        seed: of the signs.

    Example:
        >>> Rademacher(4).project(torch.eye(3)).abs()
        tensor([[0.5000, 0.5000, 0.5000, 0.5000],
                [0.5000, 0.5000, 0.5000, 0.5000],
                [0.5000, 0.5000, 0.5000, 0.5000]])
    """

    dimension: int
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.dimension, self.seed)

    def project(self, x: Float[Tensor, "n p"]) -> Float[Tensor, "n d"]:
        """The image of each row."""
        x = _rows(x)
        image = x.new_zeros(len(x), self.dimension)
        for block, start in enumerate(range(0, x.shape[1], _BLOCK)):
            part = x[:, start : start + _BLOCK]
            image.addmm_(part, self._signs(block)[: part.shape[1]].to(x))
        return image.mul_(self.dimension**-0.5)

    def _signs(self, block: int) -> Tensor:
        drawn = rng_for(self.seed, "rademacher", block).bytes(_BLOCK * self.dimension // 8)
        bits = np.unpackbits(np.frombuffer(drawn, np.uint8)).reshape(_BLOCK, self.dimension)
        return torch.from_numpy(bits.astype(np.int8) * 2 - 1)


@dataclass(frozen=True)
class CountSketch:
    r"""Each coordinate is added, with a random sign, to one of d sums. Costs p for each vector.

    Charikar, Chen & Farach-Colton (2002) :cite:`charikar2002`; the feature hashing of Weinberger et al. (2009). It
    suits vectors whose mass is spread over many coordinates: two large ones in one sum cannot be told apart.

    Args:
        dimension: d.
        seed: of sums and signs.

    Example:
        >>> CountSketch(8).project(torch.ones(1, 100)).shape
        torch.Size([1, 8])
    """

    dimension: int
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.dimension, self.seed)

    def project(self, x: Float[Tensor, "n p"]) -> Float[Tensor, "n d"]:
        """The image of each row."""
        x = _rows(x)
        places, signs = _hashes(self.seed, x.shape[1], self.dimension)
        image = x.new_zeros(len(x), self.dimension)
        return image.index_add_(1, places.to(x.device), x * signs.to(x))


@dataclass(frozen=True)
class SRHT:
    r"""Subsampled randomized Hadamard transform: $P = R H D / \sqrt{d}$. Costs p log p for each vector.

    D has random signs, H is the Hadamard matrix of the next power of two, which spreads the mass of any vector over all
    coordinates, and R keeps d of them. Ailon & Chazelle (2009), "The fast Johnson-Lindenstrauss transform"; Tropp
    (2011) :cite:`tropp2011`.

    Args:
        dimension: d, at most the power of two.
        seed: of signs and kept coordinates.

    Example:
        >>> SRHT(4).project(torch.eye(8)[:1]).abs()
        tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    """

    dimension: int
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.dimension, self.seed)

    def project(self, x: Float[Tensor, "n p"]) -> Float[Tensor, "n d"]:
        """The image of each row.

        Raises:
            InvalidInputError: if there are fewer coordinates than are to be kept.
        """
        x = _rows(x)
        size = 2 ** math.ceil(math.log2(max(x.shape[1], 1)))
        if self.dimension > size:
            raise InvalidInputError(
                f"SRHT keeps {self.dimension} of {size} coordinates of vectors of {x.shape[1]}: choose `dimension` of "
                f"at most {size}."
            )
        signs, kept = _signs_and_kept(self.seed, x.shape[1], size, self.dimension)
        padded = x.new_zeros(len(x), size)
        torch.mul(x, signs.to(x), out=padded[:, : x.shape[1]])
        return _hadamard(padded)[:, kept.to(x.device)].mul_(self.dimension**-0.5)


def _hadamard(x: Tensor) -> Tensor:
    """H x for each row, not normalised; the number of columns is a power of two."""
    rows, size = x.shape
    half = 1
    while half < size:
        pairs = x.reshape(rows, -1, 2, half)
        x = torch.stack((pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]), 2).reshape(rows, size)
        half *= 2
    return x


# Drawn once for all batches of one extraction; as many numbers as one vector has.
@functools.lru_cache(maxsize=2)
def _hashes(seed: int, size: int, dimension: int) -> tuple[Tensor, Tensor]:
    rng = rng_for(seed, "count sketch")
    signs = rng.integers(0, 2, size, dtype=np.int8) * 2 - 1
    return torch.from_numpy(rng.integers(0, dimension, size)), torch.from_numpy(signs)


@functools.lru_cache(maxsize=2)
def _signs_and_kept(seed: int, columns: int, size: int, dimension: int) -> tuple[Tensor, Tensor]:
    rng = rng_for(seed, "srht")
    signs = rng.integers(0, 2, columns, dtype=np.int8) * 2 - 1
    return torch.from_numpy(signs), torch.from_numpy(np.sort(rng.choice(size, dimension, replace=False)))


def _check(dimension: int, seed: int) -> None:
    check_count("dimension", dimension)
    rng_for(seed)  # refuses what is no seed


def _rows(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor) or x.ndim != 2 or not x.is_floating_point():
        seen = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise InvalidInputError(f"a projection takes a tensor (n, p) of floats, a vector in each row, got {seen}.")
    return x.detach()
