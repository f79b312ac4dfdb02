r"""Exact transport over a short list of pairs: column generation for the optimal transport linear programme.

Of the n m pairs an optimal plan uses n + m - 1 at most, and good potentials tell where they are: a pair can carry mass
only if its reduced cost $c_{ij} - f_i - g_j$ is near 0. So the network simplex is given, instead of all pairs, those of
small reduced cost. Its potentials are then tested on all pairs, which takes one look at every entry of the cost and no
memory: a c-transform makes them feasible, hence a certified lower bound, and lists the pairs for the next round. The
two bounds meet at the optimum of the whole problem.

Two things keep the number of rounds small. The first potentials come from the same algorithm on every fourth point,
and so on down to a problem that is solved as it is. And no listed pair has to carry mass at any price: for a penalty
mass may be left over, so that potentials move by no more than it (the box step of Marsten, Hogan & Blankenship 1975);
what is left over is then matched on its own. A short list with an optimality test is the idea of Gottschlich &
Schuhmacher (2014), the hierarchy that of Schmitzer (2016) without its geometry: nothing is assumed of the cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .rows import CostRows
from .simplex import Flow, dense_simplex, sparse_simplex, staircase

__all__ = ["Found", "c_transform", "shortlist_transport"]

Array = NDArray[Any]
_STEP = 4  # a coarser problem has every fourth point of each side
_FEW = 250  # points up to which a side is not thinned out
_THIN, _WORTH_IT = 6, 240  # a problem that is taken as a whole starts from every sixth point, of so many or more
_SMALL = 250_000  # pairs up to which the simplex method takes them all: listing would cost more
_PER_POINT = 80  # listed pairs a point; measured: 60 to 120 cost the same within a third, fewer need more rounds
_SAMPLE = 128  # points that set the threshold of the list
_COARSE_ROUNDS = 4  # potentials of a coarser problem are a start: they need not be the best
_NARROW, _WIDER = 3.0, 1.5  # the first penalty in thresholds, and its growth while mass is left over
_LEFT_OVER = 1e-10  # part of a point's mass below which it is rounding
_STALLED = 8.0  # its growth after a round without progress
_IDLE = 3  # rounds without progress after which rounding is to blame,
_BLAMED = 0.1  # if it is such a part of the gap


@dataclass(frozen=True, eq=False)
class Found:
    """A feasible plan, the best feasible potentials, and the bounds that they certify."""

    flow: Flow
    f: Tensor
    g: Tensor
    lower: float
    upper: float
    rounds: int
    converged: bool


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Listed pairs (row, column) and what they cost, (k,) each."""

    rows: Array
    columns: Array
    costs: Array


class _Growing:
    """A list of pairs that is found piece by piece.

    Pieces go into arrays that are there: thousands of small ones, joined in the end, would leave a heap full of holes
    (0.6 GB of them for 60,000 points).
    """

    def __init__(self, capacity: int) -> None:
        self._arrays = [np.empty(capacity, dtype) for dtype in (np.int32, np.int32, np.float64)]
        self._size = 0

    def extend(self, rows: Tensor, columns: Tensor, costs: Tensor) -> None:
        stop = self._size + len(rows)
        if stop > len(self._arrays[0]):
            self._arrays = [np.concatenate([array, np.empty(stop, array.dtype)]) for array in self._arrays]
        for array, piece in zip(self._arrays, (rows, columns, costs), strict=True):
            array[self._size : stop] = piece.cpu().numpy()
        self._size = stop

    @property
    def pairs(self) -> _Pairs:
        return _Pairs(*(array[: self._size] for array in self._arrays))


@dataclass(frozen=True, eq=False)
class _Look:
    """What one look at the whole cost tells: the c-transform f of g, and what reduced costs are small and large."""

    f: Tensor
    threshold: float  # below which there are about `_PER_POINT` pairs a row
    largest: float  # in a sample


def shortlist_transport(
    cost: CostRows,
    a: Tensor,
    b: Tensor,
    *,
    tolerance: float = 0.0,
    relative: float = 0.0,
    max_rounds: int,
    max_iterations: int,
) -> Found:
    """Optimal plan between positive masses `a` (n,) and `b` (m,), which sum to 1.

    Args:
        cost: the cost, by rows.
        a: positive source masses.
        b: positive target masses.
        tolerance: gap between the bounds at which to stop, in the unit of the cost.
        relative: the same, as a part of the upper bound; the larger of the two counts.
        max_rounds: rounds after which to stop.
        max_iterations: pivots of the simplex method in a round.
    """
    if math.prod(cost.shape) <= _SMALL:
        return _take_all(cost, a, b, max_iterations)
    g = _coarse_potential(cost, a, b, max_iterations)
    look, listed = _look(cost, g, 0)
    penalty = _NARROW * look.threshold or look.largest
    plan = staircase(a, b)
    lower, upper, potentials = -math.inf, _value(cost, plan), (look.f, g)
    rounds = idle = 0

    def done(lower: float, upper: float) -> bool:
        return upper - lower <= max(tolerance, relative * abs(upper))

    while True:
        margin = float(a @ cost.rounding(g))
        bound = float(a @ look.f + b @ g) - margin
        idle = 0 if bound > lower + margin / 10 else idle + 1
        if bound > lower:
            lower, potentials = bound, (look.f, g)
        if done(lower, upper) or rounds >= max_rounds or (idle > _IDLE and margin > _BLAMED * (upper - lower)):
            break
        flow, g, optimal = _solve_listed(listed, look.f, g, a, b, penalty, max_iterations)
        flow, complete = _complete(cost, flow, a, b, max_iterations)
        if (value := _value(cost, flow)) < upper:
            upper, plan = value, flow
        rounds = rounds + 1 if optimal else max_rounds
        if done(lower, upper):
            break
        penalty *= 1.0 if complete else _STALLED if idle else _WIDER
        look, tight = _look(cost, g, rounds)
        listed = _join(tight, _used(cost, flow), listed if idle else _near(listed, look, g), m=len(b))
        del tight  # or it would be kept beside the list while that is solved
    return Found(plan, *potentials, lower, upper, rounds, done(lower, upper))


def _value(cost: CostRows, flow: Flow) -> float:
    return float(flow.masses @ cost.entries(flow.rows, flow.columns))


def _take_all(cost: CostRows, a: Tensor, b: Tensor, max_iterations: int) -> Found:
    """A problem small enough for the simplex method to see all of it."""
    c = cost.whole()
    f, g = _first_potentials(c, a, b, max_iterations)
    basis = dense_simplex((c - g).sub_(f[:, None]).cpu().numpy(), a.cpu().numpy(), b.cpu().numpy(), max_iterations)
    flow = basis.flow if basis.optimal else staircase(a, b)
    g = g + torch.as_tensor(basis.g, device=b.device)
    f = (c - g).amin(1)
    lower = float(a @ f + b @ g) - float(a @ cost.rounding(g))
    return Found(flow, f, g, lower, _value(cost, flow), 1, basis.optimal)


def _first_potentials(c: Tensor, a: Tensor, b: Tensor, max_iterations: int) -> tuple[Tensor, Tensor]:
    """Feasible potentials from a few of the points: the simplex method is a little faster on what they leave."""
    if min(c.shape) < _WORTH_IT:
        return a.new_zeros(len(a)), b.new_zeros(len(b))
    some_a, some_b = ((side / side.sum()).cpu().numpy() for side in (a[::_THIN], b[::_THIN]))
    basis = dense_simplex(c[::_THIN, ::_THIN].cpu().numpy(), some_a, some_b, max_iterations)
    g = (c[::_THIN] - torch.as_tensor(basis.f, device=a.device)[:, None]).amin(0)
    return (c - g).amin(1), g


def _coarse_potential(cost: CostRows, a: Tensor, b: Tensor, max_iterations: int) -> Tensor:
    """Potential of all columns: the c-transform of the row potential of a problem with every fourth point."""
    rows, columns = (slice(None, None, _STEP if len(masses) > _FEW else 1) for masses in (a, b))
    some_a, some_b = a[rows] / a[rows].sum(), b[columns] / b[columns].sum()
    found = shortlist_transport(
        cost.pick(rows, columns),
        some_a,
        some_b,
        max_rounds=_COARSE_ROUNDS,
        max_iterations=max_iterations,
    )
    return c_transform(cost.pick(rows, slice(None)).transposed(), found.f)


def c_transform(cost: CostRows, g: Tensor) -> Tensor:
    """min_j c(i, j) - g_j for each row: the largest f with f_i + g_j <= c(i, j)."""
    return torch.cat([cost.reduced(part, g).amin(1) for part in _parts(cost)]).double()


def _parts(cost: CostRows) -> Iterator[slice]:
    for start in range(0, cost.shape[0], cost.height):
        yield slice(start, min(start + cost.height, cost.shape[0]))


def _look(cost: CostRows, g: Tensor, seed: int) -> tuple[_Look, _Pairs]:
    """A look at all pairs with the potential g of the columns, and those that are nearly tight."""
    threshold, largest = _scale(cost, g)
    tight, found = [], _Growing(2 * _PER_POINT * cost.shape[0])
    for part in _parts(cost):
        reduced = cost.reduced(part, g)
        f = reduced.amin(1)
        places = _places(reduced <= (f + threshold)[:, None], seed)
        i, j = places // cost.shape[1], places % cost.shape[1]
        tight.append(f.double())
        found.extend(i + part.start, j, reduced.flatten()[places].double() + g[j])
    return _Look(torch.cat(tight), threshold, largest), found.pairs


def _scale(cost: CostRows, g: Tensor) -> tuple[float, float]:
    """Reduced cost below which there are `_PER_POINT` pairs a row, and the largest, by the rows of a sample."""
    n = cost.shape[0]
    # Multiples of the golden ratio: evenly spread, and not in step with the points of the coarser problem.
    rows = torch.unique((torch.arange(min(n, _SAMPLE)) * 0.6180339887 % 1 * n).long()).to(g.device)
    reduced = cost.reduced(rows, g)
    reduced = (reduced - reduced.amin(1, keepdim=True)).flatten()
    threshold = reduced.kthvalue(min(len(rows) * _PER_POINT, reduced.numel())).values
    return float(threshold), float(reduced.max())


def _places(mask: Tensor, seed: int) -> Tensor:
    """Flat indices where `mask` holds; a random part of them, another each round, where ties make them many."""
    places = mask.flatten().nonzero().flatten()
    most = 8 * _PER_POINT * len(mask)
    if len(places) <= most:
        return places
    keep = np.random.default_rng(seed).choice(len(places), most, replace=False)
    return places[torch.as_tensor(np.sort(keep), device=places.device)]


def _solve_listed(
    pairs: _Pairs, f: Tensor, g: Tensor, a: Tensor, b: Tensor, penalty: float, max_iterations: int
) -> tuple[Flow, Tensor, bool]:
    """Best plan over the listed pairs in which mass may be left over for `penalty`; the potential of the columns."""
    n, m = len(a), len(b)
    reduced = pairs.costs - f.cpu().numpy()[pairs.rows] - g.cpu().numpy()[pairs.columns]
    # One more point on each side takes what is left over.
    ends = np.arange(max(n, m) + 1, dtype=np.int32)
    rows = np.concatenate([pairs.rows, ends[:n], np.full(m + 1, n, np.int32)])
    columns = np.concatenate([pairs.columns, np.full(n, m, np.int32), ends[: m + 1]])
    costs = np.concatenate([reduced, np.full(n + m, penalty), [0.0]])
    del reduced
    some_a, some_b = (np.append(side.cpu().numpy(), 1.0) / 2 for side in (a, b))
    basis = sparse_simplex(rows, columns, costs, some_a, some_b, max_iterations)
    flow = basis.flow
    inner = (flow.rows < n) & (flow.columns < m)
    moved = torch.as_tensor(basis.g[:m] - basis.g[:m].mean(), device=g.device)  # a constant would cost digits
    return Flow(flow.rows[inner], flow.columns[inner], 2 * flow.masses[inner]), g + moved, basis.optimal


def _complete(cost: CostRows, flow: Flow, a: Tensor, b: Tensor, max_iterations: int) -> tuple[Flow, bool]:
    """`flow` and a plan of what it leaves over; whether it left nothing."""
    left = [
        masses.cpu().numpy() - np.bincount(places, flow.masses, len(masses))
        for masses, places in ((a, flow.rows), (b, flow.columns))
    ]
    rows, columns = (
        (rest > _LEFT_OVER * side.cpu().numpy()).nonzero()[0] for rest, side in zip(left, (a, b), strict=True)
    )
    if len(rows) == 0 or len(columns) == 0:
        return flow, True
    some_a, some_b = (
        torch.as_tensor(rest[places] / rest[places].sum(), device=a.device)
        for rest, places in zip(left, (rows, columns), strict=True)
    )
    if 4 * len(rows) * len(columns) > math.prod(cost.shape):
        rest = staircase(some_a, some_b)
    else:
        inner = cost.pick(*(torch.as_tensor(places, device=a.device) for places in (rows, columns)))
        rest = shortlist_transport(inner, some_a, some_b, max_rounds=_COARSE_ROUNDS, max_iterations=max_iterations).flow
    added = rest.masses * left[0][rows].sum()
    return Flow(
        np.concatenate([flow.rows, rows[rest.rows]]),
        np.concatenate([flow.columns, columns[rest.columns]]),
        np.concatenate([flow.masses, added]),
    ), False


def _near(pairs: _Pairs, look: _Look, g: Tensor) -> _Pairs:
    """The pairs that are still nearly tight."""
    reduced = pairs.costs - look.f.cpu().numpy()[pairs.rows] - g.cpu().numpy()[pairs.columns]
    keep = reduced <= look.threshold
    return _Pairs(pairs.rows[keep], pairs.columns[keep], pairs.costs[keep])


def _used(cost: CostRows, flow: Flow) -> _Pairs:
    return _Pairs(flow.rows, flow.columns, cost.entries(flow.rows, flow.columns))


def _join(*lists: _Pairs, m: int) -> _Pairs:
    """All pairs of several lists, each once."""
    rows, columns, costs = (
        np.concatenate(parts) for parts in zip(*((p.rows, p.columns, p.costs) for p in lists), strict=True)
    )
    _, first = np.unique(rows.astype(np.int64) * m + columns, return_index=True)
    return _Pairs(rows[first], columns[first], costs[first])
