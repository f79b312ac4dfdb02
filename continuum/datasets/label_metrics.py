"""Distances between classes as laws of features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch

from continuum.core import InvalidInputError, check_count
from continuum.measures import (
    DiscreteMeasure,
    GaussianMeasure,
    LedoitWolf,
    Pooled,
    SquaredEuclidean,
    barycentric_projection,
    gaussian_w2_squared,
    monge_map,
    solve,
)
from continuum.measures.pooling import pool
from continuum.measures.truncation import TruncatedGaussian, truncate, truncated_w2_squared, truncation_error

__all__ = [
    "Bures",
    "ExactLabels",
    "LabelMetric",
    "MeansOnly",
    "SupportsContext",
    "SupportsError",
    "SupportsGradient",
]


@runtime_checkable
class LabelMetric(Protocol):
    """A squared distance between laws, in two steps: what to know of a law, and the distance of two such things."""

    def describe(self, law: DiscreteMeasure, /) -> Any:
        """All that `squared` needs to know of a law; computed once for each class."""
        ...

    def squared(self, p: Any, q: Any, /) -> float:
        """Squared distance of two descriptions."""
        ...


@runtime_checkable
class SupportsContext(LabelMetric, Protocol):
    """A label metric to which a class also depends on the others, as if all have something in common."""

    def describe_all(self, datasets: Sequence[Iterable[tuple[float, DiscreteMeasure]]], /) -> Sequence[Any]:
        """Descriptions of all classes of all datasets, one list in order; takes the place of `describe`.

        Args:
            datasets: the classes of each dataset that have mass: their masses and laws. Laws are made as they are asked
                for, so that not all points need be in memory.
        """
        ...


@runtime_checkable
class SupportsError(LabelMetric, Protocol):
    """A label metric that is an approximation, and knows how good it is."""

    def error(self, p: Any, q: Any, /) -> float:
        """How far `squared` may be from the distance that it stands for, to either side."""
        ...


@runtime_checkable
class SupportsGradient(LabelMetric, Protocol):
    """A label metric that knows where the points of a law should go; what a flow of datasets asks for."""

    def gradient(self, law: DiscreteMeasure, q: Any, /) -> torch.Tensor:
        """Gradient of the squared distance of `law` to the description `q` in each of its points, over their mass.

        Returns:
            (n, d). Where the distance has a kink, one of its supergradients: that of an optimal coupling.
        """
        ...


@dataclass(frozen=True)
class Bures:
    r"""Gaussian approximation: $\|\mu_p - \mu_q\|^2 + \mathrm{Bures}^2(\Sigma_p, \Sigma_q)$.

    A class of one sample is a Dirac.

    Args:
        unbiased: whether covariances are divided by n - 1, as is usual. Divided by n they belong to the sample as a
            measure: the value is then never above that of `ExactLabels` (Gelbrich 1990), and splitting a point into
            atoms, as `McCann` does, changes nothing.
        shrinkage: what makes up for few samples of a class: `LedoitWolf()`, `Pooled(rho)`, or None for covariances as
            they are.
        rank: number of principal directions, common to all classes, in which covariances are compared; None for all of
            them. It saves time with many classes in many dimensions. Distances then come with bounds on their error,
            `LabelTable.error`, and the bounds of `otdd` allow for it.
    """

    unbiased: bool = True
    shrinkage: LedoitWolf | Pooled | None = None
    rank: int | None = None

    def __post_init__(self) -> None:
        if self.rank is not None:
            check_count("rank", self.rank)
        if not isinstance(self.shrinkage, LedoitWolf | Pooled | None):
            raise InvalidInputError(f"`shrinkage` must be LedoitWolf(), Pooled(rho) or None, got {self.shrinkage!r}.")

    def describe(self, law: DiscreteMeasure, /) -> GaussianMeasure:
        """A class on its own: neither pooled with others nor truncated to directions in common."""
        alone = self.shrinkage if isinstance(self.shrinkage, LedoitWolf) else None
        return GaussianMeasure.from_samples(law.points, law.weights, unbiased=self.unbiased, shrinkage=alone)

    def describe_all(
        self, datasets: Sequence[Iterable[tuple[float, DiscreteMeasure]]], /
    ) -> Sequence[GaussianMeasure | TruncatedGaussian]:
        laws = [law for classes in datasets for law in self._described(classes)]
        return laws if self.rank is None else truncate(laws, self.rank)

    def _described(self, classes: Iterable[tuple[float, DiscreteMeasure]]) -> list[GaussianMeasure]:
        laws, freedoms = [], []
        for mass, law in classes:
            laws.append(self.describe(law))
            freedoms.append(mass * (1 - float(law.weights @ law.weights)) if self.unbiased else mass)
        return pool(laws, freedoms, self.shrinkage.rho) if isinstance(self.shrinkage, Pooled) else laws

    def squared(self, p: GaussianMeasure | TruncatedGaussian, q: Any, /) -> float:
        return gaussian_w2_squared(p, q) if isinstance(p, GaussianMeasure) else truncated_w2_squared(p, q)

    def error(self, p: GaussianMeasure | TruncatedGaussian, q: Any, /) -> float:
        return 0.0 if isinstance(p, GaussianMeasure) else truncation_error(p, q)

    def gradient(self, law: DiscreteMeasure, q: GaussianMeasure, /) -> torch.Tensor:
        r"""$2 (\mu_p - \mu_q) + 2 s (I - T)(x_i - \mu_p)$, T the map between the Gaussians, s = n / (n - 1) or 1.

        Since $\partial\, \mathrm{Bures}^2 / \partial \Sigma_p = I - T$ (Bhatia, Jain & Lim 2019).
        """
        if self.shrinkage is not None or self.rank is not None:
            raise InvalidInputError(
                f"the gradient of {self} is not known; use Bures() without `shrinkage` and `rank` in a flow."
            )
        p = self.describe(law)
        centred = law.points - p.mean
        variance = float(law.weights @ centred.square().sum(1))
        scale = p.trace / variance if variance > 0 else 0.0
        turned = monge_map(p, q)(law.points) - q.mean
        return torch.as_tensor(2 * (p.mean - q.mean + scale * (centred - turned)))


@dataclass(frozen=True)
class ExactLabels:
    """The squared 2-Wasserstein distance of the two empirical laws, by an exact plan."""

    def describe(self, law: DiscreteMeasure, /) -> DiscreteMeasure:
        return law

    def squared(self, p: DiscreteMeasure, q: DiscreteMeasure, /) -> float:
        return max(solve(SquaredEuclidean(p.points, q.points), p.weights, q.weights).value, 0.0)

    def gradient(self, law: DiscreteMeasure, q: DiscreteMeasure, /) -> torch.Tensor:
        """$2 (x_i - T(x_i))$, T the barycentric projection of an optimal plan."""
        plan = solve(SquaredEuclidean(law.points, q.points), law.weights, q.weights)
        return torch.as_tensor(2 * (law.points - barycentric_projection(plan, q.points)))


@dataclass(frozen=True)
class MeansOnly:
    r"""$\|\mu_p - \mu_q\|^2$: a lower bound of both others."""

    def describe(self, law: DiscreteMeasure, /) -> torch.Tensor:
        return law.mean

    def squared(self, p: torch.Tensor, q: torch.Tensor, /) -> float:
        return float((p - q).square().sum())

    def gradient(self, law: DiscreteMeasure, q: torch.Tensor, /) -> torch.Tensor:
        r"""$2 (\mu_p - \mu_q)$ for all points alike."""
        return 2 * (law.mean - q).expand(len(law), -1)
