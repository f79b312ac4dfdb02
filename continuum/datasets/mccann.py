r"""The geodesic between two labelled datasets."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar

from scipy.sparse import csr_array

from continuum.core import Interval, LazyEndpoints, Point, PointLike

from .distance import otdd
from .label_metrics import LabelMetric
from .labelled import LabelledDataset, take
from .mixture import admit_sources, mix_features, mix_labels, union_labels

__all__ = ["McCann"]


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
