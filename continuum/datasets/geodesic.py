r"""Paths between labelled datasets along (generalized) geodesics of optimal transport.

The label space of an interpolated dataset is the disjoint union of those it joins, with labels `(dataset name, label)`;
the label of a point is the mixture of what it is made of. Sources need not share labels, then.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import IncompatibleError, Interval, InvalidInputError, LazyEndpoints, Point, PointLike, Simplex
from continuum.measures import Exact, Solver, barycentric_projection, solve

from .distance import ground_cost
from .label_geometry import Bures, LabelMetric, label_table
from .labelled import Features, LabelledDataset, take
from .mixture import mix_features, mix_labels, union_labels
from .projection import Projection, project_onto_simplex

__all__ = ["GeneralizedGeodesic", "McCann"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class GeneralizedGeodesic:
    r"""All mixtures of several datasets as seen from a base: $P_a = (\sum_i a_i T_i)_\# Q$, a in the simplex.

    $T_i$ is the optimal transport map from the base Q to source $P_i$ (barycentric projection of the plan of OTDD). In
    the coordinates $z = (\sqrt{\lambda_x}\, x, \sqrt{\lambda_y}\, e)$, e the coordinates of the label, and with
    $G_{ij} = \int \langle T_i - \mathrm{id}, T_j - \mathrm{id} \rangle\, dQ$, the squared distance of $P_a$ to the base
    is $a^\top G a$. Fan & Alvarez-Melis (2023).

    Build it with `GeneralizedGeodesic.fit`.

    Attributes:
        base: the base Q, without its points of weight 0.
        names: names of the sources.
        images: for each source the images of the base points, (n, ...).
        labels: for each source the label distributions of these images, (n, k_i).
        classes: labels of the union, pairs (name, label).
        gram: the matrix G, (m, m), positive semi-definite.
        label_shift: what was added to label distances to embed them, see `LabelTable.shift`; 0 in the usual case.
        domain: the simplex over `names`.
    """

    base: LabelledDataset
    names: tuple[str, ...]
    images: tuple[Features, ...]
    labels: tuple[Array, ...]
    classes: tuple[Hashable, ...]
    gram: Array
    label_shift: float

    @classmethod
    def fit(
        cls,
        base: LabelledDataset,
        sources: Mapping[str, LabelledDataset],
        *,
        labels: LabelMetric | None = None,
        solver: Solver | None = None,
        feature_weight: float = 1.0,
        label_weight: float = 1.0,
    ) -> GeneralizedGeodesic:
        """Compute the maps from `base` to every source.

        Args:
            base: where the maps start; often a target with few labels, whose nearest mixture is wanted.
            sources: datasets by name, at least one, with the features of `base`.
            labels: distance between classes: `Bures()`, the default, `ExactLabels()` or `MeansOnly()`.
            solver: `Exact()`, the default, or `Sinkhorn(epsilon)`, whose maps are blurred toward the mean.
            feature_weight: weight of squared feature distances.
            label_weight: weight of squared label distances.
        """
        if not sources:
            raise InvalidInputError("GeneralizedGeodesic needs at least one source, got none.")
        base = base.subset(base.weights > 0)
        table = label_table((base, *sources.values()), labels or Bures()) if label_weight > 0 else None
        images, soft = [], []
        for place, source in enumerate(sources.values(), start=1):
            cost = ground_cost(base, source, table, (0, place), feature_weight, label_weight)
            plan = solve(cost, base.weights, source.weights, solver=solver or Exact())
            images.append(barycentric_projection(plan, source.features()))
            soft.append(barycentric_projection(plan, source.probabilities).cpu().numpy())
        gram = feature_weight * _gram([(image - base.features()).cpu().numpy() for image in images], base.weights)
        if table is not None:
            start = base.probabilities @ table.coordinates(0)
            turns = [p @ table.coordinates(place) - start for place, p in enumerate(soft, start=1)]
            gram = gram + label_weight * _gram(turns, base.weights)
        return cls(
            base,
            tuple(sources),
            tuple(_like(image, base.x) for image in images),
            tuple(soft),
            union_labels(sources),
            gram,
            0.0 if table is None else table.shift,
        )

    @property
    def domain(self) -> Simplex:
        return Simplex(self.names)

    def at(self, point: PointLike, /) -> LabelledDataset:
        a = self.domain.point(point)
        return LabelledDataset(
            mix_features(a, self.images), mix_labels(a, self.labels), self.base.weights.copy(), self.classes
        )

    @property
    def endpoints(self) -> Mapping[Point, LabelledDataset]:
        """$e_i \\mapsto (T_i)_\\# Q$: the base seen in each source."""
        ends = {}
        for vertex, image in zip(self.domain.vertices(), self.images, strict=True):
            ends[vertex] = LabelledDataset(image, mix_labels(vertex, self.labels), self.base.weights, self.classes)
        return ends

    def distance_to_base(self, point: PointLike, /) -> float:
        r"""Distance of the dataset at `point` to the base in closed form, $\sqrt{a^\top G a}$: no transport solve."""
        a = np.array(self.domain.point(point))
        return float(np.sqrt(max(a @ self.gram @ a, 0.0)))

    def project(self) -> Projection:
        """The mixture nearest to the base: the projection of the base onto the hull of the sources."""
        return project_onto_simplex(self.gram)

    def __repr__(self) -> str:
        return f"GeneralizedGeodesic(base={self.base!r}, sources={self.names})"


@dataclass(frozen=True, eq=False)
class McCann:
    r"""The geodesic between two labelled datasets: $P_t = ((1 - t)\, x + t\, x')_\# \pi$ with $\pi$ the plan of OTDD.

    McCann (1997). Each atom of the plan is a point that travels in a straight line, so both ends are reached exactly,
    also when the sizes differ. The plan is computed when a value is first asked for.

    Args:
        source: the dataset at t = 0.
        target: the dataset at t = 1.
        labels: distance between classes; None for `Bures()`.
        feature_weight: weight of squared feature distances.
        label_weight: weight of squared label distances.

    Example:
        >>> a = LabelledDataset(np.zeros((2, 1)), ["a", "a"])
        >>> b = LabelledDataset(np.ones((2, 1)), ["b", "b"])
        >>> McCann(a, b).at(0.25).x.ravel()
        array([0.25, 0.25])
    """

    source: LabelledDataset
    target: LabelledDataset
    labels: LabelMetric | None = None
    feature_weight: float = 1.0
    label_weight: float = 1.0
    domain: ClassVar[Interval] = Interval()

    def __post_init__(self) -> None:
        if self.source.x.shape[1:] != self.target.x.shape[1:]:
            raise IncompatibleError(
                f"`source` has features {tuple(self.source.x.shape[1:])}, `target` {tuple(self.target.x.shape[1:])}; "
                "resize or embed both into one space first."
            )

    @cached_property
    def _atoms(self) -> tuple[LabelledDataset, LabelledDataset]:
        """Both ends of every atom of the plan, with the mass of the atom as weight."""
        table = label_table((self.source, self.target), self.labels or Bures()) if self.label_weight > 0 else None
        cost = ground_cost(self.source, self.target, table, (0, 1), self.feature_weight, self.label_weight)
        plan = csr_array(solve(cost, self.source.weights, self.target.weights).coupling).tocoo()
        starts, stops = plan.coords
        classes = union_labels({"source": self.source, "target": self.target})
        ends = []
        for position, (data, rows) in enumerate(((self.source, starts), (self.target, stops))):
            soft = [part.probabilities[row] for part, row in ((self.source, starts), (self.target, stops))]
            y = mix_labels(tuple(float(position == k) for k in range(2)), soft)
            ends.append(LabelledDataset(take(data.x, rows), y, plan.data / plan.data.sum(), classes))
        return ends[0], ends[1]

    def at(self, point: PointLike, /) -> LabelledDataset:
        (t,) = self.domain.point(point)
        start, stop = self._atoms
        a = (1 - t, t)
        y = a[0] * start.y + a[1] * stop.y
        return LabelledDataset(mix_features(a, (start.x, stop.x)), y, start.weights.copy(), start.classes)

    @property
    def endpoints(self) -> Mapping[Point, LabelledDataset]:
        """The two datasets, their points split into the atoms of the plan."""
        return LazyEndpoints(self.domain.vertices(), lambda point: self._atoms[int(point[0])])

    def __repr__(self) -> str:
        return f"McCann({self.source!r}, {self.target!r})"


def _gram(displacements: Sequence[Array], weights: Array) -> Array:
    flat = np.stack([(np.sqrt(weights)[:, None] * move).ravel() for move in displacements])
    return np.asarray(flat @ flat.T)


def _like(values: Tensor, x: Features) -> Features:
    """(n, d) values in the shape, kind, dtype and place of `x`."""
    shaped = values.reshape(x.shape)
    return shaped.to(x.dtype) if isinstance(x, Tensor) else shaped.cpu().numpy().astype(x.dtype)
