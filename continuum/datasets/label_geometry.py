r"""The geometry of labels: how far apart two classes are as laws of features.

A class is the law of its points. OTDD charges a pair of labels their squared Wasserstein distance, so a table of such
distances is all that transport needs. The table can be turned into coordinates (`LabelTable.coordinates`): then label
terms are squared Euclidean too, which makes soft labels and displacements meaningful.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, warn
from continuum.measures import (
    DiscreteMeasure,
    Gaussian,
    LedoitWolf,
    SquaredEuclidean,
    barycentric_projection,
    gaussian_w2_squared,
    monge_map,
    solve,
)

from .labelled import LabelledDataset

__all__ = [
    "Bures",
    "ExactLabels",
    "LabelMetric",
    "LabelTable",
    "MeansOnly",
    "SupportsGradient",
    "class_laws",
    "label_table",
]

Array = NDArray[Any]


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
        shrinkage: `LedoitWolf()`, which makes up for few samples of a class, or None for covariances as they are.
    """

    unbiased: bool = True
    shrinkage: LedoitWolf | None = None

    def describe(self, law: DiscreteMeasure, /) -> Gaussian:
        return Gaussian.from_samples(law.points, law.weights, unbiased=self.unbiased, shrinkage=self.shrinkage)

    def squared(self, p: Gaussian, q: Gaussian, /) -> float:
        return gaussian_w2_squared(p, q)

    def gradient(self, law: DiscreteMeasure, q: Gaussian, /) -> torch.Tensor:
        r"""$2 (\mu_p - \mu_q) + 2 s (I - T)(x_i - \mu_p)$, T the map between the Gaussians, s = n / (n - 1) or 1.

        Since $\partial\, \mathrm{Bures}^2 / \partial \Sigma_p = I - T$ (Bhatia, Jain & Lim 2019).
        """
        if self.shrinkage is not None:
            raise InvalidInputError(f"the gradient of {self} is not known; use Bures() without `shrinkage` in a flow.")
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


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Squared distances between all labels of several datasets.

    Attributes:
        squared: (k, k) symmetric with zero diagonal, k the number of labels of all datasets together; a label without
            mass has distance 0 to all, and no point to use it.
        labels: for each dataset the labels of its rows, in order.
    """

    squared: Array
    labels: tuple[tuple[Hashable, ...], ...]

    def block(self, i: int, j: int) -> Array:
        """Distances between the labels of datasets `i` and `j`."""
        return self.squared[self._rows(i), self._rows(j)]

    def coordinates(self, i: int) -> Array:
        """Coordinates of the labels of dataset `i`, (k_i, r)."""
        return self._embedding[0][self._rows(i)]

    @property
    def shift(self) -> float:
        """What was added to every distance between two labels to make the table Euclidean; 0 if it was already.

        Lingoes' constant: with it the coordinates reproduce `squared + shift` exactly. In a transport problem between
        two datasets each pair of labels carries it, so the plan is unchanged and the value is too high by just it.
        """
        return self._embedding[1]

    @cached_property
    def _embedding(self) -> tuple[Array, float]:
        # Classical scaling of the double-centred table (Gower 1966), then Lingoes (1971).
        k = len(self.squared)
        centring = np.eye(k) - 1.0 / k
        values, vectors = torch.linalg.eigh(torch.as_tensor(-0.5 * centring @ self.squared @ centring))
        lowest, noise = float(values.min()), 1e-12 * float(values.abs().max())
        shift = -2 * lowest if lowest < -noise else 0.0
        # That of the constant vector too: it moves all labels alike, and eigh may mix it with others of eigenvalue 0.
        raised = (values + shift / 2).clamp(min=0)
        return (vectors * raised.sqrt()).numpy(), shift

    def _rows(self, i: int) -> slice:
        start = sum(map(len, self.labels[:i]))
        return slice(start, start + len(self.labels[i]))


def label_table(datasets: Sequence[LabelledDataset], metric: LabelMetric, *, cross_only: bool = False) -> LabelTable:
    """Squared distances between all classes of `datasets`.

    Args:
        datasets: labelled datasets in one feature space.
        metric: the distance between two classes.
        cross_only: leave distances within a dataset at 0; enough for transport between hard labels, and it saves half
            the work.

    Raises:
        IncompatibleError: if feature dimensions differ.
    """
    if not isinstance(metric, LabelMetric):
        raise InvalidInputError(
            f"`labels` must be Bures(), ExactLabels(), SlicedLabels() or MeansOnly(), got {metric!r}."
        )
    sizes = [data.dimension for data in datasets]
    if len(set(sizes)) > 1:
        raise IncompatibleError(
            f"datasets have {sizes} features; resize or embed all of them into one space before comparing labels."
        )
    for data in datasets:
        _warn_of_small_classes(data, metric)
    place = datasets[0].device
    laws = ((i, law) for i, data in enumerate(datasets) for law in class_laws(data, place))
    described = [(i, metric.describe(law) if law else None) for i, law in laws]
    table = np.zeros((len(described), len(described)))
    for row, (i, p) in enumerate(described):
        for column, (j, q) in enumerate(described[:row]):
            if p is not None and q is not None and not (cross_only and i == j):
                table[row, column] = table[column, row] = metric.squared(p, q)
    return LabelTable(table, tuple(data.classes for data in datasets))


def _warn_of_small_classes(data: LabelledDataset, metric: LabelMetric) -> None:
    if data.is_soft:  # soft labels often leave a column almost empty, such as at the end of a path
        return
    counts = np.bincount(data.codes[data.weights > 0], minlength=len(data.classes))
    fates = {0: "without any sample are left out"}
    if isinstance(metric, Bures) and metric.unbiased:
        fates[1] = "of one sample have no covariance to estimate, and count as points"
    for few, fate in fates.items():
        if found := [label for label, count in zip(data.classes, counts, strict=True) if count == few]:
            warn(f"classes {fate}: {found[:5]}.")


def class_laws(data: LabelledDataset, place: torch.device) -> Iterator[DiscreteMeasure | None]:
    """The law of each class, one at a time, on the device `place`; None for a class without mass."""
    features, masses = data.features(), data.probabilities * data.weights[:, None]
    for column in masses.T:
        member = column > 0
        law = features[torch.as_tensor(member)].to(place), column[member] / (column[member].sum() or 1.0)
        yield DiscreteMeasure(*law) if member.any() else None
