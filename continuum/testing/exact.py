r"""Problems whose answers are known exactly, and a path that is as simple as a path can be.

Squared distances are not halved: $W_2^2 = \min_\pi \sum_{ij} \pi_{ij} |x_i - y_j|^2$. The idea of testing solvers on
generated problems with known answers is that of the tests of geomloss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import Interval, PointLike

__all__ = [
    "GaussianProblem",
    "QuadraticProblem",
    "Translation",
    "TransportProblem",
    "commuting_gaussians",
    "convex_gradient",
    "diracs",
    "gaussians",
    "permutation",
    "simplex_quadratic",
    "sorted_line",
    "spd_matrix",
    "translation",
]

Array = NDArray[Any]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Translation:
    """Shift a point cloud: at(t) = x + t * shift."""

    x: Array  # (n, d)
    shift: Array  # (d,)
    domain: Interval = Interval()

    def at(self, t: PointLike, /) -> Array:
        (t,) = self.domain.point(t)
        return self.x + t * self.shift


@dataclass(frozen=True, eq=False)
class TransportProblem:
    """Two weighted point clouds with their optimal coupling for the squared Euclidean cost.

    Args:
        x: source points, (n, d).
        y: target points, (m, d).
        a: source weights, (n,), sum 1.
        b: target weights, (m,), sum 1.
        plan: the optimal coupling, (n, m).
        w2_squared: its cost.
    """

    x: Array
    y: Array
    a: Array
    b: Array
    plan: Array
    w2_squared: float


def translation(rng: Rng, n: int = 8, d: int = 3) -> TransportProblem:
    """Uniform points and the same points moved by v: $W_2^2 = |v|^2$.

    Proof: by Jensen no coupling costs less than the squared distance of the means, which is $|v|^2$.
    """
    x, v = rng.normal(size=(n, d)), rng.normal(size=d)
    return _paired(x, x + v, float(v @ v))


def permutation(rng: Rng, n: int = 8, d: int = 3) -> TransportProblem:
    """Separated points and the same points, each moved by less than a quarter of their spacing and renumbered.

    Proof: every target's own source is its nearest one, so each row of the plan is optimal alone.
    """
    side = int(np.ceil(n ** (1 / d) - 1e-9))
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * d), axis=-1).reshape(-1, d)
    x = rng.permutation(lattice)[:n].astype(float)
    steps, order = rng.normal(size=(n, d)), rng.permutation(n)
    steps *= rng.uniform(0, 0.24, size=(n, 1)) / np.linalg.norm(steps, axis=1, keepdims=True)
    problem = _paired(x, x + steps, float((steps**2).sum() / n))
    return TransportProblem(x, problem.y[order], problem.a, problem.b, problem.plan[:, order], problem.w2_squared)


def convex_gradient(rng: Rng, n: int = 8, d: int = 3) -> TransportProblem:
    """Uniform points x and their images A x + v under a symmetric positive definite A: the pairing is optimal.

    Proof: x -> A x + v is the gradient of the convex x'Ax / 2 + v'x, and gradients of convex functions are optimal
    (Brenier 1991).
    """
    x, v = rng.normal(size=(n, d)), rng.normal(size=d)
    y = x @ spd_matrix(rng, d) + v
    return _paired(x, y, float(((x - y) ** 2).sum() / n))


def diracs(rng: Rng, d: int = 3) -> TransportProblem:
    """The same two atoms with masses (p, 1 - p) and (q, 1 - q): $W_2^2 = |p - q| |x_0 - x_1|^2$.

    Proof: mass that both measures have in common stays at no cost, and the rest, $|p - q|$, must cross.
    """
    x = rng.normal(size=(2, d))
    p, q = rng.uniform(0.05, 0.95, size=2)
    plan = np.array([[min(p, q), max(p - q, 0.0)], [max(q - p, 0.0), 1 - max(p, q)]])
    a, b = np.array([p, 1 - p]), np.array([q, 1 - q])
    return TransportProblem(x, x.copy(), a, b, plan, float(abs(p - q) * ((x[0] - x[1]) ** 2).sum()))


def sorted_line(rng: Rng, n: int = 8, m: int = 5) -> TransportProblem:
    """Weighted points on a line: the optimal coupling is the monotone one.

    Proof: for a convex cost of x - y, uncrossing two crossing pairs never costs more.
    """
    x, y = rng.normal(size=(n, 1)), rng.normal(size=(m, 1))
    a, b = _weights(rng, n), _weights(rng, m)
    plan = np.zeros((n, m))
    rows, columns = np.argsort(x[:, 0]), np.argsort(y[:, 0])
    plan[np.ix_(rows, columns)] = _monotone(a[rows], b[columns])
    return TransportProblem(x, y, a, b, plan, float((plan * (x - y.T) ** 2).sum()))


def _monotone(a: Array, b: Array) -> Array:
    """Coupling of quantiles: the mass of (i, j) is the overlap of the i-th and j-th intervals of cumulated mass."""
    ends_a, ends_b = np.cumsum(a), np.cumsum(b)
    upper = np.minimum.outer(ends_a, ends_b)
    lower = np.maximum.outer(ends_a - a, ends_b - b)
    return np.asarray(np.maximum(upper - lower, 0.0))


def _paired(x: Array, y: Array, w2_squared: float) -> TransportProblem:
    n = len(x)
    uniform = np.full(n, 1 / n)
    return TransportProblem(x, y, uniform, uniform.copy(), np.eye(n) / n, w2_squared)


def _weights(rng: Rng, n: int) -> Array:
    w = rng.uniform(0.1, 1.0, size=n)
    return np.asarray(w / w.sum())


@dataclass(frozen=True, eq=False)
class GaussianProblem:
    """Two Gaussians with their distance and optimal map x -> mean_y + matrix (x - mean_x).

    Args:
        mean_x: mean of the source, (d,).
        cov_x: covariance of the source, (d, d).
        mean_y: mean of the target, (d,).
        cov_y: covariance of the target, (d, d).
        matrix: linear part of the optimal map, symmetric positive definite, (d, d).
        w2_squared: squared Bures-Wasserstein distance.
    """

    mean_x: Array
    cov_x: Array
    mean_y: Array
    cov_y: Array
    matrix: Array
    w2_squared: float


def gaussians(rng: Rng, d: int = 3) -> GaussianProblem:
    """Two Gaussians whose covariances do not commute; no matrix root is needed to know the answer.

    Proof: with cov_y = M cov_x M for a symmetric positive definite M, x -> M x carries the one to the other and is the
    gradient of a convex function, hence optimal; it costs tr (M - I) cov_x (M - I).
    """
    cov_x, matrix = spd_matrix(rng, d), spd_matrix(rng, d)
    mean_x, mean_y = rng.normal(size=(2, d))
    moved = matrix - np.eye(d)
    cost = ((mean_x - mean_y) ** 2).sum() + np.trace(moved @ cov_x @ moved)
    return GaussianProblem(mean_x, cov_x, mean_y, _symmetric(matrix @ cov_x @ matrix), matrix, float(cost))


def commuting_gaussians(rng: Rng, d: int = 3) -> GaussianProblem:
    """Two Gaussians with common axes: the covariance part is the squared Frobenius distance of the roots.

    Proof: in the common axes both are products, and W2^2 of N(0, s) and N(0, r) on a line is (sqrt s - sqrt r)^2.
    """
    axes, _ = np.linalg.qr(rng.normal(size=(d, d)))
    s, r = rng.uniform(0.5, 2.0, size=(2, d))
    mean_x, mean_y = rng.normal(size=(2, d))
    cost = ((mean_x - mean_y) ** 2).sum() + ((np.sqrt(s) - np.sqrt(r)) ** 2).sum()
    cov_x, cov_y, matrix = (_symmetric((axes * v) @ axes.T) for v in (s, r, np.sqrt(r / s)))
    return GaussianProblem(mean_x, cov_x, mean_y, cov_y, matrix, float(cost))


@dataclass(frozen=True, eq=False)
class QuadraticProblem:
    """A quadratic form with its minimum over the probability simplex.

    Args:
        gram: symmetric positive definite matrix G, (k, k).
        weights: the minimiser of a'Ga over the simplex, (k,).
        value: the minimum.
    """

    gram: Array
    weights: Array
    value: float


def simplex_quadratic(rng: Rng, k: int = 4) -> QuadraticProblem:
    """G = diag(g): the minimiser has a_i proportional to 1 / g_i, the minimum is 1 / sum(1 / g_i).

    Proof: there 2 g_i a_i is one constant, the multiplier of sum(a) = 1, and all a_i are positive.
    """
    g = rng.uniform(0.5, 2.0, size=k)
    total = float((1 / g).sum())
    return QuadraticProblem(np.diag(g), 1 / g / total, 1 / total)


def spd_matrix(rng: Rng, d: int) -> Array:
    """Random symmetric positive definite matrix with eigenvalues between 0.5 and 2, (d, d)."""
    axes, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return _symmetric((axes * rng.uniform(0.5, 2.0, size=d)) @ axes.T)


def _symmetric(matrix: Array) -> Array:
    return np.asarray((matrix + matrix.T) / 2)
