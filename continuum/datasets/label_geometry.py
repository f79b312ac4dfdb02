r"""The geometry of labels: how far apart two classes are as laws of features.

A class is the law of its points. OTDD charges a pair of labels their squared Wasserstein distance, so a table of such
distances is all that transport needs. The table can be turned into coordinates (`LabelTable.coordinates`): then label
terms are squared Euclidean too, which makes soft labels and displacements meaningful.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, warn
from continuum.measures import DiscreteMeasure, check_spread

from .label_metrics import Bures, LabelMetric, SupportsContext, SupportsError
from .labelled import LabelledDataset

__all__ = ["LabelTable", "class_laws", "class_masses", "label_table"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Squared distances between all labels of several datasets.

    Attributes:
        squared: (k, k) symmetric with zero diagonal, k the number of labels of all datasets together; a label without
            mass has distance 0 to all, and no point to use it.
        labels: for each dataset the labels of its rows, in order.
        error: how far each entry may be from the distance that it stands for, (k, k); 0 where it is exact.
        present: which labels have mass, (k,); the others stand at the origin of the coordinates and change nothing.
    """

    squared: Array
    labels: tuple[tuple[Hashable, ...], ...]
    error: Any = 0.0
    present: Any = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", np.broadcast_to(self.error, self.squared.shape))
        object.__setattr__(self, "present", np.broadcast_to(self.present, len(self.squared)))

    def block(self, i: int, j: int) -> Array:
        """Distances between the labels of datasets `i` and `j`."""
        return self.squared[self._rows(i), self._rows(j)]

    def error_block(self, i: int, j: int) -> Array:
        """Errors of the distances between the labels of datasets `i` and `j`."""
        return np.asarray(self.error[self._rows(i), self._rows(j)])

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
        # Classical scaling of the double-centred table (Gower 1966), then Lingoes (1971). Of labels with mass only: the
        # others are at no distance from all, which no points are, and would raise the shift.
        squared = self.squared[np.ix_(self.present, self.present)]
        k = len(squared)
        centring = np.eye(k) - 1.0 / k
        values, vectors = torch.linalg.eigh(torch.as_tensor(-0.5 * centring @ squared @ centring))
        lowest, noise = float(values.min()), 1e-12 * float(values.abs().max())
        shift = -2 * lowest if lowest < -noise else 0.0
        # That of the constant vector too: it moves all labels alike, and eigh may mix it with others of eigenvalue 0.
        raised = (values + shift / 2).clamp(min=0)
        coordinates = np.zeros((len(self.squared), k))
        coordinates[self.present] = (vectors * raised.sqrt()).numpy()
        return coordinates, shift

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
        InvalidInputError: if there is no dataset, `metric` is no label metric, or it gives something else than finite
            distances that are not negative; or if squares of features underflow.
    """
    if isinstance(metric, type) or not isinstance(metric, LabelMetric):
        raise InvalidInputError(
            f"`labels` must be Bures(), ExactLabels(), SlicedLabels() or MeansOnly(), got {metric!r}."
        )
    if not datasets:
        raise InvalidInputError("`datasets` must hold at least one dataset.")
    sizes = [data.dimension for data in datasets]
    if len(set(sizes)) > 1:
        raise IncompatibleError(
            f"datasets have {sizes} features; resize or embed all of them into one space before comparing labels."
        )
    check_spread(*(data.features() for data in datasets))
    for data in datasets:
        _warn_of_small_classes(data, metric)
    described = _descriptions(datasets, metric)
    error_of = metric.error if isinstance(metric, SupportsError) else lambda p, q: 0.0
    names = [(i, label) for i, data in enumerate(datasets) for label in data.classes]
    table, error = np.zeros((2, len(described), len(described)))
    for row, (i, p) in enumerate(described):
        for column, (j, q) in enumerate(described[:row]):
            if p is not None and q is not None and not (cross_only and i == j):
                table[row, column] = table[column, row] = _admitted(metric.squared(p, q), names[column], names[row])
                error[row, column] = error[column, row] = error_of(p, q)
    present = [description is not None for _, description in described]
    return LabelTable(table, tuple(data.classes for data in datasets), error, present)


def _admitted(squared: Any, p: tuple[int, Hashable], q: tuple[int, Hashable]) -> float:
    """A squared distance that is one: a metric may come from elsewhere."""
    try:
        value = float(squared)
    except (TypeError, ValueError):
        value = math.nan
    if 0 <= value < math.inf:
        return value
    (i, one), (j, other) = p, q
    raise InvalidInputError(
        f"the label metric says that {one!r} of dataset {i} and {other!r} of dataset {j} are {squared!r} apart; a "
        "squared distance is a finite number that is not negative."
    )


def _descriptions(datasets: Sequence[LabelledDataset], metric: LabelMetric) -> list[tuple[int, Any]]:
    """All classes in order: the number of the dataset and what the metric knows of the law, None without mass."""
    place = datasets[0].device
    masses = [class_masses(data) for data in datasets]
    laws = [
        ((mass, law) for mass, law in zip(some.tolist(), class_laws(data, place), strict=True) if law is not None)
        for some, data in zip(masses, datasets, strict=True)
    ]
    alone = (metric.describe(law) for classes in laws for _, law in classes)
    found = iter(metric.describe_all(laws)) if isinstance(metric, SupportsContext) else alone
    return [(i, next(found) if mass > 0 else None) for i, some in enumerate(masses) for mass in some]


def _warn_of_small_classes(data: LabelledDataset, metric: LabelMetric) -> None:
    if data.is_soft:  # soft labels often leave a column almost empty, such as at the end of a path
        return
    counts = np.bincount(data.codes[data.weights > 0], minlength=len(data.classes))
    fates = {0: "without any sample are left out"}
    if isinstance(metric, Bures) and metric.unbiased:
        fates[1] = "of one sample have no covariance to estimate: it counts as 0"
    for few, fate in fates.items():
        if found := [label for label, count in zip(data.classes, counts, strict=True) if count == few]:
            warn(f"classes {fate}: {found[:5]}.")


def class_masses(data: LabelledDataset) -> Array:
    """What each class weighs, (k,)."""
    if data.is_soft:
        return np.asarray(data.weights @ data.y)
    return np.bincount(data.codes, data.weights, len(data.classes))


def class_laws(data: LabelledDataset, place: torch.device) -> Iterator[DiscreteMeasure | None]:
    """The law of each class, one at a time, on the device `place`; None for a class without mass."""
    features, masses = data.features(), data.probabilities * data.weights[:, None]
    for column in masses.T:
        member = column > 0
        law = features[torch.as_tensor(member)].to(place), column[member] / (column[member].sum() or 1.0)
        yield DiscreteMeasure(*law) if member.any() else None
