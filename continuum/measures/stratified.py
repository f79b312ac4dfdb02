"""Transport of random parts onto each other: a plan of the whole at the price of many small ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, rng_for

from .cost import FactoredCost, least_cost
from .plan import Plan, sparse_coupling, warn_of_bounds
from .rows import DenseRows
from .shortlist import shortlist_transport
from .simplex import Flow, staircase
from .solvers import Stratified

__all__ = ["stratified"]

Array = NDArray[Any]
_ROUNDS = 100
_PIVOTS = 10**9
_TOLERANCE = 1e-9  # gap of a part, relative to its cost
_ROUNDING = 1e-7  # part of a point that the sum of many masses may cut off or leave by rounding


@dataclass(frozen=True, eq=False)
class _Part:
    """Points of one side, (k,), and their masses, which sum to 1."""

    places: Array
    masses: Array


def stratified(cost: FactoredCost, a: Tensor, b: Tensor, solver: Stratified, strata: tuple[Any, Any] | None) -> Plan:
    """Plan of the whole from exact plans of random parts, see `Stratified`."""
    count = math.ceil(max(cost.shape) / solver.size)
    sides = zip((a, b), strata or (None, None), ("source", "target"), strict=True)
    parts = [_cut(masses.cpu(), labels, count, name, solver.seed) for masses, labels, name in sides]
    # Threads: the simplex method and matrix products run outside of Python.
    solved = Parallel(n_jobs=min(count, torch.get_num_threads()), prefer="threads")(
        delayed(_solve_part)(cost, source, target, a.device) for source, target in zip(*parts, strict=True)
    )
    flows, values, done = zip(*solved, strict=True)
    rows, columns, masses = (np.concatenate([getattr(f, k) for f in flows]) for k in ("rows", "columns", "masses"))
    value, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(count)
    floor = min(least_cost(cost), value)
    if not all(done):
        warn_of_bounds(0.0, floor, value, "lower `size`")
    return Plan(
        coupling=sparse_coupling(Flow(rows, columns, masses / count), cost.shape),
        value=value,
        lower=floor,
        upper=value,
        potentials=(torch.full_like(a, floor), torch.zeros_like(b)),  # feasible: no pair costs less
        entropic=value,
        residual=0.0,
        iterations=count,
        converged=all(done),
        standard_error=error,
        has_potentials=False,
    )


def _cut(masses: Tensor, labels: Any, count: int, name: str, seed: int) -> list[_Part]:
    """A side in `count` random parts of equal mass that mirror its classes; a point at a border belongs to both."""
    classes = np.zeros(len(masses), int) if labels is None else np.asarray(labels)
    if classes.shape != (len(masses),):
        raise IncompatibleError(f"`strata` must have a class for each of {len(masses)} points, got {classes.shape}.")
    w, position = masses.numpy(), np.empty(len(masses))
    shuffled = rng_for(seed, "parts", name).permutation(np.flatnonzero(w > 0))
    for label in np.unique(classes):
        members = shuffled[classes[shuffled] == label]
        position[members] = (np.cumsum(w[members]) - w[members] / 2) / w[members].sum()
    order = shuffled[np.argsort(position[shuffled], kind="stable")]
    poured = staircase(masses[torch.as_tensor(order)], torch.full((count,), 1 / count, dtype=torch.float64))
    rows, columns, amounts = order[poured.rows], poured.columns, poured.masses
    amounts = np.where(np.abs(amounts - w[rows]) <= _ROUNDING * w[rows], w[rows], amounts)  # a whole point
    real = amounts > _ROUNDING * w[rows]
    rows, columns, amounts = rows[real], columns[real], amounts[real]
    parts = (columns == k for k in range(count))
    return [_Part(rows[part], amounts[part] / amounts[part].sum()) for part in parts]


def _solve_part(cost: FactoredCost, source: _Part, target: _Part, device: torch.device) -> tuple[Flow, float, bool]:
    rows, columns = (torch.as_tensor(part.places, device=device) for part in (source, target))
    c = DenseRows(cost.block(rows, columns))
    a, b = (torch.as_tensor(part.masses, device=device) for part in (source, target))
    found = shortlist_transport(c, a, b, relative=_TOLERANCE, max_rounds=_ROUNDS, max_iterations=_PIVOTS)
    flow = Flow(source.places[found.flow.rows], target.places[found.flow.columns], found.flow.masses)
    return flow, found.upper, found.converged
