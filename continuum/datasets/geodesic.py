r"""Mixtures of labelled datasets along generalized geodesics of optimal transport.

The label space of an interpolated dataset is the disjoint union of those it joins, with labels `(dataset name, label)`;
the label of a point is the mixture of what it is made of. Sources need not share labels, then.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import (
    IncompatibleError,
    LazyEndpoints,
    Point,
    PointLike,
    Simplex,
    check_positive,
    rng_for,
)
from continuum.measures import SolverLike

from .admission import Features
from .anchors import Anchors
from .label_geometry import label_table
from .label_metrics import Bures, LabelMetric
from .labelled import LabelledDataset, admit_datasets
from .lazy import LazyDataset
from .maps import Averages, TransportMap, map_of_plan, mix
from .mixture import admit_sources, mix_labels, union_labels
from .neural_map import NeuralMap
from .pair_problem import check_pair_memory
from .projection import Projection, project_onto_simplex

__all__ = ["GeneralizedGeodesic"]

Array = NDArray[Any]
_BLOCK = 2048  # points that are mixed at a time


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
        maps: where the base points go in each source; indices for an exact plan between equally many points.
        classes: labels of the union, pairs (name, label).
        gram: the matrix G, (m, m), positive semi-definite.
        label_shift: what was added to label distances to embed them, see `LabelTable.shift`; 0 in the usual case.
        converged: whether every plan behind the maps met the tolerance of its solver.
        anchors: the sources, and what carries other points to them, see `extend`.
        domain: the simplex over `names`.
    """

    base: LabelledDataset
    names: tuple[str, ...]
    maps: tuple[TransportMap, ...]
    classes: tuple[Hashable, ...]
    gram: Array
    label_shift: float
    converged: bool
    anchors: Anchors

    @classmethod
    def fit(
        cls,
        base: LabelledDataset,
        sources: Mapping[str, LabelledDataset],
        *,
        labels: LabelMetric | None = None,
        solver: SolverLike | NeuralMap = "auto",
        feature_weight: float = 1.0,
        label_weight: float = 1.0,
    ) -> GeneralizedGeodesic:
        """Compute the maps from `base` to every source.

        Args:
            base: where the maps start; often a target with few labels, whose nearest mixture is wanted.
            sources: datasets by name, at least one, with the features of `base`.
            labels: distance between classes: `Bures()`, the default, `ExactLabels()`, `SlicedLabels()` or
                `MeansOnly()`.
            solver: as for `otdd`, where the maps of `Sinkhorn(epsilon)` are blurred toward the mean, and those of
                `Stratified()` and `Sliced()` cannot be extended; or `NeuralMap()`, which learns them.
            feature_weight: weight of squared feature distances.
            label_weight: weight of squared label distances.

        Raises:
            IncompatibleError: if feature shapes differ.
            InvalidInputError: if there are no sources, a weight is negative or not finite, or an option unknown.
            ResourceError: if a plan cannot fit into memory.
        """
        admit_datasets(base=base)
        admit_sources(sources, *base.x.shape[1:])
        if not isinstance(solver, NeuralMap):
            for source in sources.values():  # before the table of labels, which takes its time
                check_pair_memory(base, source, solver, feature_weight, label_weight)
        base = base.subset(base.weights > 0)
        table = label_table((base, *sources.values()), labels or Bures()) if label_weight > 0 else None
        anchors = Anchors(dict(sources), table, feature_weight, label_weight)
        if isinstance(solver, NeuralMap):
            fitted = anchors.learn(base, solver)
            images = [Averages(*learned.push(base)) for learned in fitted]
            return _path(base, anchors.carried_by(fitted), images, all(learned.converged for learned in fitted))
        maps: list[TransportMap] = []
        potentials, converged = [], True
        for place, source in enumerate(sources.values(), start=1):
            plan = anchors.plan(base, place, solver)
            maps.append(map_of_plan(plan, source))
            potentials.append(plan.potentials[1] if plan.has_potentials else None)
            converged &= plan.converged
        return _path(base, anchors.carried_by(potentials), maps, converged)

    @property
    def domain(self) -> Simplex:
        return Simplex(self.names)

    def at(self, point: PointLike, /) -> LabelledDataset:
        a = np.array(self.domain.point(point))
        whole, n = slice(None), len(self.base)
        x = torch.empty((n, self.base.dimension), dtype=_dtype(self.base.x), device=self.base.device)
        for start in range(0, n, _BLOCK):  # small enough to stay in the cache
            rows = slice(start, start + _BLOCK)
            x[rows] = mix(self.maps, a, rows)
        y = mix_labels(tuple(a), [place.labels(whole) for place in self.maps])
        return LabelledDataset(self._shaped(x), y, self.base.weights.copy(), self.classes)

    @property
    def endpoints(self) -> Mapping[Point, LabelledDataset]:
        r"""$e_i \mapsto (T_i)_\# Q$: the base seen in each source."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def lazily(self, point: PointLike, *, concentration: float | None = None, seed: int = 0) -> LazyDataset:
        r"""The dataset at `point`, made a batch at a time: a `torch.utils.data.Dataset`.

        Args:
            point: a point of the simplex.
            concentration: None for `point` itself at every base point. A positive number draws for each base point
                weights of its own, $a_k \sim \mathrm{Dirichlet}(\kappa \max(a, 0.02))$, kappa the number: a
                neighbourhood of `point` instead of `point`. This is ours, not the paper's.
            seed: of these weights.
        """
        a = np.array(self.domain.point(point))
        weights = np.broadcast_to(a, (len(self.base), len(a)))
        if concentration is not None:
            check_positive("concentration", concentration)
            weights = rng_for(seed, "dirichlet").dirichlet(concentration * np.maximum(a, 0.02), len(self.base))

        def make(rows: Array, a: Array) -> tuple[Features, Array]:
            y = np.concatenate([w[:, None] * place.labels(rows) for w, place in zip(a.T, self.maps, strict=True)], 1)
            return self._shaped(mix(self.maps, a, rows).to(_dtype(self.base.x))), y

        return LazyDataset(make, weights, self.base.weights)

    def extend(self, data: LabelledDataset, *, epsilon: float = 0.01) -> GeneralizedGeodesic:
        r"""The same mixtures seen from other points than those of the base: maps out of sample.

        A learned map carries any point. A plan does so by its potential g: $T(z) = \sum_j s_j x'_j$ with
        $s_j \propto b_j \exp((g_j - c(z, j))/\varepsilon)$ (Seguy et al. 2018), a mean of the few source
        points that are nearest in reduced cost; also a base point is sent to such a mean, not just to its match.

        Args:
            data: points with the features and the classes of the base.
            epsilon: blur of the maps of a plan, in multiples of the mean cost.

        Raises:
            IncompatibleError: if features or classes differ, or the plans came from `Stratified` or `Sliced`, whose
                parts or lines have no common potential.
            InvalidInputError: if `epsilon` is not positive and finite.
        """
        admit_datasets(data=data)
        if data.x.shape[1:] != self.base.x.shape[1:] or data.classes != self.base.classes:
            raise IncompatibleError(
                f"`data` must have the features and classes of the base {self.base!r}, got {data!r}."
            )
        check_positive("epsilon", epsilon)
        data = data.subset(data.weights > 0)
        return _path(data, self.anchors, self.anchors.carry(data, epsilon), self.converged)

    def distance_to_base(self, point: PointLike, /) -> float:
        r"""Distance of the dataset at `point` to the base in closed form, $\sqrt{a^\top G a}$: no transport solve.

        Where `label_shift` is not 0 it is that of the shifted label distances, and so is the projection.
        """
        a = np.array(self.domain.point(point))
        return float(np.sqrt(max(a @ self.gram @ a, 0.0)))

    def project(self) -> Projection:
        """The mixture nearest to the base: the projection of the base onto the hull of the sources."""
        return project_onto_simplex(self.gram)

    def _shaped(self, x: Tensor) -> Features:
        """(r, d) values in the shape and kind of the base's points."""
        shaped = x.reshape(len(x), *self.base.x.shape[1:])
        return shaped if isinstance(self.base.x, Tensor) else shaped.cpu().numpy()

    def __repr__(self) -> str:
        return f"GeneralizedGeodesic(base={self.base!r}, sources={self.names})"


def _path(
    base: LabelledDataset, anchors: Anchors, maps: Sequence[TransportMap], converged: bool
) -> GeneralizedGeodesic:
    """The path of these maps from `base` to the sources of `anchors`."""
    return GeneralizedGeodesic(
        base,
        tuple(anchors.sources),
        tuple(maps),
        union_labels(anchors.sources),
        anchors.gram(base, maps),
        0.0 if anchors.table is None else anchors.table.shift,
        converged,
        anchors,
    )


def _dtype(x: Features) -> torch.dtype:
    return x.dtype if isinstance(x, Tensor) else torch.from_numpy(np.empty(0, x.dtype)).dtype
