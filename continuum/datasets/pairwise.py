"""Distances between all pairs of several datasets, and the map that they draw."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from continuum.core import InvalidInputError, check_count
from continuum.measures import Sliced, SolverLike, choose_solver

from .label_geometry import LabelTable, label_table
from .label_metrics import Bures, LabelMetric
from .labelled import LabelledDataset, admit_datasets
from .pair_problem import PairProblem, check_pair_memory

__all__ = ["DistanceMatrix", "MapCoordinates", "distance_matrix"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class MapCoordinates:
    """Datasets as points, whose distances are as near as possible to those of the datasets.

    Attributes:
        names: names of the datasets.
        coordinates: (N, dimension), in the unit of `DistanceMatrix.distance`.
        share: part of the variation that the coordinates show, of the absolute eigenvalues; 1 is all of it.
    """

    names: tuple[str, ...]
    coordinates: Array
    share: float


@dataclass(frozen=True, eq=False)
class DistanceMatrix:
    """Dataset distances between all pairs, with their certificates.

    Attributes:
        names: names of the datasets, in the order of the rows.
        squared: squared distances, (N, N), symmetric with zero diagonal.
        lower: certified lower bounds on the optimal squared distances.
        upper: certified upper bounds on them.
        converged: whether the solver met its tolerance, for each pair.
        label_table: squared distances between the labels of all datasets; None if labels have weight 0.
        seconds: wall time of the whole computation.
    """

    names: tuple[str, ...]
    squared: Array
    lower: Array
    upper: Array
    converged: NDArray[np.bool_]
    label_table: LabelTable | None
    seconds: float

    def __repr__(self) -> str:
        count = len(self.names)
        far = self.distance[np.triu_indices(count, 1)]
        spread = f"distances {far.min():.4g} to {far.max():.4g}, " if len(far) else ""
        return f"DistanceMatrix({count} datasets, {spread}converged={bool(self.converged.all())})"

    @property
    def distance(self) -> Array:
        """Square root of `squared`: the metric."""
        return np.asarray(np.sqrt(self.squared))

    def to_frame(self) -> pd.DataFrame:
        """`distance` with the names on both sides."""
        return pd.DataFrame(self.distance, index=list(self.names), columns=list(self.names))

    def coordinates(self, dimension: int = 2) -> MapCoordinates:
        """The map of the datasets, by classical scaling (Torgerson 1952; Gower 1966).

        Signs are arbitrary; they are chosen so that the largest entry of an axis, the first of equal ones, is positive.

        Args:
            dimension: number of coordinates, at most the number of datasets.
        """
        count = len(self.names)
        check_count("dimension", dimension, most=count)
        centring = np.eye(count) - 1.0 / count
        values, vectors = np.linalg.eigh(-0.5 * centring @ self.squared @ centring)
        # Negative eigenvalues are what no map can show: they count.
        total = float(np.abs(values).sum()) or 1.0
        shown, axes = values[::-1][:dimension].clip(min=0), vectors[:, ::-1][:, :dimension]
        share = min(float(shown.sum()) / total, 1.0)
        return MapCoordinates(self.names, axes * _signs(axes) * np.sqrt(shown), share)


def _signs(axes: Array) -> Array:
    sizes = np.abs(axes)
    # Entries of opposite signs are often equally large up to rounding, which must not decide.
    leading = (sizes >= sizes.max(0) * (1 - 1e-9)).argmax(0)
    return np.asarray(np.sign(axes[leading, np.arange(axes.shape[1])]))


def distance_matrix(
    datasets: Mapping[str, LabelledDataset],
    *,
    labels: LabelMetric | None = None,
    solver: SolverLike = "auto",
    feature_weight: float = 1.0,
    label_weight: float = 1.0,
    progress: bool = True,
) -> DistanceMatrix:
    """The distances `otdd` of all pairs of datasets, with the statistics of each class computed once.

    Soft labels are placed in coordinates of all labels of all datasets, so that their distances may differ from those
    of `otdd`, which knows the labels of two.

    Args:
        datasets: labelled datasets by name, with equally many features.
        labels: distance between classes, as in `otdd`.
        solver: as in `otdd`; `Sliced()` for many datasets.
        feature_weight: weight of the features.
        label_weight: weight of the labels; 0 is plain optimal transport of the features.
        progress: whether to show a progress bar in a terminal.

    Raises:
        IncompatibleError: if the numbers of features differ.
        InvalidInputError: if there are no datasets, or a weight is negative or not finite.
        ResourceError: if a plan cannot fit into memory.
    """
    start = time.perf_counter()
    if not isinstance(datasets, Mapping) or not datasets:
        raise InvalidInputError(f"`datasets` must map at least one name to a dataset, got {datasets!r}.")
    admit_datasets(**{f"datasets[{name!r}]": data for name, data in datasets.items()})
    sets, count = list(datasets.values()), len(datasets)
    pairs = list(combinations(range(count), 2))
    choose_solver(solver, 1, 1)  # refuses what is none
    for i, j in pairs:
        check_pair_memory(sets[i], sets[j], solver, feature_weight, label_weight)
    table = label_table(sets, labels or Bures()) if label_weight > 0 else None
    found, converged = np.zeros((3, count, count)), np.ones((count, count), bool)
    for i, j in tqdm(pairs, desc="distances", disable=None if progress else True):
        problem = PairProblem(
            sets[i], sets[j], table, (i, j), feature_weight, label_weight, embedded=isinstance(solver, Sliced)
        )
        plan = problem.solve(solver)
        found[:, i, j] = found[:, j, i] = plan.value, plan.lower, plan.upper
        converged[i, j] = converged[j, i] = plan.converged
    squared, lower, upper = found
    return DistanceMatrix(
        names=tuple(datasets),
        squared=squared,
        lower=lower,
        upper=upper,
        converged=converged,
        label_table=table,
        seconds=time.perf_counter() - start,
    )
