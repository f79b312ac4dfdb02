r"""Gaussians known by factors, and their Wasserstein distance.

A covariance is held as a factor $R$ (r, d) with $R^\top R = \Sigma$, such as the centred samples themselves. The Bures
term needs no matrix square root: $(A^{1/2} B A^{1/2})$ has the non-zero spectrum of $M^\top M$ with
$M = R_A R_B^\top$, hence

$$\mathrm{tr}\,(A^{1/2} B A^{1/2})^{1/2} = \|R_A R_B^\top\|_*,$$

the nuclear norm of a small matrix. It is exact for covariances of any rank, where square roots of rank-deficient
products drop or invent small eigenvalues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .admission import admit_array, admit_masses

__all__ = ["Gaussian", "bures2", "gaussian_w2_squared"]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution with mean (d,) and covariance `factor.T @ factor`.

    Args:
        mean: (d,).
        factor: (r, d) with r <= d where possible; r = 0 is a Dirac.
    """

    mean: Float[Tensor, " d"]
    factor: Float[Tensor, "r d"]

    @classmethod
    def from_samples(cls, x: Any, weights: Any = None, *, unbiased: bool = True) -> Gaussian:
        r"""Moments of a weighted sample.

        $\Sigma = \sum_i w_i (x_i - \mu)(x_i - \mu)^\top / (1 - \sum_i w_i^2)$, which for equal weights divides by
        n - 1. One sample is a Dirac (covariance 0), not a division by 0.

        Args:
            x: samples, (n, d).
            weights: masses, (n,); None for uniform.
            unbiased: whether to divide by $1 - \sum_i w_i^2$. Without it the covariance is that of the sample as a
                measure: splitting a point into two of half its weight then changes nothing.
        """
        points = admit_array(x, "x", ndim=2)
        w = admit_masses(weights, len(points), "weights", device=points.device)
        mean = w @ points
        if not bool(torch.isfinite((points - mean).square().sum())):
            raise InvalidInputError("`x` has entries whose squares overflow; rescale the features.")
        spread = 1 - float(w @ w) if unbiased else 1.0
        if spread <= 1e-12:
            return cls(mean, points[:0])
        centred = (points - mean) * (w / spread).sqrt()[:, None]
        n, d = centred.shape
        # QR of the samples, not eigh of their covariance: the same factor without squaring its condition number.
        return cls(mean, centred if n <= d else torch.linalg.qr(centred, mode="r").R)

    @property
    def trace(self) -> float:
        """Total variance, tr Sigma."""
        return float(self.factor.square().sum())


def bures2(p: Gaussian, q: Gaussian) -> float:
    r"""Squared Bures distance of two covariances, $\mathrm{tr} A + \mathrm{tr} B - 2 \|R_A R_B^\top\|_*$.

    Bhatia, Jain & Lim (2019). Zero up to rounding of tr A for equal covariances.
    """
    cross = float(torch.linalg.svdvals(p.factor @ q.factor.T).sum()) if len(p.factor) and len(q.factor) else 0.0
    return max(p.trace + q.trace - 2 * cross, 0.0)


def gaussian_w2_squared(p: Gaussian, q: Gaussian) -> float:
    r"""Squared 2-Wasserstein distance of two Gaussians, $\|\mu_p - \mu_q\|^2 + \mathrm{Bures}^2$.

    Also a lower bound for any two laws with these moments (Gelbrich 1990).

    Example:
        >>> p = Gaussian(torch.zeros(3), 1.0 * torch.eye(3))
        >>> q = Gaussian(torch.zeros(3), 3.0 * torch.eye(3))
        >>> round(gaussian_w2_squared(p, q), 12)
        12.0
    """
    if p.mean.shape != q.mean.shape:
        raise IncompatibleError(f"Gaussians in {len(p.mean)} and {len(q.mean)} dimensions have no distance.")
    return float((p.mean - q.mean).square().sum()) + bures2(p, q)
