"""The sources of a path, and what carries points to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError
from continuum.measures import GroundCost, Plan, Sliced, SolverLike

from .fitted_map import FittedMap
from .label_geometry import LabelTable
from .labelled import LabelledDataset
from .maps import Averages, TransportMap, entropic_map
from .neural_map import NeuralMap
from .pair_problem import PairProblem

__all__ = ["Anchors"]

Array = NDArray[Any]
_BLOCK = 2048  # points whose moves are in memory at a time


@dataclass(frozen=True, eq=False)
class Anchors:
    """The sources of a path, the geometry they are seen in, and what carries other points to them.

    Attributes:
        sources: datasets by name.
        table: distances between the labels of the base, the first of it, and of the sources; None if they do not count.
        feature_weight: weight of squared feature distances.
        label_weight: weight of squared label distances.
        carriers: for each source the potential of its points (m,), a learned map, or None if there is neither.
    """

    sources: Mapping[str, LabelledDataset]
    table: LabelTable | None
    feature_weight: float
    label_weight: float
    carriers: tuple[Tensor | FittedMap | None, ...] = ()

    def carried_by(self, carriers: Sequence[Tensor | FittedMap | None]) -> Anchors:
        """The same with these carriers."""
        return replace(self, carriers=tuple(carriers))

    def cost(self, base: LabelledDataset, place: int) -> GroundCost:
        """Between a base and the `place`-th source, counted from 1."""
        return self._problem(base, place).cost

    def plan(self, base: LabelledDataset, place: int, solver: SolverLike) -> Plan:
        """Plan from `base` to the `place`-th source."""
        problem = self._problem(base, place)
        return replace(problem, embedded=isinstance(solver, Sliced)).solve(solver)

    def _problem(self, base: LabelledDataset, place: int) -> PairProblem:
        source = list(self.sources.values())[place - 1]
        return PairProblem(base, source, self.table, (0, place), self.feature_weight, self.label_weight)

    def learn(self, base: LabelledDataset, network: NeuralMap) -> list[FittedMap]:
        """Maps from `base` to every source."""
        return [
            network.fit(
                base,
                source,
                None if self.table is None else self.table.block(0, place),
                feature_weight=self.feature_weight,
                label_weight=self.label_weight,
            )
            for place, source in enumerate(self.sources.values(), start=1)
        ]

    def carry(self, data: LabelledDataset, epsilon: float) -> list[TransportMap]:
        """Where `data` goes in every source."""
        maps: list[TransportMap] = []
        for place, (name, source) in enumerate(self.sources.items(), start=1):
            carrier = self.carriers[place - 1]
            if carrier is None:
                raise IncompatibleError(
                    f"the map to {name!r} came from Stratified() or Sliced(), whose parts or lines have no common "
                    "potential; fit it with Exact(), Streamed(), Sinkhorn(epsilon) or NeuralMap()."
                )
            if isinstance(carrier, FittedMap):
                maps.append(Averages(*carrier.push(data)))
                continue
            cost = self.cost(data, place)
            unit = float(cost.block(_sample(len(data)), _sample(len(source))).mean())
            maps.append(entropic_map(cost, carrier, epsilon * unit or epsilon, source))
        return maps

    def gram(self, base: LabelledDataset, maps: Sequence[TransportMap]) -> Array:
        r"""$\int \langle T_i - \mathrm{id}, T_j - \mathrm{id} \rangle\, dQ$ of features and label coordinates."""
        gram, shares = np.zeros((len(maps), len(maps))), base.probabilities
        for first in range(0, len(base), _BLOCK):
            rows = slice(first, first + _BLOCK)
            x = base.features(rows).double()
            roots = torch.as_tensor(base.weights[rows], device=x.device).sqrt()[:, None]
            gram += self.feature_weight * _products([roots * (place.features(rows) - x) for place in maps])
            if self.table is not None:
                start = shares[rows] @ self.table.coordinates(0)
                ends = [place.labels(rows) @ self.table.coordinates(k) for k, place in enumerate(maps, start=1)]
                gram += self.label_weight * _products([roots.cpu() * torch.as_tensor(end - start) for end in ends])
        return gram


def _sample(n: int) -> slice:
    """Every so-manieth of `n` points, some hundred of them."""
    return slice(None, None, max(1, n // 512))


def _products(moves: Sequence[Tensor]) -> Array:
    flat = torch.stack([move.flatten() for move in moves])
    return np.asarray((flat @ flat.T).cpu().numpy())
