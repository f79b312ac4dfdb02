"""The nearest change of a lower rank, from the factors of a change."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import check_count

from .factors import LowRank

__all__ = ["Compressed", "compress"]


@dataclass(frozen=True, eq=False)
class Compressed:
    """A change of weights and the spectrum of the one that it stands for.

    Attributes:
        change: the change, with its singular values shared evenly between both factors; the given one if that is of
            no higher rank.
        singular_values: all of the given change, descending, in float64.
    """

    change: LowRank
    singular_values: Float[Tensor, " s"]

    @property
    def norm(self) -> float:
        """Frobenius norm of the given change."""
        return float(self.singular_values.norm())

    @property
    def error(self) -> float:
        r"""Relative Frobenius error $\sqrt{\sum_{i > q} \sigma_i^2 / \sum_i \sigma_i^2}$; 0 if there is no change."""
        dropped = float(self.singular_values[self.change.rank :].norm())
        return dropped / self.norm if dropped else 0.0


def compress(change: LowRank, rank: int) -> Compressed:
    r"""The best approximation of a change by one of rank q, in the Frobenius norm (Eckart & Young 1936).

    With thin $B = Q_B R_B$ and $A^\top = Q_A R_A$ the singular values of $B A$ are those of the small $R_B R_A^\top$,
    so no matrix (out, in) is made or decomposed. The work is done in float64, so that how the change was factored does
    not matter.

    Args:
        change: the change, for example `sum_of_changes` of some adapters.
        rank: the rank q. One that the factors do not exceed leaves the change as it is.

    Raises:
        InvalidInputError: if `rank` is not a positive integer.

    Example:
        >>> found = compress(LowRank(torch.diag(torch.tensor([4.0, 3.0])), torch.eye(2)), 1)
        >>> found.change.rank, found.error, found.norm
        (1, 0.6, 5.0)
    """
    check_count("rank", rank)
    up, down = change.up.double(), change.down.double()
    q, r = torch.linalg.qr(up)
    left, sigma, _ = torch.linalg.svd(r @ torch.linalg.qr(down.T, mode="r").R.T, full_matrices=False)
    if rank >= change.rank:
        return Compressed(change, sigma)
    # D = Q R A, and its best approximation is what its first left singular vectors Q U span: Q U Uᵀ R A.
    left, root = left[:, :rank], sigma[:rank].sqrt()
    up, down = q @ (left * root), (left.T @ r) @ down / torch.where(root > 0, root, 1)[:, None]
    return Compressed(LowRank(up.to(change.up.dtype), down.to(change.down.dtype)), sigma)
