r"""The monotone map between two grids that costs least.

Isotonic regression under any cost: the sum runs over the cost $c_{ik}$ of matching point $i$ with candidate $k$ instead
of squares of differences. Dynamic programming finds the exact minimum of $\sum_i c_{i k(i)}$ over all
$k(1) \le k(2) \le \dots$; with $c_{ik} = w_i (y_i - k)^2$ it is weighted isotonic regression.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matching", "monotone_matching"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_TIE = 1e-9  # of the range of the costs


class Matching(NamedTuple):
    """An optimal monotone map, and the range of all of them.

    Attributes:
        first: the lowest optimal candidate of each point; these are an optimal map themselves.
        last: the highest one, likewise.
        cost: the sum that they share.
    """

    first: Indices
    last: Indices
    cost: float


def monotone_matching(cost: Array, *, increasing: bool) -> Matching:
    """The monotone maps of least cost.

    Args:
        cost: finite, (points, candidates).
        increasing: whether the candidates may only rise from point to point, or only fall.

    Example:
        >>> monotone_matching(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.5]]), increasing=True).first
        array([0, 1, 1])
    """
    if not increasing:
        found = monotone_matching(cost[:, ::-1], increasing=True)
        return Matching(cost.shape[1] - 1 - found.last, cost.shape[1] - 1 - found.first, found.cost)
    before = _cheapest_up_to(cost)
    after = _cheapest_up_to(cost[::-1, ::-1])[::-1, ::-1]
    through = before + after - cost  # the least cost of a map that takes point i to candidate k
    best = float(through[0].min())
    is_optimal = through <= best + _TIE * max(float(np.ptp(cost)), np.finfo(float).tiny)
    last = cost.shape[1] - 1 - is_optimal[:, ::-1].argmax(axis=1)
    return Matching(is_optimal.argmax(axis=1), last, best)


def _cheapest_up_to(cost: Array) -> Array:
    """Least cost of the points so far, if the last of them goes to a candidate: row by row."""
    found = np.empty_like(cost)
    found[0] = cost[0]
    for i in range(1, len(cost)):
        found[i] = cost[i] + np.minimum.accumulate(found[i - 1])
    return found
