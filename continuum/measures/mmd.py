r"""The maximum mean discrepancy of weighted point clouds, and its gradients in closed form.

Every function takes batches of clouds, points (..., n, d) with masses (..., n), in which padding is what has mass 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import InvalidInputError

from .admission import check_memory
from .kernels import Kernel, Riesz
from .pairs import admit_like, admit_pair
from .pairwise import full_precision, joined, squared_distances, weighted_differences

__all__ = [
    "MMDGradient",
    "discrepancy2",
    "discrepancy_gradients",
    "discrepancy_with_gradients",
    "mmd2",
    "mmd_gradients",
    "witness_gradient",
]

_ENERGY = Riesz()
_COPIES = 6  # of the matrix of all pairs, held at once: 5.3 measured with a gradient


class MMDGradient(NamedTuple):
    r"""Gradients of $G = \frac12 \mathrm{MMD}^2$ in both clouds, for each unit of mass.

    Attributes:
        source: A, (..., n, d): $\partial G / \partial x_i = a_i A_i$.
        target: B, (..., m, d): $\partial G / \partial y_j = b_j B_j$.
    """

    source: Tensor
    target: Tensor


def mmd2(
    x: Any, y: Any, a: Any = None, b: Any = None, *, kernel: Kernel | Any = _ENERGY, unbiased: bool = False
) -> Float[Tensor, "*b"]:
    r"""Squared maximum mean discrepancy of weighted point clouds.

    $\mathrm{MMD}^2 = a^\top K_{xx} a - 2\, a^\top K_{xy} b + b^\top K_{yy} b$ (Gretton et al. 2012, eq. 5). With
    ``Riesz()`` it is the energy distance $2 E|X - Y| - E|X - X'| - E|Y - Y'|$. It is 0 for equal measures, and what
    rounding alone leaves below 0 is set to 0; a kernel that is not positive definite shows as a negative value.

    The unbiased form takes points for samples: pairs of a point with itself are left out,
    $\sum_{i \ne i'} a_i a_{i'} k(x_i, x_{i'}) / (1 - \sum_i a_i^2)$, eq. 3 there for equal masses. Its mean over
    samples is the discrepancy of the laws that they are from, so it may be negative.

    It can be a loss: gradients exist in points and masses, to any order. A pair of points at one place adds 0.

    Args:
        x: points, (..., n, d), of float32 or float64, which the result has too.
        y: points, (..., m, d), with the same batch dimensions.
        a: masses of x, (..., n), that sum to 1; 0 for padding, None for uniform.
        b: masses of y, (..., m).
        kernel: `Riesz`, by default with r = 1, `Gaussian`, `Laplace` or your own, see `Kernel`.
        unbiased: whether to leave out pairs of a point with itself.

    Returns:
        (...), in the unit of the kernel.

    Raises:
        InvalidInputError: for empty clouds, NaN, masses that are negative or do not sum to 1, squares that overflow or
            underflow, and an unbiased estimate from one point.
        IncompatibleError: if the clouds differ in dimension, batch, dtype or device.
        ResourceError: if the matrix of all pairs cannot fit into memory; see `sliced_energy`.

    Example:
        >>> mmd2(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5]]))
        tensor(0.5000)
    """
    x, y, a, b = _admit(x, y, a, b, kernel)
    if unbiased:
        _check_samples(a, "a", "x")
        _check_samples(b, "b", "y")
        return _finite(_unbiased2(x, y, a, b, kernel))
    return _finite(discrepancy2(x, y, a, b, kernel))


def mmd_gradients(x: Any, y: Any, a: Any = None, b: Any = None, *, kernel: Kernel | Any = _ENERGY) -> MMDGradient:
    r"""Gradients of $G = \frac12 \mathrm{MMD}^2$ in both clouds for each unit of mass, in closed form.

    $A_i = \sum_{i'} a_{i'} k'(x_i, x_{i'}) - \sum_j b_j k'(x_i, y_j)$, the gradient of the witness function at $x_i$,
    and B the same with the clouds exchanged; k' is the gradient of k in its first argument. As k depends on differences
    only, $\sum_i a_i A_i = - \sum_j b_j B_j$. A is also the Wasserstein gradient of G in the first measure (Arbel et
    al. 2019). Both are 0 where the mass is 0.

    Args:
        x: points, (..., n, d).
        y: points, (..., m, d).
        a: masses of x, (..., n), that sum to 1; 0 for padding, None for uniform.
        b: masses of y, (..., m).
        kernel: see `mmd2`.

    Raises:
        ContinuumError: the same as `mmd2`.

    Example:
        >>> mmd_gradients(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])).source
        tensor([[-0.6000, -0.8000]])
    """
    x, y, a, b = _admit(x, y, a, b, kernel)
    found = discrepancy_gradients(x, y, a, b, kernel)
    return MMDGradient(_finite(found.source), _finite(found.target))


def witness_gradient(
    at: Any, x: Any, y: Any, a: Any = None, b: Any = None, *, kernel: Kernel | Any = _ENERGY
) -> Float[Tensor, "*b l d"]:
    r"""Gradient of the witness function $f(z) = \sum_i a_i k(x_i, z) - \sum_j b_j k(y_j, z)$, in closed form.

    The first variation of $\frac12 \mathrm{MMD}^2$ in the first measure is f: particles of it that follow
    $-\nabla f$ go to the second one (Arbel et al. 2019).

    Args:
        at: where, (..., l, d).
        x: points, (..., n, d).
        y: points, (..., m, d).
        a: masses of x, (..., n), that sum to 1; 0 for padding, None for uniform.
        b: masses of y, (..., m).
        kernel: see `mmd2`.

    Raises:
        ContinuumError: the same as `mmd2`.

    Example:
        >>> witness_gradient(torch.tensor([[1.0]]), torch.tensor([[0.0]]), torch.tensor([[9.0]]))
        tensor([[-2.]])
    """
    x, y, a, b = _admit(x, y, a, b, kernel)
    at = admit_like(at, "at", x, "x")
    _check_pairs(at.shape[-2], x.shape[-2] + y.shape[-2], x)
    with full_precision(x):
        points, sides, centre = joined(x, y, a, b)
        at = at - centre
        return _finite(_field(squared_distances(at, points), at, points, _signed(sides), kernel))


def discrepancy2(x: Tensor, y: Tensor, a: Tensor, b: Tensor, kernel: Kernel) -> Float[Tensor, "*b"]:
    """The biased `mmd2` without any check, for loops that have made theirs: masses (..., n) and (..., m) sum to 1."""
    with full_precision(x):
        points, sides, _ = joined(x, y, a, b)
        return _biased2(squared_distances(points, points), sides, kernel)


def discrepancy_gradients(x: Tensor, y: Tensor, a: Tensor, b: Tensor, kernel: Kernel) -> MMDGradient:
    """`mmd_gradients` without any check, for loops that have made theirs."""
    with full_precision(x):
        points, sides, _ = joined(x, y, a, b)
        return _gradients(squared_distances(points, points), points, sides, x.shape[-2], kernel)


def discrepancy_with_gradients(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, kernel: Kernel
) -> tuple[Float[Tensor, "*b"], MMDGradient]:
    """`discrepancy2` and `discrepancy_gradients`, from one matrix of all pairs."""
    with full_precision(x):
        points, sides, _ = joined(x, y, a, b)
        squared = squared_distances(points, points)
        return _biased2(squared, sides, kernel), _gradients(squared, points, sides, x.shape[-2], kernel)


def _biased2(squared: Tensor, sides: Tensor, kernel: Kernel) -> Tensor:
    xx, xy, yy = _energies(squared, sides, kernel)
    value = xx - 2 * xy + yy
    bound = torch.finfo(squared.dtype).eps * sides.shape[-2] * (xx.abs() + 2 * xy.abs() + yy.abs())
    is_rounding = (value < 0) & (value >= -bound)
    return value - torch.where(is_rounding, value, 0).detach()  # 0, with its gradient


def _gradients(squared: Tensor, points: Tensor, sides: Tensor, n: int, kernel: Kernel) -> MMDGradient:
    """Those of the first `n` points and of the others."""
    field = _field(squared, points, points, _signed(sides), kernel)
    field = torch.where((sides > 0).any(-1, keepdim=True), field, 0)
    return MMDGradient(field[..., :n, :], -field[..., n:, :])


def _unbiased2(x: Tensor, y: Tensor, a: Tensor, b: Tensor, kernel: Kernel) -> Tensor:
    with full_precision(x):
        points, sides, _ = joined(x, y, a, b)
        xx, xy, yy = _energies(squared_distances(points, points), sides, kernel)
        same = kernel.value(torch.zeros_like(xx))  # of a point and itself
        own = ((form - same * masses.square().sum(-1)) / _spread(masses) for form, masses in ((xx, a), (yy, b)))
        return sum(own, start=-2 * xy)


def _energies(squared: Tensor, sides: Tensor, kernel: Kernel) -> tuple[Tensor, Tensor, Tensor]:
    """Mean kernels within x, between both, and within y."""
    forms = sides.mT @ (kernel.value(squared) @ sides)
    return forms[..., 0, 0], forms[..., 0, 1], forms[..., 1, 1]


def _field(squared: Tensor, at: Tensor, points: Tensor, masses: Tensor, kernel: Kernel) -> Tensor:
    """Gradient of the potential of signed masses."""
    slopes = kernel.slope(squared) * masses[..., None, :]
    return weighted_differences(slopes, at, points)


def _signed(sides: Tensor) -> Tensor:
    return sides[..., 0] - sides[..., 1]


def _spread(masses: Tensor) -> Tensor:
    """1 minus the sum of squares, for masses that sum to 1."""
    return (masses * (1 - masses)).sum(-1)


def _admit(x: Any, y: Any, a: Any, b: Any, kernel: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if not isinstance(kernel, Kernel) or isinstance(kernel, type):
        raise InvalidInputError(f"`kernel` must be a kernel, such as Riesz() or Gaussian(1.0), got {kernel!r}.")
    x, y, a, b = admit_pair(x, y, a, b)
    n = x.shape[-2] + y.shape[-2]
    _check_pairs(n, n, x)
    return x, y, a, b


def _check_pairs(rows: int, columns: int, x: Tensor) -> None:
    if x.device.type == "cpu":
        needed = _COPIES * x.element_size() * rows * columns * x.shape[:-2].numel()
        check_memory(needed, f"a matrix of {rows} x {columns} pairs", "use fewer points or `sliced_energy`")


def _check_samples(masses: Tensor, name: str, whose: str) -> None:
    if not bool((_spread(masses) > masses.shape[-1] * torch.finfo(masses.dtype).eps).all()):
        raise InvalidInputError(
            f"an unbiased estimate needs two points with mass or more in each cloud, and by `{name}` a cloud of "
            f"`{whose}` has one; use `unbiased=False`."
        )


def _finite(found: Tensor) -> Tensor:
    if not bool(found.isfinite().all()):
        raise InvalidInputError("squared distances overflow; divide all features by one number.")
    return found
