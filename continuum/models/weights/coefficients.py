r"""From the coordinates of a path to the coefficients of its adapters.

A point of a weight path is $W_0 + \sum_j c_j \Delta_j$, so all that a path has to say is $c$ as a function of its
coordinates. The functions below are written in torch operations, for any number of points at a time: a coefficient is
differentiable in the coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import (
    Domain,
    IncompatibleError,
    Interval,
    InvalidInputError,
    Product,
    Simplex,
    check_bounds,
)

__all__ = ["Attributes", "Combination", "Coordinates", "Spherical", "ThroughBase"]


@runtime_checkable
class Coordinates(Protocol):
    """Coordinates of a path, and the coefficients of k adapters that they stand for."""

    @property
    def domain(self) -> Domain:
        """The points of the path."""
        ...

    def coefficients(self, x: Float[Tensor, "*batch axes"], /) -> Float[Tensor, "*batch k"]:
        """Coefficients at points of the domain, differentiable in them."""
        ...


@dataclass(frozen=True)
class Attributes:
    r"""Attributes that each have a positive and a negative adapter: Kangaslahti & Alvarez-Melis (2025).

    $W_0 + \sum_i \lambda_i (\alpha_i \Delta_{+i} + (1 - \alpha_i) \Delta_{-i})$ with $\lambda$ on the simplex. (Where
    the paper adds fine-tuned weights to $\theta_0$, their differences to it are meant.) The adapters are in the order
    +, - of the first attribute, +, - of the second, and so on. A sole attribute has one coordinate, $\alpha$; several
    have `{"alpha": {name: number, ...}, "lambda": {name: number, ...}}`.

    Args:
        names: names of the attributes.
        bounds: range of each $\alpha$; beyond [0, 1] is extrapolation.
    """

    names: tuple[str, ...]
    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        names = () if isinstance(self.names, str) or not isinstance(self.names, Sequence) else tuple(self.names)
        if not names or len(set(names)) < len(names) or not all(isinstance(name, str) and name for name in names):
            raise InvalidInputError(f"`names` must be one different word for each attribute, got {self.names!r}.")
        check_bounds("bounds", self.bounds)
        object.__setattr__(self, "names", names)

    @property
    def domain(self) -> Interval | Product:
        if len(self.names) == 1:
            return Interval(*self.bounds, axis=self.names[0])
        alphas = Product(**{name: Interval(*self.bounds, axis=name) for name in self.names})
        parts: dict[str, Domain] = {"alpha": alphas, "lambda": Simplex(self.names)}
        return Product(**parts)

    def coefficients(self, x: Float[Tensor, "*batch axes"], /) -> Float[Tensor, "*batch k"]:
        m = len(self.names)
        alpha = x[..., :m]
        share = x[..., m:] if m > 1 else torch.ones_like(alpha)
        return torch.stack([share * alpha, share * (1 - alpha)], -1).flatten(-2)


@dataclass(frozen=True)
class ThroughBase:
    """From the negative adapter (-1) to the base model itself (0) to the positive adapter (1), with a kink there.

    The straight line of `Attributes` does not meet the base model: half way it is at the mean of both changes.

    Args:
        bounds: range of the coordinate.
        axis: its name.
    """

    bounds: tuple[float, float] = (-1.0, 1.0)
    axis: str = "t"

    def __post_init__(self) -> None:
        check_bounds("bounds", self.bounds)

    @property
    def domain(self) -> Interval:
        return Interval(*self.bounds, axis=self.axis)

    def coefficients(self, x: Float[Tensor, "*batch axes"], /) -> Float[Tensor, "*batch k"]:
        return torch.cat([x.clamp(min=0), (-x).clamp(min=0)], -1)


@dataclass(frozen=True)
class Spherical:
    r"""Spherical interpolation of two changes, from the second at t = 0 to the first at t = 1 (Shoemake 1985).

    $c = (\sin t\theta, \sin (1 - t)\theta) / \sin \theta$ with $\theta$ the angle of the changes in the whole model, so
    the length of the change does not shrink on the way. Since it is a curve of coefficients, it needs no weights.

    Args:
        cosine: of the angle, such as `Geometry.cosine` gives.
        bounds: range of t.
        axis: its name.
    """

    cosine: float
    bounds: tuple[float, float] = (0.0, 1.0)
    axis: str = "t"

    def __post_init__(self) -> None:
        check_bounds("bounds", self.bounds)
        if not isinstance(self.cosine, int | float | np.floating) or not -1 - 1e-6 <= self.cosine <= 1 + 1e-6:
            raise InvalidInputError(f"`cosine` must be between -1 and 1, got {self.cosine!r}.")
        if self.cosine < -1 + 1e-6:
            raise IncompatibleError("the two changes are opposite: no direction between them is the shortest.")

    @property
    def domain(self) -> Interval:
        return Interval(*self.bounds, axis=self.axis)

    def coefficients(self, x: Float[Tensor, "*batch axes"], /) -> Float[Tensor, "*batch k"]:
        theta = math.acos(min(max(self.cosine, -1.0), 1.0))
        if theta < 1e-4:  # a straight line, up to the square of theta
            return torch.cat([x, 1 - x], -1)
        return torch.cat([(x * theta).sin(), ((1 - x) * theta).sin()], -1) / math.sin(theta)


@dataclass(frozen=True)
class Combination:
    """One coefficient for each adapter, as it is: task arithmetic (Ilharco et al. 2023), or soups on the simplex.

    Args:
        domain: an `Interval` for one adapter, a `Simplex` or a `Product` of intervals for several.
    """

    domain: Domain

    def __post_init__(self) -> None:
        if not isinstance(self.domain, Domain):
            raise InvalidInputError(f"`domain` must be a domain such as Interval(), got {self.domain!r}.")

    def coefficients(self, x: Float[Tensor, "*batch axes"], /) -> Float[Tensor, "*batch k"]:
        return x
