"""How far apart the features or the labels of two instances are: what makes a ground cost of two arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import GroundCost, TableCost, admit_array

__all__ = ["InstanceMetric", "TableMetric", "are_one_point", "ground_cost"]

InstanceMetric = Callable[[Any, Any], GroundCost]  # of (n, d) and (m, d), such as the classes of `continuum.measures`


@dataclass(frozen=True, eq=False)
class TableMetric:
    """Distances that are looked up, between labels of which there are few: those of classes, say.

    Args:
        table: distance between label k and label l, (K, K), such as a table of class distances.
        labels: the labels that its rows and columns stand for, (K, dim_y); None for the numbers 0 to K - 1.

    Raises:
        InvalidInputError: if shapes do not fit, or for NaN.

    Example:
        >>> from continuum.measures import matrix
        >>> matrix(TableMetric([[0.0, 2.0], [2.0, 0.0]])([[0], [1]], [[1]])).ravel().tolist()
        [2.0, 0.0]
    """

    table: Any
    labels: Any = None

    def __post_init__(self) -> None:
        table = np.asarray(admit_array(self.table, "table", ndim=2).cpu())
        labels = np.arange(len(table))[:, None] if self.labels is None else self.labels
        labels = np.asarray(admit_array(labels, "labels", ndim=2).cpu())
        if table.shape != (len(labels), len(labels)):
            raise InvalidInputError(
                f"`table` must be ({len(labels)}, {len(labels)}) for {len(labels)} labels, got {table.shape}."
            )
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "labels", labels)

    def __call__(self, y: Any, others: Any) -> TableCost:
        """The cost between labels (n, dim_y) and (m, dim_y).

        Raises:
            InvalidInputError: if a label is none of the table's.
        """
        return TableCost(self.table, self._places(y), self._places(others))

    def _places(self, y: Any) -> NDArray[np.intp]:
        rows = np.asarray(y, np.float64)
        known = {label.tobytes(): place for place, label in enumerate(self.labels + 0.0)}
        found = [known.get(row.tobytes()) for row in rows + 0.0]  # + 0.0: -0.0 and 0.0 are one label
        if None in found:
            raise InvalidInputError(
                f"label {rows[found.index(None)].tolist()} is none of the {len(self.labels)} that `table` knows."
            )
        return np.array(found)


def ground_cost(metric: InstanceMetric, points: Tensor, others: Tensor, what: str) -> GroundCost:
    """The cost that `metric` makes of two clouds, if it is one.

    Raises:
        IncompatibleError: if the clouds differ in dimension.
        InvalidInputError: if it is none.
    """
    if points.shape[1] != others.shape[1]:
        raise IncompatibleError(
            f"{what} of source and target have {points.shape[1]} and {others.shape[1]} dimensions; embed both into "
            "one space, or give them weight 0."
        )
    cost = metric(points, others)
    wanted = len(points), len(others)
    if not isinstance(cost, GroundCost) or tuple(cost.shape) != wanted:
        raise InvalidInputError(
            f"the metric of {what} must make a ground cost of shape {wanted}, such as Euclidean does, got {cost!r:.80}."
        )
    return cost


def are_one_point(*clouds: Tensor) -> bool:
    """Whether all points of clouds (n, d) are one, up to the last bit."""
    return all(torch.equal(cloud, clouds[0][:1].expand_as(cloud)) for cloud in clouds)
