r"""Paths between labelled datasets along (generalized) geodesics of optimal transport.

The label space of an interpolated dataset is the disjoint union of those it joins, with labels `(dataset name, label)`;
the label of a point is the mixture of what it is made of. Sources need not share labels, then.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import Interval, LazyEndpoints, Point, PointLike, Simplex
from continuum.measures import Solver, barycentric_projection, check_plan_memory, solve

from .distance import ground_cost, otdd
from .label_geometry import Bures, LabelMetric, label_table
from .labelled import Features, LabelledDataset, admit_datasets, take
from .mixture import admit_sources, mix_features, mix_labels, union_labels
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
        converged: whether every plan behind the maps met the tolerance of its solver.
        domain: the simplex over `names`.
    """

    base: LabelledDataset
    names: tuple[str, ...]
    images: tuple[Features, ...]
    labels: tuple[Array, ...]
    classes: tuple[Hashable, ...]
    gram: Array
    label_shift: float
    converged: bool

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
        admit_datasets(base=base)
        admit_sources(sources, *base.x.shape[1:])
        for source in sources.values():
            check_plan_memory(len(base), len(source))  # before the table of labels, which takes its time
        base = base.subset(base.weights > 0)
        table = label_table((base, *sources.values()), labels or Bures()) if label_weight > 0 else None
        images, soft, converged = [], [], True
        for place, source in enumerate(sources.values(), start=1):
            cost = ground_cost(base, source, table, (0, place), feature_weight, label_weight)
            plan = solve(cost, base.weights, source.weights, solver=solver)
            converged &= plan.converged
            images.append(barycentric_projection(plan, source.features().to(base.device)))
            soft.append(barycentric_projection(plan, source.probabilities).cpu().numpy())
        gram = feature_weight * _gram(images, base.features(), base.weights)
        if table is not None:
            embedded = [torch.as_tensor(p @ table.coordinates(place)) for place, p in enumerate(soft, start=1)]
            start = torch.as_tensor(base.probabilities @ table.coordinates(0))
            gram = gram + label_weight * _gram(embedded, start, base.weights)
        return cls(
            base,
            tuple(sources),
            tuple(_like(image, base.x) for image in images),
            tuple(soft),
            union_labels(sources),
            gram,
            0.0 if table is None else table.shift,
            converged,
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
        return LazyEndpoints(self.domain.vertices(), self._endpoint)

    def _endpoint(self, vertex: Point) -> LabelledDataset:
        image = copy.deepcopy(self.images[vertex.index(1.0)])
        return LabelledDataset(image, mix_labels(vertex, self.labels), self.base.weights.copy(), self.classes)

    def distance_to_base(self, point: PointLike, /) -> float:
        r"""Distance of the dataset at `point` to the base in closed form, $\sqrt{a^\top G a}$: no transport solve.

        Where `label_shift` is not 0 it is that of the shifted label distances, and so is the projection.
        """
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
    also when the sizes differ. (A distance that corrects for bias by the number of atoms, as `Bures` does by default,
    tells a dataset from its split atoms.) The plan is computed when a value is first asked for.

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
    _: KW_ONLY
    labels: LabelMetric | None = None
    feature_weight: float = 1.0
    label_weight: float = 1.0
    domain: ClassVar[Interval] = Interval()

    def __post_init__(self) -> None:
        admit_sources({"source": self.source, "target": self.target})

    @cached_property
    def _atoms(self) -> tuple[LabelledDataset, LabelledDataset]:
        """Both ends of every atom of the plan, with the mass of the atom as weight."""
        pair = {"source": self.source, "target": self.target}
        found = otdd(
            self.source,
            self.target,
            labels=self.labels,
            feature_weight=self.feature_weight,
            label_weight=self.label_weight,
        )
        plan = csr_array(found.plan).tocoo()
        soft = [data.probabilities[rows] for data, rows in zip(pair.values(), plan.coords, strict=True)]
        start, stop = (
            LabelledDataset(take(data.x, rows), mix_labels(end, soft), plan.data / plan.data.sum(), union_labels(pair))
            for data, rows, end in zip(pair.values(), plan.coords, ((1.0, 0.0), (0.0, 1.0)), strict=True)
        )
        return start, stop

    def __getstate__(self) -> dict[str, Any]:
        """Travels with its atoms: no worker solves the plan again."""
        _ = self._atoms
        return self.__dict__

    def at(self, point: PointLike, /) -> LabelledDataset:
        (t,) = self.domain.point(point)
        start, stop = self._atoms
        a = (1 - t, t)
        y = a[0] * start.y + a[1] * stop.y
        return LabelledDataset(mix_features(a, (start.x, stop.x)), y, start.weights.copy(), start.classes)

    @property
    def endpoints(self) -> Mapping[Point, LabelledDataset]:
        """The two datasets, their points split into the atoms of the plan."""
        return LazyEndpoints(self.domain.vertices(), lambda point: copy.deepcopy(self._atoms[int(point[0])]))

    def __repr__(self) -> str:
        return f"McCann({self.source!r}, {self.target!r})"


def _gram(images: Sequence[Tensor], start: Tensor, weights: Array) -> Array:
    """$G_{ij} = \\sum_k w_k \\langle x^i_k - x_k, x^j_k - x_k \\rangle$."""
    roots = torch.as_tensor(weights, device=start.device).sqrt()[:, None]
    moves = torch.stack([(roots * (image - start)).flatten() for image in images])
    return np.asarray((moves @ moves.T).cpu().numpy())


def _like(values: Tensor, x: Features) -> Features:
    """(n, d) values in the shape, kind, dtype and place of `x`."""
    shaped = values.reshape(x.shape)
    return shaped.to(x) if isinstance(x, Tensor) else shaped.cpu().numpy().astype(x.dtype)
