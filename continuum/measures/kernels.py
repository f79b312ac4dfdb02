"""Kernels of the distance: what a maximum mean discrepancy compares two measures by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from continuum.core import InvalidInputError, check_positive

__all__ = ["Gaussian", "Kernel", "Laplace", "Riesz"]


@runtime_checkable
class Kernel(Protocol):
    r"""A kernel $k(x, y) = v(|x - y|^2)$; anything with these two methods is one.

    With $g = 2 v'$, its slope, the gradient in the first argument is $\nabla_1 k(x, y) = g(|x - y|^2)\, (x - y)$: a
    number for each pair times a difference. Sums of such gradients over y are products of matrices.

    For a squared discrepancy that is 0 for equal measures and for no others the kernel must be characteristic and
    positive definite, or conditionally so (Gretton et al. 2012; Sejdinovic et al. 2013). Nothing checks this.
    """

    def value(self, squared: Tensor, /) -> Tensor:
        """The kernel at squared distances; autograd must find no NaN at 0."""
        ...

    def slope(self, squared: Tensor, /) -> Tensor:
        """Twice the derivative of `value`; 0 at 0 where it has none, for a point does not push itself."""
        ...


@dataclass(frozen=True)
class Gaussian:
    r"""$k(x, y) = \exp(-|x - y|^2 / (2 \sigma^2))$.

    Points that are many $\sigma$ away from all others do not see them: discrepancies saturate there, and gradients
    vanish.

    Args:
        sigma: $\sigma$, in the unit of the points.

    Example:
        >>> Gaussian(1.0).value(torch.tensor([0.0, 2.0]))
        tensor([1.0000, 0.3679])
    """

    sigma: float | int

    def __post_init__(self) -> None:
        check_positive("sigma", self.sigma)

    def value(self, squared: Tensor) -> Tensor:
        """The kernel at squared distances."""
        return torch.exp(squared * (-0.5 / self.sigma**2))

    def slope(self, squared: Tensor) -> Tensor:
        r"""$-k / \sigma^2$."""
        return self.value(squared) * (-1 / self.sigma**2)


@dataclass(frozen=True)
class Laplace:
    r"""$k(x, y) = \exp(-|x - y| / \sigma)$.

    Args:
        sigma: $\sigma$, in the unit of the points.

    Example:
        >>> Laplace(1.0).value(torch.tensor([0.0, 4.0]))
        tensor([1.0000, 0.1353])
    """

    sigma: float | int

    def __post_init__(self) -> None:
        check_positive("sigma", self.sigma)

    def value(self, squared: Tensor) -> Tensor:
        """The kernel at squared distances."""
        return torch.exp(_power(squared, 0.5) / -self.sigma)

    def slope(self, squared: Tensor) -> Tensor:
        r"""$-k / (\sigma |x - y|)$, and 0 at 0."""
        return self.value(squared) * _power(squared, -0.5) / -self.sigma


@dataclass(frozen=True)
class Riesz:
    r"""$k(x, y) = -|x - y|^r$ with $0 < r < 2$; for r = 1 the squared discrepancy is the energy distance.

    It has no bandwidth: measures attract each other from any distance. It is positive definite among measures of equal
    mass only, which is all that a discrepancy of probability measures needs (Székely & Rizzo 2013).

    Args:
        r: power of the distance.

    Example:
        >>> Riesz().value(torch.tensor([0.0, 4.0]))
        tensor([-0., -2.])
    """

    r: float | int = 1.0

    def __post_init__(self) -> None:
        check_positive("r", self.r)
        if self.r >= 2:
            raise InvalidInputError(
                f"`r` must be below 2, got {self.r!r}: from r = 2 on measures of equal means have no discrepancy."
            )

    def value(self, squared: Tensor) -> Tensor:
        """The kernel at squared distances."""
        return -_power(squared, self.r / 2)

    def slope(self, squared: Tensor) -> Tensor:
        r"""$-r |x - y|^{r - 2}$, and 0 at 0."""
        return -self.r * _power(squared, self.r / 2 - 1)


def _power(squared: Tensor, exponent: float) -> Tensor:
    """`squared` to a power, and 0 where it is 0, of which autograd finds the derivative 0 and no NaN."""
    is_zero = squared == 0
    return torch.where(is_zero, 0, torch.where(is_zero, 1, squared).pow(exponent))
