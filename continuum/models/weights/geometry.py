r"""Lengths, angles and maps of all points of a weight path, from one small matrix.

A point is $\sum_j c_j \Delta_j$, so inner products of points are $c^\top G c'$ with the Gram matrix
$G_{ij} = \langle \Delta_i, \Delta_j \rangle_F$ of the adapters. It is had from the factors, without the changes
themselves: $\langle B_i A_i, B_j A_j \rangle_F = \sum (B_i^\top B_j) \circ (A_i A_j^\top)$. Nothing here depends on how
an adapter is factored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from continuum.core import InvalidInputError

from .factors import Adapter, LowRank

__all__ = ["Geometry", "WeightMap", "weight_geometry"]

Array = NDArray[np.float64]

_DEPENDENT = 1e-12  # squared sine of an angle that float32 factors cannot tell from 0
_ROUNDING = 1e-14  # of sums of products of float32 factors in float64


@dataclass(frozen=True, eq=False)
class WeightMap:
    """Points of a path on a plane, or in a space of another dimension, as far apart as their weights are.

    Attributes:
        coordinates: (n, dimension), in the unit of the weights, with mean 0.
        shares: part of the variance along each coordinate, in descending order; those that are left out are the rest
            of 1. NaN if the points are all the same.
    """

    coordinates: Array
    shares: Array


@dataclass(frozen=True, eq=False)
class Geometry:
    """Inner products of the changes that adapters make.

    Attributes:
        adapters: names, in the order of the coefficients.
        gram: inner products of the changes in all modules, (k, k).
        by_module: the same in each module, by its name; zero for an adapter that does not change it.
    """

    adapters: tuple[str, ...]
    gram: Array
    by_module: Mapping[str, Array]

    def norm(self, c: ArrayLike, /) -> float:
        r"""Length $\sqrt{c^\top G c}$ of the change at coefficients `c`: how far it is from the base.

        What is left of parts that cancel to a ten-millionth is rounding, and counts as 0.
        """
        return self._length(self._admitted(c))

    def distance(self, c: ArrayLike, other: ArrayLike, /) -> float:
        """Frobenius distance of the weights at coefficients `c` and `other`."""
        return self._length(self._admitted(c) - self._admitted(other))

    def cosine(self, c: ArrayLike, other: ArrayLike, /) -> float:
        """Cosine of the angle between two changes, seen from the base; NaN if one of them is zero."""
        a, b = self._admitted(c), self._admitted(other)
        lengths = self._length(a) * self._length(b)
        return float(np.clip(a @ self.gram @ b / lengths, -1, 1)) if lengths else math.nan

    @property
    def norms(self) -> Array:
        """Lengths of the changes, (k,)."""
        return np.array([self.norm(c) for c in np.eye(len(self.adapters))])

    @property
    def cosines(self) -> Array:
        """Cosines of the angles between the adapters, (k, k); NaN with one that changes nothing."""
        scale = np.where(self.norms > 0, self.norms, np.nan)
        return np.asarray(np.clip(self.gram / np.outer(scale, scale), -1, 1))

    @property
    def rank(self) -> int:
        """Number of directions that the adapters span: fewer than adapters if one is a combination of the others."""
        return int((self._spectrum > _DEPENDENT).sum())

    @property
    def conditioning(self) -> float:
        """Longest over shortest combination with coefficients of one length, of the adapters scaled to length one.

        1 for orthogonal adapters, large for nearly dependent ones, infinite for fewer directions than adapters.
        """
        if self.rank < len(self.adapters):
            return math.inf
        return math.sqrt(self._spectrum[-1] / self._spectrum[0])

    def coordinates(self, points: ArrayLike, dimension: int = 2) -> WeightMap:
        """The map of some points of a path, by principal components of their weights.

        This is classical scaling (Torgerson 1952; Gower 1966) of their distances, which are Euclidean: with as many
        coordinates as there are directions it is exact. Signs are arbitrary.

        Args:
            points: coefficients of each point, (n, k), such as `WeightPath.coefficients` gives; `numpy.eye(k)` for the
                adapters themselves, a row of zeros for the base.
            dimension: number of coordinates, at most the number of adapters.

        Raises:
            InvalidInputError: if the points have not k coefficients, or `dimension` is not between 1 and k.
        """
        x = np.atleast_2d(np.array(points, dtype=np.float64))
        k = len(self.adapters)
        if x.ndim != 2 or x.shape[1] != k or not np.isfinite(x).all():
            raise InvalidInputError(f"`points` must be finite coefficients (n, {k}), got an array of shape {x.shape}.")
        if not 1 <= dimension <= k:
            raise InvalidInputError(f"`dimension` must be between 1 and {k}, got {dimension!r}.")
        axes, lengths, _ = np.linalg.svd((x - x.mean(0)) @ self._root, full_matrices=False)
        shown, variance = axes * lengths, lengths**2
        missing = max(0, dimension - shown.shape[1])  # fewer points than coordinates
        shown, variance = np.pad(shown, ((0, 0), (0, missing))), np.pad(variance, (0, missing))
        total = variance.sum() or math.nan
        return WeightMap(shown[:, :dimension], variance[:dimension] / total)

    @cached_property
    def _spectrum(self) -> Array:
        """Eigenvalues of the Gram matrix of the adapters scaled to length one, ascending."""
        return np.linalg.eigvalsh(np.nan_to_num(self.cosines)).clip(min=0)

    @cached_property
    def _root(self) -> Array:
        """A matrix with R Rᵀ = G: coefficients times it are coordinates of the weights."""
        values, vectors = np.linalg.eigh(self.gram)
        return np.asarray(vectors * np.sqrt(values.clip(min=0)))

    def _length(self, c: Array) -> float:
        squared = float(c @ self.gram @ c)
        return math.sqrt(squared) if squared > _ROUNDING * float(abs(c) @ abs(self.gram) @ abs(c)) else 0.0

    def _admitted(self, c: ArrayLike) -> Array:
        found = np.array(c, dtype=np.float64)
        if found.shape != (len(self.adapters),) or not np.isfinite(found).all():
            raise InvalidInputError(
                f"coefficients must be {len(self.adapters)} finite numbers, for {self.adapters}; got {found.tolist()}."
            )
        return found

    def __repr__(self) -> str:
        return f"Geometry({self.adapters}, norms={self.norms.round(4).tolist()}, rank={self.rank})"


def weight_geometry(adapters: Sequence[Adapter]) -> Geometry:
    r"""Inner products $\langle \Delta_i, \Delta_j \rangle_F$ of adapters, summed over modules, in float64.

    The cost is O(R² (in + out)) for ranks that sum to R; no matrix (out, in) is made. Where the code of Kangaslahti &
    Alvarez-Melis (2025) averages cosines of rows, without scales, these are the angles and lengths of whole changes.

    Args:
        adapters: what the adapters change, from `read_adapters`.

    Raises:
        InvalidInputError: if there are none.

    Example:
        >>> one, other = torch.tensor([[1.0], [0.0]]), torch.tensor([[1.0], [1.0]])
        >>> flat = Adapter("flat", {"layer": LowRank(one, torch.tensor([[3.0, 4.0]]))})
        >>> steep = Adapter("steep", {"layer": LowRank(other, torch.tensor([[3.0, 4.0]]))})
        >>> geometry = weight_geometry([flat, steep])
        >>> geometry.gram.tolist(), geometry.distance([1, 0], [0, 1])
        ([[25.0, 25.0], [25.0, 50.0]], 5.0)
    """
    if not adapters:
        raise InvalidInputError("`adapters` must hold at least one adapter.")
    modules = dict.fromkeys(module for adapter in adapters for module in adapter.factors)
    by_module = {module: _gram([adapter.factors.get(module) for adapter in adapters]) for module in modules}
    k = len(adapters)
    gram = sum(by_module.values(), np.zeros((k, k)))
    return Geometry(tuple(adapter.name for adapter in adapters), gram, by_module)


def _gram(changes: Sequence[LowRank | None]) -> Array:
    """Gram matrix of the changes of one module; None changes nothing."""
    present = [(place, change) for place, change in enumerate(changes) if change is not None]
    # All factors side by side: two products whatever the number of adapters.
    up = torch.cat([change.up for _, change in present], 1).double()
    down = torch.cat([change.down for _, change in present]).double()
    products = (up.T @ up) * (down @ down.T)
    owners = torch.zeros(len(changes), len(products), dtype=torch.float64, device=products.device)
    start = 0
    for place, change in present:
        owners[place, start : start + change.rank] = 1
        start += change.rank
    gram = owners @ products @ owners.T
    return np.asarray(((gram + gram.T) / 2).cpu().numpy())  # the two triangles are rounded apart
