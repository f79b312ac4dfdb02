"""Transport under a cost that sees nothing of a point but its class.

All that counts of a plan then is how much mass goes from class to class: a problem between K and L classes, however
many points they have. Inside a pair of classes all plans cost the same, and the mass is poured in the order of the
points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from .cost import TableCost, WeightedSum
from .simplex import Flow, staircase

__all__ = ["class_cost", "class_masses", "poured"]

Array = NDArray[Any]


def class_cost(cost: Any) -> TableCost | None:
    """`cost` as a table between classes; None if it sees more of a point."""
    if isinstance(cost, WeightedSum) and len(cost.active) == 1:
        ((weight, part),) = cost.active
        inner = class_cost(part)
        return None if inner is None else TableCost(weight * inner.table, inner.rows, inner.columns)
    return cost if isinstance(cost, TableCost) else None


def class_masses(cost: TableCost, a: Tensor, b: Tensor) -> tuple[Float[Tensor, " k"], Float[Tensor, " l"]]:
    """What the source classes and the target classes weigh."""
    k, m = cost.table.shape
    return cost.rows.bincount(a, k), cost.columns.bincount(b, m)


def poured(between: csr_array, rows: Int[Tensor, " n"], columns: Int[Tensor, " m"], a: Tensor, b: Tensor) -> Flow:
    """A plan between classes as a plan between their points.

    Args:
        between: mass that goes from class to class, (k, l).
        rows: class of each source point.
        columns: class of each target point.
        a: source masses, (n,).
        b: target masses, (m,).
    """
    i, j = between.nonzero()
    lots = between[i, j]
    # Each lot of mass, from one class to another, is dealt out to the points of either; lot by lot these then meet.
    sources = _within(i, lots, rows.cpu().numpy(), a.cpu().numpy())
    targets = _within(j, lots, columns.cpu().numpy(), b.cpu().numpy())
    joint = _within(sources.rows, sources.masses, targets.rows, targets.masses)
    return Flow(sources.columns[joint.rows], targets.columns[joint.columns], joint.masses)


def _within(groups: Array, masses: Array, other_groups: Array, others: Array) -> Flow:
    """The staircases of two lists of masses within each group, which weighs the same on both sides."""
    left, right = dict(_members(groups, masses)), dict(_members(other_groups, others))
    flows = []
    for group in sorted(left.keys() & right.keys()):
        rows, columns = left[group], right[group]
        flow = staircase(torch.from_numpy(masses[rows]), torch.from_numpy(others[columns]))
        flows.append((rows[flow.rows], columns[flow.columns], flow.masses * others[columns].sum()))
    return Flow(*(np.concatenate(parts) for parts in zip(*flows, strict=True)))


def _members(groups: Array, masses: Array) -> Iterator[tuple[int, Array]]:
    """Each group with the places of its masses that are not 0."""
    order = np.argsort(groups, kind="stable")
    order = order[masses[order] > 0]
    names, starts = np.unique(groups[order], return_index=True)
    return zip(names.tolist(), np.split(order, starts[1:]), strict=True)
