"""Mixup: the baseline path, which pairs points at random."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np

from continuum.core import InvalidInputError, LazyEndpoints, Point, PointLike, Simplex, is_whole, rng_for

from .labelled import LabelledDataset, take
from .mixture import admit_sources, mix_features, mix_labels, union_labels

__all__ = ["Mixup"]


@dataclass(frozen=True, eq=False)
class Mixup:
    r"""Blends of randomly paired points: $x = \sum_i a_i x^i_{\sigma_i(k)}$, labels likewise on the disjoint union.

    The coupling of Zhang et al. (2018), between datasets: what an optimal transport path must beat. Each source is
    shuffled on its own and cut to the length of the shortest.

    Args:
        sources: datasets by name, at least one, of one feature shape.
        n: number of points; None for the size of the smallest source.
        seed: seed of the pairing.
    """

    sources: Mapping[str, LabelledDataset]
    _: KW_ONLY
    n: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        admit_sources(self.sources)
        shortest = min(map(len, self.sources.values()))
        if self.n is not None and not (is_whole(self.n) and 1 <= self.n <= shortest):
            raise InvalidInputError(f"`n` must be between 1 and the smallest source's {shortest}, got {self.n}.")

    @property
    def domain(self) -> Simplex:
        return Simplex(tuple(self.sources))

    @cached_property
    def _drawn(self) -> list[LabelledDataset]:
        """Each source in its random order; points of unequal weight are drawn in proportion to it."""
        n = self.n or min(map(len, self.sources.values()))
        drawn = []
        for name, data in self.sources.items():
            rng = rng_for(self.seed, "mixup", name)
            uniform = np.ptp(data.weights) <= 1e-9 * data.weights.max()  # up to the rounding of a normalisation
            rows = rng.permutation(len(data))[:n] if uniform else rng.choice(len(data), n, p=data.weights)
            drawn.append(LabelledDataset(take(data.x, rows), data.y[rows], None, data.classes))
        return drawn

    def at(self, point: PointLike, /) -> LabelledDataset:
        a = self.domain.point(point)
        y = mix_labels(a, [data.probabilities for data in self._drawn])
        return LabelledDataset(mix_features(a, [data.x for data in self._drawn]), y, None, union_labels(self.sources))

    @property
    def endpoints(self) -> Mapping[Point, LabelledDataset]:
        """The shuffled sources themselves."""
        return LazyEndpoints(self.domain.vertices(), self._endpoint)

    def _endpoint(self, vertex: Point) -> LabelledDataset:
        x = self._drawn[vertex.index(1.0)].x
        y = mix_labels(vertex, [part.probabilities for part in self._drawn])
        return LabelledDataset(copy.deepcopy(x), y, None, union_labels(self.sources))

    def __repr__(self) -> str:
        return f"Mixup(sources={tuple(self.sources)}, n={self.n}, seed={self.seed})"
