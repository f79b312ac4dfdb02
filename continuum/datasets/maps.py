"""Where the points of a base go: transport maps as the paths hold them.

A plan between two sets of equal mass is a matching, and a matching is a list of indices: a map of 60,000 points then
takes 240 kB beside the source itself, and nothing is averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.measures import GroundCost, Plan, barycentric_projection

from .labelled import LabelledDataset

__all__ = ["Averages", "Matching", "TransportMap", "entropic_map", "map_of_plan", "mix"]

Array = NDArray[Any]
Rows = slice | Array
_ENTRIES = 2**24  # of a cost in memory at a time
_ROUNDING = 1e-9  # share of a point that may go elsewhere by rounding


@dataclass(frozen=True, eq=False)
class Matching:
    """Base point k goes to point `indices[k]` of the source.

    Attributes:
        source: the source.
        indices: (n,) int32.
    """

    source: LabelledDataset
    indices: Array

    def features(self, rows: Rows) -> Tensor:
        """Images of some base points as vectors, (r, d)."""
        return self.source.features(self.indices[rows])

    def labels(self, rows: Rows) -> Array:
        """Their label distributions, (r, k)."""
        places = self.indices[rows]
        if self.source.is_soft:
            return np.asarray(self.source.y[places])
        return np.asarray(np.eye(len(self.source.classes))[self.source.codes[places]])

    @property
    def nbytes(self) -> int:
        """Bytes that the map adds to the source."""
        return int(self.indices.nbytes)


@dataclass(frozen=True, eq=False)
class Averages:
    """Base point k goes to a place of its own.

    Attributes:
        images: (n, d).
        distributions: of labels, (n, k).
    """

    images: Tensor
    distributions: Array

    def features(self, rows: Rows) -> Tensor:
        """Images of some base points, (r, d)."""
        return self.images[rows if isinstance(rows, slice) else torch.from_numpy(rows)]

    def labels(self, rows: Rows) -> Array:
        """Their label distributions, (r, k)."""
        return self.distributions[rows]

    @property
    def nbytes(self) -> int:
        """Bytes of the images and the distributions."""
        return int(self.images.nbytes + self.distributions.nbytes)


TransportMap = Matching | Averages


def map_of_plan(plan: Plan, source: LabelledDataset) -> TransportMap:
    """The barycentric projection of a plan; a matching where each base point is sent to one place."""
    coupling = plan.coupling
    if isinstance(coupling, csr_array):
        shares = coupling.data / np.repeat(coupling.sum(1), np.diff(coupling.indptr))
        whole = shares > 1 - _ROUNDING
        if np.count_nonzero(whole) == coupling.shape[0]:  # at most one to a row
            return Matching(source, coupling.indices[whole].astype(np.int32))
    images = barycentric_projection(plan, source.features())
    return Averages(
        images.to(source.features().dtype), barycentric_projection(plan, source.probabilities).cpu().numpy()
    )


def entropic_map(cost: GroundCost, g: Tensor, epsilon: float, source: LabelledDataset) -> Averages:
    r"""A map of any points, also of those that no plan knows.

    $T(z) = \sum_j s_j x'_j$ with $s_j \propto b_j \exp((g_j - c(z, j))/\varepsilon)$, g the potential of the source:
    Seguy et al. (2018), Pooladian & Niles-Weed (2021).

    Args:
        cost: between n points and the m points of `source`.
        g: potential of the source, (m,).
        epsilon: blur, in the unit of the cost.
        source: where the map ends.
    """
    x, probabilities = source.features().to(g), torch.as_tensor(source.probabilities).to(g)
    log_masses = torch.as_tensor(source.weights).to(g).log()
    images, labels = [], []
    n, m = cost.shape
    height = max(1, _ENTRIES // m)
    for start in range(0, n, height):
        closeness = (g - cost.block(slice(start, start + height), slice(None))) / epsilon + log_masses
        shares = closeness.softmax(1)
        images.append((shares @ x).to(source.features().dtype))
        labels.append(shares @ probabilities)
    return Averages(torch.cat(images), torch.cat(labels).cpu().numpy())


def mix(maps: Sequence[TransportMap], weights: Array, rows: Rows) -> Tensor:
    """sum_i w_i T_i of some base points, (r, d); weights (m,), or (r, m) for those of each point.

    A map of weight 0 is not read, and a sole map of weight 1 is copied bit for bit.
    """
    scaled = (_scaled(place.features(rows), w) for w, place in zip(weights.T, maps, strict=True) if np.any(w))
    return reduce(lambda total, image: total + image.to(total.device), scaled)


def _scaled(image: Tensor, w: Array) -> Tensor:
    return image * (float(w) if np.ndim(w) == 0 else torch.as_tensor(w).to(image)[:, None])
