"""The network simplex method of POT, on all pairs or on a list of pairs: the only door to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import ot
from numpy.typing import NDArray
from scipy.sparse import coo_array
from torch import Tensor

from .quiet import Quiet

__all__ = ["Basis", "Flow", "dense_simplex", "sparse_simplex", "staircase"]

Array = NDArray[Any]
_QUIET = Quiet(r"ot\.")  # it warns where it stops early: `Basis.optimal` says so, and the solver in the end


@dataclass(frozen=True, eq=False)
class Flow:
    """Masses (k,) that go from points `rows` (k,) to points `columns` (k,)."""

    rows: Array
    columns: Array
    masses: Array


@dataclass(frozen=True, eq=False)
class Basis:
    """Where the simplex method stopped: a flow, potentials, and whether they are optimal."""

    flow: Flow
    f: Array
    g: Array
    optimal: bool


def dense_simplex(cost: Array, a: Array, b: Array, max_iterations: int) -> Basis:
    """Optimal flow for a cost matrix (n, m)."""
    low, unit = _unit(cost)
    scaled = np.subtract(cost, low, order="C")
    scaled /= unit
    with _QUIET:
        flow, log = ot.emd(a, b, scaled, numItermax=max_iterations, log=True)
    places = np.flatnonzero(flow > 0)  # of numbers, or in pairs, this would take ten times as long
    rows, columns = np.divmod(places, flow.shape[1])
    f, g = log["u"] * unit + low, log["v"] * unit
    return Basis(Flow(rows, columns, flow.ravel()[places]), f, g, log["warning"] is None)


def sparse_simplex(rows: Array, columns: Array, costs: Array, a: Array, b: Array, max_iterations: int) -> Basis:
    """Optimal flow among those that use the listed pairs only; they must allow one, and none may occur twice."""
    low, unit = _unit(costs)
    scaled = costs - low
    scaled /= unit
    listed = coo_array((scaled, (rows, columns)), shape=(len(a), len(b)))
    with _QUIET:
        flow, log = ot.emd(a, b, listed, numItermax=max_iterations, log=True)
    kept = flow.data > 0
    f, g = log["u"] * unit + low, log["v"] * unit
    rows, columns = flow.coords
    return Basis(Flow(rows[kept], columns[kept], flow.data[kept]), f, g, log["warning"] is None)


def staircase(a: Tensor, b: Tensor) -> Flow:
    """The plan that pours one side into the other in the order of the points (north-west corner rule)."""
    heights = [side.cumsum(0).cpu().numpy() / float(side.sum()) for side in (a, b)]
    steps = np.unique(np.concatenate(heights).clip(max=1.0))
    masses = np.diff(steps, prepend=0.0)
    rows, columns = (np.searchsorted(height, steps - masses / 2).clip(max=len(height) - 1) for height in heights)
    return Flow(rows, columns, masses)


def _unit(costs: Array) -> tuple[float, float]:
    # POT calls a problem with negative costs infeasible and has absolute tolerances: hand it costs between 0 and 1.
    low = float(costs.min())
    spread = float(costs.max()) - low
    return low, 2.0 ** math.frexp(spread)[1] if spread > 0 else 1.0  # a power of 2 rounds nothing
