"""The noise floor: how far apart two samples of one dataset are."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np

from continuum.core import InvalidInputError, is_whole, rng_for, warn
from continuum.measures import SolverLike

from .distance import otdd
from .label_metrics import LabelMetric
from .labelled import LabelledDataset, admit_datasets

__all__ = ["NoiseFloor", "noise_floor"]


@dataclass(frozen=True)
class NoiseFloor:
    """Squared distances between disjoint halves of one dataset: what sampling alone makes of a distance of 0.

    Attributes:
        values: squared distance of each random split.
        size: number of points of each half.
        converged: whether every plan met the tolerance of its solver.
    """

    values: tuple[float, ...]
    size: int
    converged: bool

    @property
    def squared(self) -> float:
        """Mean over the splits."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """Standard deviation of one split; NaN of a sole one. Splits share their points, so it is a little too low."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def distance(self) -> float:
        """Square root of `squared`."""
        return math.sqrt(self.squared)


def noise_floor(
    data: LabelledDataset,
    *,
    n: int | None = None,
    splits: int = 5,
    seed: int = 0,
    labels: LabelMetric | None = None,
    solver: SolverLike = "auto",
    feature_weight: float = 1.0,
    label_weight: float = 1.0,
) -> NoiseFloor:
    """Squared OTDD between two disjoint random halves of a dataset, stratified by class.

    A distance of two datasets that is not well above it says nothing. The floor falls as samples grow, so it belongs to
    its `size`: a distance between sets of n points is compared with halves of n points, which takes a dataset of 2 n.
    Halves of fewer points overstate the floor.

    Args:
        data: a labelled dataset; points of weight 0 do not count.
        n: number of points of each half; None for half of the points, rounded down.
        splits: number of random splits.
        seed: seed of the splits.
        labels: distance between classes, see `otdd`.
        solver: solver of the plan, see `otdd`.
        feature_weight: weight of squared feature distances.
        label_weight: weight of squared label distances.

    Returns:
        A `NoiseFloor`. A class of one sample is in one half only, and raises the floor: a `ContinuumWarning` names it.

    Example:
        >>> from continuum.datasets import ExactLabels
        >>> data = LabelledDataset(np.zeros((4, 1)), [0, 0, 1, 1])
        >>> noise_floor(data, labels=ExactLabels()).squared
        0.0
    """
    admit_datasets(data=data)
    data = data.subset(data.weights > 0)
    most = len(data) // 2
    fits = n is None or (is_whole(n) and 1 <= n <= most)
    if not (is_whole(splits) and splits >= 1 and most >= 1 and fits):
        raise InvalidInputError(
            f"`splits` must be at least 1, and `n` between 1 and half of the {len(data)} points of the dataset, got "
            f"splits={splits!r} and n={n!r}."
        )
    counts = np.bincount(data.codes, minlength=len(data.classes))
    if lone := [label for label, count in zip(data.classes, counts, strict=True) if count == 1]:
        warn(f"classes of one sample are in one half only, and raise the noise floor: {lone[:5]}.")
    found = [
        otdd(
            *_halves(data, n or most, rng_for(seed, "noise_floor", split)),
            labels=labels,
            solver=solver,
            feature_weight=feature_weight,
            label_weight=label_weight,
        )
        for split in range(splits)
    ]
    return NoiseFloor(tuple(d.squared for d in found), n or most, all(d.converged for d in found))


def _halves(data: LabelledDataset, n: int, rng: np.random.Generator) -> tuple[LabelledDataset, LabelledDataset]:
    """Two disjoint halves of `n` points, in which the sizes of each class differ by at most one."""
    order = rng.permutation(len(data))
    order = order[np.argsort(data.codes[order], kind="stable")]
    # Evenly spaced in the order of classes: each class keeps its share, and is dealt out to both halves in turn.
    kept = order[np.arange(2 * n) * len(data) // (2 * n)]
    first, second = (_without_empty_classes(data.subset(kept[k::2])) for k in (0, 1))
    return first, second


def _without_empty_classes(data: LabelledDataset) -> LabelledDataset:
    return data if data.is_soft else LabelledDataset(data.x, data.y, data.weights)
