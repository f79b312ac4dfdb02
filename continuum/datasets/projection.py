r"""Projection onto the convex hull of displacements: $\min_{a \in \Delta} a^\top G a$.

The weights whose interpolated dataset is nearest to the base. In Gram form the problem is convex by construction, and
the active-set method below ends at the exact minimiser with a certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, Point
from continuum.measures import admit_array

__all__ = ["Projection", "project_onto_simplex"]

Array = NDArray[Any]
_TOLERANCE = 1e-12  # gap at which to stop, relative to the value
_CONVERGED = 1e-9  # gap of a solved problem, the same
_ROUNDING = 64 * float(np.finfo(float).eps)  # of a product with the Gram matrix, relative to that of its sizes


@dataclass(frozen=True)
class Projection:
    r"""Minimiser of $a^\top G a$ on the simplex.

    Attributes:
        weights: the minimiser, a point of the simplex.
        squared: its value.
        kkt_gap: $a^\top G a - \min_i (G a)_i$: 0 exactly at the optimum; `squared` exceeds the minimum by at most
            twice as much.
        converged: whether `kkt_gap` is 0 up to rounding.
    """

    weights: Point
    squared: float
    kkt_gap: float
    converged: bool

    def __iter__(self) -> Iterator[float]:
        """The weights: a projection can stand for the point that it found."""
        return iter(self.weights)


def project_onto_simplex(gram: Any) -> Projection:
    r"""Solve $\min a^\top G a$ over the simplex by the minimum-norm-point algorithm (Wolfe 1976).

    With $G_{ij} = \langle \delta_i, \delta_j \rangle$ this finds the shortest vector in the convex hull of the
    $\delta_i$. It keeps a set of affinely independent vertices and ends after finitely many steps.

    Args:
        gram: symmetric positive semi-definite matrix, (m, m).

    Raises:
        InvalidInputError: if `gram` is not square, symmetric and positive semi-definite up to rounding.

    Example:
        >>> [round(weight, 9) for weight in project_onto_simplex([[1.0, 0.0], [0.0, 3.0]]).weights]
        [0.75, 0.25]
    """
    g = _admit_gram(gram)
    unit = float(np.abs(g).max()) or 1.0
    g = g / unit  # no square of an entry overflows
    a, active = np.zeros(len(g)), [int(np.argmin(np.diag(g)))]
    a[active] = 1.0
    for _ in range(100 * len(g)):
        slopes = g @ a
        entering = int(np.argmin(slopes))
        if a @ slopes - slopes[entering] <= _allowed(g, a, _TOLERANCE) or entering in active:
            break
        active.append(entering)
        a, active = _descend(g, a, active)
    value, gap = float(a @ g @ a), float(a @ g @ a - (g @ a).min())
    converged = gap <= _allowed(g, a, _CONVERGED)
    return Projection(tuple(map(float, a)), max(value, 0.0) * unit, max(gap, 0.0) * unit, converged)


def _allowed(g: Array, a: Array, tolerance: float) -> float:
    """The gap that counts as none: a part of the value, and the rounding of the products that the gap is made of."""
    sizes = np.abs(g) @ a
    value = max(float(a @ g @ a), 0.0)
    return float(tolerance * value + _ROUNDING * (a @ sizes + sizes[np.argmin(g @ a)]))


def _descend(g: Array, a: Array, active: list[int]) -> tuple[Array, list[int]]:
    """Move to the affine minimiser of the active vertices, dropping those whose weight would turn negative."""
    while True:
        best = _affine_minimiser(g[np.ix_(active, active)])
        current = a[active]
        if (best > 0).all():
            break
        falling = best <= 0
        step = min(1.0, float((current[falling] / np.maximum(current[falling] - best[falling], 1e-300)).min()))
        mixed = (1 - step) * current + step * best
        mixed[np.argmin(np.where(falling, mixed, np.inf))] = 0.0
        keep = mixed > 0
        a = np.zeros_like(a)
        active = [vertex for vertex, kept in zip(active, keep, strict=True) if kept]
        a[active] = mixed[keep] / mixed[keep].sum()
    a = np.zeros_like(a)
    a[active] = best / best.sum()
    return a, active


def _affine_minimiser(g: Array) -> Array:
    """Minimiser of a'Ga over sum(a) = 1, from its bordered linear system."""
    k = len(g)
    # In units of its own length for each vertex: lengths may differ by many orders of magnitude.
    lengths = np.sqrt(np.diag(g).clip(min=0))
    scale = 1 / np.where(lengths > 0, lengths, 1.0)
    border = scale / scale.max()
    bordered = np.block([[np.zeros((1, 1)), border[None]], [border[:, None], scale[:, None] * g * scale]])
    rhs = np.concatenate([[1.0], np.zeros(k)])
    # A pseudo-inverse, since equal vertices make the system singular; any of its solutions has the minimal value.
    inverse = np.linalg.pinv(bordered, rcond=_ROUNDING)
    solution = inverse @ rhs
    solution += inverse @ (rhs - bordered @ solution)  # the digits that a system of nearly equal vertices costs
    return np.asarray(border * solution[1:])


def _admit_gram(gram: Any) -> Array:
    g = admit_array(gram, "gram", ndim=2).cpu().numpy()
    if g.shape[0] != g.shape[1]:
        raise InvalidInputError(f"`gram` must be square, got shape {g.shape}.")
    scale = float(np.abs(g).max()) or 1.0
    if float(np.abs(g / scale - g.T / scale).max()) > 1e-9:
        raise InvalidInputError("`gram` must be symmetric.")
    g = g / 2 + g.T / 2
    lowest = float(np.linalg.eigvalsh(g / scale).min()) * scale
    if lowest < -1e-9 * scale:
        raise InvalidInputError(
            f"`gram` must be positive semi-definite, its smallest eigenvalue is {lowest:.3g}; compute it from maps."
        )
    return np.asarray(g)
