r"""Gaussians known by factors, and their Wasserstein distance.

A covariance is held as a factor $R$ (r, d) with $R^\top R = \Sigma$, such as the centred samples themselves. The Bures
term needs no matrix square root: $(A^{1/2} B A^{1/2})$ has the non-zero spectrum of $M^\top M$ with
$M = R_A R_B^\top$, hence

$$\mathrm{tr}\,(A^{1/2} B A^{1/2})^{1/2} = \|R_A R_B^\top\|_*,$$

the nuclear norm of a small matrix. It is exact for covariances of any rank, where square roots of rank-deficient
products drop or invent small eigenvalues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from scipy.linalg import svdvals
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, check_weight

from .admission import admit_array, admit_masses

__all__ = ["GaussianMeasure", "LedoitWolf", "MongeMap", "bures2", "gaussian_w2_squared", "monge_map", "thin"]


@dataclass(frozen=True)
class LedoitWolf:
    r"""Shrinkage of a covariance to a multiple of the identity, by the amount that the sample itself suggests.

    $\Sigma \leftarrow (1 - \rho)\, \Sigma + \rho\, (\mathrm{tr}\, \Sigma / d)\, I$, Ledoit & Wolf (2004). With few
    samples in many dimensions the plain covariances of two samples of one law are far apart; the shrunk ones have full
    rank and are nearer to that of the law.
    """


@dataclass(frozen=True, eq=False)
class GaussianMeasure:
    """A normal distribution with mean (d,) and covariance `factor.T @ factor + floor * I`.

    Args:
        mean: (d,).
        factor: (r, d) with r <= d where possible; r = 0 without a floor is a Dirac.
        floor: variance that is added in every direction, as by shrinkage.
    """

    mean: Float[Tensor, " d"]
    factor: Float[Tensor, "r d"]
    floor: float = 0.0

    def __post_init__(self) -> None:
        check_weight("floor", self.floor)
        if not isinstance(self.mean, Tensor) or not isinstance(self.factor, Tensor):
            raise InvalidInputError("a Gaussian is made of tensors `mean` (d,) and `factor` (r, d); see from_samples.")

    @classmethod
    def from_samples(
        cls, x: Any, weights: Any = None, *, unbiased: bool = True, shrinkage: LedoitWolf | None = None
    ) -> GaussianMeasure:
        r"""Moments of a weighted sample.

        $\Sigma = \sum_i w_i (x_i - \mu)(x_i - \mu)^\top / (1 - \sum_i w_i^2)$, which for equal weights divides by
        n - 1. One sample is a Dirac (covariance 0), not a division by 0.

        Args:
            x: samples, (n, d).
            weights: masses, (n,); None for uniform.
            unbiased: whether to divide by $1 - \sum_i w_i^2$. Without it the covariance is that of the sample as a
                measure: splitting a point into two of half its weight then changes nothing.
            shrinkage: `LedoitWolf()`, or None for the covariance as it is.
        """
        points = admit_array(x, "x", ndim=2)
        w = admit_masses(weights, len(points), "weights", device=points.device)
        mean = w @ points
        if not bool(torch.isfinite((points - mean).square().sum())):
            raise InvalidInputError("`x` has entries whose squares overflow; rescale the features.")
        spread = 1 - float(w @ w) if unbiased else 1.0
        if spread <= 1e-12:
            return cls(mean, points[:0])
        varying = (points != points[0]).any(0)
        # A constant feature keeps the rounding of its mean otherwise, and counts as a dimension.
        rows = (points - mean) * varying * (w / spread).sqrt()[:, None]
        factor = thin(rows)
        rho = 0.0 if shrinkage is None else _ledoit_wolf(rows, factor, w)
        return cls(mean, (1 - rho) ** 0.5 * factor, rho * float(factor.square().sum()) / len(mean))

    @cached_property
    def trace(self) -> float:
        """Total variance, tr Sigma."""
        return float(self.factor.square().sum()) + len(self.mean) * self.floor

    @cached_property
    def root(self) -> Float[Tensor, "k d"]:
        """A factor of the whole covariance, `root.T @ root`: `factor` itself without a floor."""
        return _raised(self.factor, self.floor)

    @cached_property
    def _varying(self) -> tuple[Int[Tensor, " v"], Float[Tensor, "k v"]]:
        """Which columns of `root` are not 0, and these alone."""
        columns = (self.root != 0).any(0).nonzero()[:, 0]
        return columns, self.root[:, columns]


def thin(rows: Float[Tensor, "n d"]) -> Float[Tensor, "r d"]:
    """A factor with the covariance of `rows`, of no more rows than `rows` has columns that are not 0."""
    varying = (rows != 0).any(0)
    if len(rows) <= int(varying.sum()):
        return rows
    # QR of the samples, not eigh of their covariance: the same factor without squaring its condition number.
    upper: Tensor = torch.linalg.qr(rows[:, varying], mode="r").R
    factor = upper.new_zeros(len(upper), len(varying))
    factor[:, varying] = upper
    return factor


def _ledoit_wolf(rows: Float[Tensor, "n d"], factor: Float[Tensor, "r d"], weights: Float[Tensor, " n"]) -> float:
    r"""The intensity $\rho = \min(\beta^2 / \delta^2, 1)$ for $S = \sum_i r_i r_i^\top$, $r_i = \sqrt{w_i} z_i$.

    $\delta^2 = \|S - (\mathrm{tr}\, S / d) I\|_F^2$ is the distance to the target, and the estimate of the error is
    $\beta^2 = \sum_i w_i^2 \|z_i z_i^\top - S\|_F^2 = \sum_i \|r_i\|^4 - 2 w_i\, r_i^\top S r_i + w_i^2 \|S\|_F^2$.
    Ledoit & Wolf (2004), with weights in place of 1 / n. Multiplying all rows by one number changes nothing.
    """
    energies = (rows @ factor.T).square().sum(1)  # r_i' S r_i, whose sum is the squared norm of S
    squares = rows.square().sum(1)
    norm, trace = float(energies.sum()), float(squares.sum())
    distance = norm - trace**2 / rows.shape[1]
    error = float(squares.square().sum() - 2 * weights @ energies) + float(weights @ weights) * norm
    return min(max(error / distance, 0.0), 1.0) if distance > 0 else 0.0


def _raised(factor: Float[Tensor, "r d"], floor: float) -> Float[Tensor, "k d"]:
    """A factor of the covariance of `factor` plus `floor` times the identity."""
    if floor == 0:
        return factor
    eye = torch.eye(factor.shape[1]).to(factor)
    # QR of both parts, one on top of the other: a Cholesky factor of the sum fails for tiny floors.
    upper: Tensor = torch.linalg.qr(torch.cat([factor, floor**0.5 * eye]), mode="r").R
    return upper


def bures2(p: GaussianMeasure, q: GaussianMeasure) -> float:
    r"""Squared Bures distance of two covariances, $\mathrm{tr} A + \mathrm{tr} B - 2 \|R_A R_B^\top\|_*$.

    Bhatia, Jain & Lim (2019). Zero up to rounding of tr A for equal covariances.
    """
    rank, d = len(p.factor) + len(q.factor), len(p.mean)
    if p.floor == q.floor == 0 or rank >= d:
        columns, varying = p._varying  # the others, such as pixels at the rim, add nothing to the products
        return max(p.trace + q.trace - 2 * _cross_norm(varying, q.root.index_select(1, columns)), 0.0)
    # Outside of what both factors span the two covariances are their floors: only the span takes a decomposition.
    basis = torch.linalg.qr(torch.cat([p.factor, q.factor]).T).Q
    inside = (_raised(one.factor @ basis, one.floor) for one in (p, q))
    cross = _cross_norm(*inside) + (d - rank) * math.sqrt(p.floor * q.floor)
    return max(p.trace + q.trace - 2 * cross, 0.0)


def _cross_norm(a: Float[Tensor, "k d"], b: Float[Tensor, "l d"]) -> float:
    """Nuclear norm of `a @ b.T`."""
    if len(a) == 0 or len(b) == 0:
        return 0.0
    if a.device.type == b.device.type == "cpu":  # the same routines in NumPy's and SciPy's builds take a quarter less
        cross = a.detach().numpy() @ b.detach().numpy().T
        return float(svdvals(cross.T, overwrite_a=True, check_finite=False).sum())  # column by column: not copied
    return float(torch.linalg.svdvals(a @ b.T).sum())


def gaussian_w2_squared(p: GaussianMeasure, q: GaussianMeasure) -> float:
    r"""Squared 2-Wasserstein distance of two Gaussians, $\|\mu_p - \mu_q\|^2 + \mathrm{Bures}^2$.

    Also a lower bound for any two laws with these moments (Gelbrich 1990).

    Example:
        >>> p = GaussianMeasure(torch.zeros(3), 1.0 * torch.eye(3))
        >>> q = GaussianMeasure(torch.zeros(3), 3.0 * torch.eye(3))
        >>> round(gaussian_w2_squared(p, q), 12)
        12.0
    """
    _check_dimensions(p, q)
    return float((p.mean - q.mean).square().sum()) + bures2(p, q)


def _check_dimensions(p: GaussianMeasure, q: GaussianMeasure) -> None:
    if p.mean.shape != q.mean.shape:
        raise IncompatibleError(
            f"Gaussians in {len(p.mean)} and {len(q.mean)} dimensions have no distance; embed both into one space."
        )


@dataclass(frozen=True, eq=False)
class MongeMap:
    r"""The affine map $x \mapsto m_q + T (x - m_p)$, the gradient of a convex function: $T = L^\top L$ is symmetric.

    Attributes:
        source_mean: $m_p$, (d,).
        target_mean: $m_q$, (d,).
        root: L, (k, d).
    """

    source_mean: Float[Tensor, " d"]
    target_mean: Float[Tensor, " d"]
    root: Float[Tensor, "k d"]

    def __call__(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Images of points, (n, d)."""
        return self.target_mean + (x - self.source_mean) @ self.root.T @ self.root

    @property
    def matrix(self) -> Float[Tensor, "d d"]:
        """T, (d, d)."""
        return self.root.T @ self.root


def monge_map(p: GaussianMeasure, q: GaussianMeasure) -> MongeMap:
    r"""The optimal transport map between two Gaussians of any rank.

    $T = B^{1/2} (B^{1/2} A B^{1/2})^{+1/2} B^{1/2}$, which for A of full rank is the usual
    $A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}$ (Peyré & Cuturi 2019, remark 2.31). With the decomposition
    $R_A R_B^\top = U S V^\top$ it is $R_B^\top V S^+ V^\top R_B$: nothing but S is inverted.

    It sends p to q and attains their distance if $R_A R_B^\top$ has the rank of B. Otherwise there may be no such map,
    as a map adds no dimensions: this one is then the mean of an optimal coupling given x. Its image has the covariance
    $T A T \le B$, short of what in B is unrelated to A. Outside of the range of A, where p has no mass, T is what keeps
    it symmetric, and 0 on directions orthogonal to the range of B.

    Example:
        >>> p = GaussianMeasure(torch.zeros(2), torch.eye(2))
        >>> q = GaussianMeasure(torch.ones(2), 3 * torch.eye(2))
        >>> monge_map(p, q)(torch.tensor([[1.0, 0.0]]))
        tensor([[4., 1.]])
    """
    _check_dimensions(p, q)
    cross = p.root @ q.root.T
    if cross.numel() == 0:
        return MongeMap(p.mean, q.mean, q.root[:0])
    _, s, vt = torch.linalg.svd(cross, full_matrices=False)
    # The numerical rank, as in LAPACK: what is below is rounding, which the inverse would blow up.
    kept = s > s[0] * max(cross.shape) * torch.finfo(s.dtype).eps
    return MongeMap(p.mean, q.mean, (vt[kept] / s[kept].sqrt()[:, None]) @ q.root)
