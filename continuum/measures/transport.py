"""Optimal transport plans with a certificate.

`solve` returns a plan whose marginals hold exactly and two numbers that enclose the optimum: the cost of that plan from
above, and from below the value of dual potentials that were made feasible by c-transforms. This holds for any solver,
converged or not, so a result can be trusted without trusting the solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from continuum.core import InvalidInputError

from .admission import admit_array, admit_masses
from .classes import class_cost, class_masses, poured
from .cost import FactoredCost, GroundCost, TableCost, WeightedSum, least_cost, matrix
from .plan import Plan, rounded, sparse_coupling, warn_of_bounds
from .preflight import check_plan_memory, choose_solver
from .rows import CostRows, DenseRows, FactoredRows
from .shortlist import Found, c_transform, shortlist_transport
from .simplex import Flow
from .sinkhorn import log_sinkhorn
from .sliced import sliced
from .solvers import Exact, Sinkhorn, Sliced, Solver, SolverLike, Stratified, Streamed
from .stratified import stratified

__all__ = ["solve"]

_GAP_TOLERANCE = 1e-9  # duality gap of a solved linear programme, relative to the largest cost
_STOP = 1e-12  # the same, at which to stop looking for better
_SINGLE = 1e-25, 1e25  # mean costs that single precision holds, with room for their parts
_CHUNK = 2**12  # pairs whose costs are computed at a time
_ROUNDS = 100
_PIVOTS = 10**9


def solve(
    cost: GroundCost | Any,
    a: Any = None,
    b: Any = None,
    *,
    solver: SolverLike = "auto",
    strata: tuple[Any, Any] | None = None,
) -> Plan:
    r"""Optimal transport between two weighted point sets: $\min_{\pi 1 = a,\; \pi^\top 1 = b} \langle c, \pi \rangle$.

    Points of mass 0 are left out of the solve and get rows and columns of zeros. A cost between classes alone, a
    `TableCost`, is solved exactly between the classes by every solver but `Sinkhorn` and `Sliced`.

    Args:
        cost: ground cost, a `GroundCost` or a matrix (n, m) of finite numbers.
        a: source masses, (n,); None for uniform.
        b: target masses, (m,); None for uniform.
        solver: `Exact()`, `Streamed()`, `Stratified()`, `Sliced()` or `Sinkhorn(epsilon)`; "auto", the
            default, or None for `Exact()`, and for `Streamed()` where there are more than 10^8 pairs or they do not fit
            into memory, if the cost has factors.
        strata: class of each source point (n,) and target point (m,); `Stratified` mirrors them in its parts.

    Returns:
        A `Plan` with its bounds. If `converged` is false a `ConvergenceWarning` was given, and the bounds still hold.

    Raises:
        InvalidInputError: for costs or masses that are NaN, infinite or empty, and for negative masses. A matrix may
            have negative costs.
        ResourceError: if the matrices cannot fit into memory.

    Example:
        >>> plan = solve([[0.0, 2.0], [2.0, 0.0]])
        >>> plan.value, plan.converged
        (0.0, True)
    """
    n, m = _shape(cost)
    strange = _without_factors(cost)
    solver = choose_solver(solver, n, m, factored=not strange)
    classes = class_cost(cost)
    if classes is not None and not isinstance(solver, Sinkhorn | Sliced):
        return _between_classes(classes, *_masses(a, b, (n, m), classes.table.device), solver)
    if isinstance(solver, Stratified) and max(n, m) <= solver.size:
        solver = Exact()  # a single part is the whole
    check_plan_memory(n, m, solver, dimension=0 if strange else _width(cost))
    if isinstance(solver, Sliced):
        a, b = _masses(a, b, (n, m), _device(cost) if isinstance(cost, GroundCost) else torch.device("cpu"))
        return sliced(cost, a, b, solver)
    if isinstance(solver, Streamed | Stratified):
        factored = _factored(cost, solver)
        a, b = _masses(a, b, (n, m), _device(factored))
        if isinstance(solver, Streamed):
            return _streamed(factored, a, b, solver)
        return stratified(factored, a, b, solver, strata)
    c = admit_array(matrix(cost) if isinstance(cost, GroundCost) else cost, "cost", ndim=2)
    a, b = _masses(a, b, c.shape, c.device)
    return _exact(c, a, b, solver) if isinstance(solver, Exact) else _sinkhorn(c, a, b, solver)


def _shape(cost: GroundCost | Any) -> tuple[int, int]:
    """(n, m) of a cost that knows it; that of a list is found when it is read."""
    shape: Sequence[int] = getattr(cost, "shape", ())
    return (int(shape[0]), int(shape[1])) if len(shape) == 2 else (1, 1)


def _masses(a: Any, b: Any, shape: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    return admit_masses(a, shape[0], "a", device=device), admit_masses(b, shape[1], "b", device=device)


def _without_factors(cost: Any) -> list[str]:
    """What keeps a cost from being an inner product: the kinds of such parts of it."""
    parts = [part for _, part in cost.active] if isinstance(cost, WeightedSum) else [cost]
    return [type(part).__name__ for part in parts if not isinstance(part, FactoredCost)]


def _width(cost: Any) -> int:
    """Numbers that the factors have for a point."""
    first = slice(0, 1)
    return int(cost.factors(first, first, torch.float32)[0].shape[1])


def _factored(cost: Any, solver: Solver) -> FactoredCost:
    strange = _without_factors(cost)
    if strange or not isinstance(cost, FactoredCost):
        raise InvalidInputError(
            f"{type(solver).__name__}() needs a cost with factors, such as SquaredEuclidean, got {strange[0]}; use "
            "Exact() or Sinkhorn(epsilon)."
        )
    return cost


def _device(cost: GroundCost) -> torch.device:
    return cost.block(slice(0, 1), slice(0, 1)).device


def _between_classes(cost: TableCost, a: Tensor, b: Tensor, solver: Solver) -> Plan:
    """The optimal plan between the classes, poured out over their points."""
    exact = solver if isinstance(solver, Exact) else Exact()
    between = solve(cost.table, *class_masses(cost, a, b), solver=exact)
    flow = poured(between.coupling, cost.rows, cost.columns, a, b)
    f, g = between.potentials
    potentials = f[cost.rows], g[cost.columns]
    return replace(between, coupling=sparse_coupling(flow, cost.shape), potentials=potentials)


def _exact(c: Tensor, a: Tensor, b: Tensor, solver: Exact) -> Plan:
    low, high = (float(k) for k in c.aminmax())
    largest = max(abs(low), abs(high))
    found = _on_support(DenseRows(c), a, b, _STOP * largest, 0.0, _ROUNDS, solver.max_iterations)
    value = float(found.flow.masses @ DenseRows(c).entries(found.flow.rows, found.flow.columns))
    residual = (value - found.lower) / largest if largest > 0 else 0.0
    return _plan(found, c.shape, value, residual, residual <= _GAP_TOLERANCE, "raise `max_iterations`", low)


def _streamed(cost: FactoredCost, a: Tensor, b: Tensor, solver: Streamed) -> Plan:
    mean = _mean_cost(cost, a, b)
    # Squares of very large or small numbers leave the range of single precision.
    first = torch.float32 if _SINGLE[0] < mean < _SINGLE[1] else torch.float64
    found, value, blurred = _on_factors(cost, a, b, solver, first)
    if blurred and value - found.lower > solver.gap * abs(value):
        # The sets are nearly the same: costs differ by less than single precision can tell.
        found, value, _ = _on_factors(cost, a, b, solver, torch.float64)
    floor = least_cost(cost)
    value = max(value, floor)
    # Of equal sets the optimum is 0, and what is left is rounding of the costs.
    unit = max(abs(value), _GAP_TOLERANCE * mean / solver.gap) or 1.0
    residual = (value - max(found.lower, floor)) / unit
    return _plan(found, cost.shape, value, residual, residual <= solver.gap, "raise `max_rounds`", floor)


def _on_factors(
    cost: FactoredCost, a: Tensor, b: Tensor, solver: Streamed, dtype: torch.dtype
) -> tuple[Found, float, bool]:
    """What factors of one precision find, its cost in float64, and whether their rounding keeps the bounds apart."""
    rows = FactoredRows(*cost.factors(slice(None), slice(None), dtype))
    if not all(bool(torch.isfinite(side.abs().max())) for side in (rows.u, rows.v)):
        if dtype == torch.float64:
            raise InvalidInputError("costs overflow; rescale the features.")
        return _on_factors(cost, a, b, solver, torch.float64)
    found = _on_support(rows, a, b, 0.0, solver.gap, solver.max_rounds, _PIVOTS)
    value = _flow_cost(cost, found.flow, a.device)
    return found, value, float(a @ rows.rounding(found.g)) > solver.gap * abs(value) / 2


def _mean_cost(cost: FactoredCost, a: Tensor, b: Tensor) -> float:
    """Cost of the independent plan: a product of mean factors."""
    means = []
    for side, masses in enumerate((a, b)):
        chunks = (slice(start, start + _CHUNK) for start in range(0, len(masses), _CHUNK))
        first = slice(0, 1)
        parts = [
            masses[k] @ cost.factors(*((k, first) if side == 0 else (first, k)), torch.float64)[side] for k in chunks
        ]
        means.append(torch.stack(parts).sum(0))
    return abs(float(means[0] @ means[1]))


def _on_support(
    cost: CostRows, a: Tensor, b: Tensor, tolerance: float, relative: float, max_rounds: int, max_iterations: int
) -> Found:
    """`shortlist_transport` of the points with mass, as a plan and potentials of all points."""
    rows, columns = ((side > 0).nonzero().flatten() for side in (a, b))
    whole = len(rows) == len(a) and len(columns) == len(b)
    found = shortlist_transport(
        cost if whole else cost.pick(rows, columns),
        a[rows],
        b[columns],
        tolerance=tolerance,
        relative=relative,
        max_rounds=max_rounds,
        max_iterations=max_iterations,
    )
    if whole:
        return _certified(found, found.flow, found.f - cost.rounding(found.g), found.g, a, b)
    # c-transforms give points without mass the largest potentials that are feasible.
    f = c_transform(cost.pick(slice(None), columns), found.g)
    g = c_transform(cost.transposed(), f)
    g[columns] = found.g
    flow = Flow(rows.cpu().numpy()[found.flow.rows], columns.cpu().numpy()[found.flow.columns], found.flow.masses)
    return _certified(found, flow, f - cost.rounding(g), g, a, b)


def _certified(found: Found, flow: Flow, f: Tensor, g: Tensor, a: Tensor, b: Tensor) -> Found:
    return replace(found, flow=flow, f=f, g=g, lower=float(a @ f + b @ g))


def _flow_cost(cost: FactoredCost, flow: Flow, device: torch.device) -> float:
    total = 0.0
    for start in range(0, len(flow.masses), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows, columns = (torch.as_tensor(k[part], device=device).long() for k in (flow.rows, flow.columns))
        u, v = cost.factors(rows, columns, torch.float64)
        total += float((u * v).sum(1).cpu() @ torch.as_tensor(flow.masses[part]))
    return total


def _plan(
    found: Found,
    shape: tuple[int, ...],
    value: float,
    residual: float,
    converged: bool,
    remedy: str,
    floor: float,
) -> Plan:
    if found.lower < floor:  # no plan costs less than the cheapest pair, and these potentials say so
        found = replace(found, f=torch.full_like(found.f, floor), g=torch.zeros_like(found.g), lower=floor)
    lower = min(found.lower, value)  # equal in exact arithmetic; keep the bracket ordered
    if not converged:
        warn_of_bounds(residual, lower, value, remedy)
    coupling = sparse_coupling(found.flow, (int(shape[0]), int(shape[1])))
    return Plan(coupling, value, lower, value, (found.f, found.g), value, residual, found.rounds, converged)


def _sinkhorn(c: Tensor, a: Tensor, b: Tensor, solver: Sinkhorn) -> Plan:
    low, high = (float(k) for k in c.aminmax())
    largest = max(abs(low), abs(high))
    unit = float(a @ ((c if low >= 0 else c.abs()) @ b)) if solver.scale == "mean" else 1.0
    epsilon = solver.epsilon * unit or solver.epsilon  # all costs 0: any epsilon gives the same plan
    if epsilon < torch.finfo(torch.float64).eps * largest:
        raise InvalidInputError(
            f"`epsilon` is {epsilon:.3g}, below the rounding of costs as large as {largest:.3g}; use Exact()."
        )
    rows, columns = ((side > 0).nonzero().flatten() for side in (a, b))
    whole = len(rows) == len(a) and len(columns) == len(b)
    inner = c if whole else c[rows][:, columns]
    found = log_sinkhorn(
        inner, a[rows], b[columns], epsilon, tolerance=solver.tolerance, max_iterations=solver.max_iterations
    )
    coupling, g = rounded(found.coupling, a[rows], b[columns]), found.g
    if not whole:
        coupling, g = _expanded(coupling, rows, columns, c.shape), _extended(g, c, rows, columns)
    # Two c-transforms make any potential feasible, and never lower its dual value.
    dense = DenseRows(c)
    f = c_transform(dense, g)
    g = c_transform(dense.transposed(), f)
    upper = float(torch.dot(c.flatten(), coupling.flatten()))
    lower = min(float(a @ f + b @ g), upper)
    converged = found.error <= solver.tolerance
    if not converged:
        warn_of_bounds(found.error, lower, upper, "raise `max_iterations` or `epsilon`")
    return Plan(coupling, upper, lower, upper, (f, g), found.value, found.error, found.iterations, converged)


def _expanded(coupling: Tensor, rows: Tensor, columns: Tensor, shape: torch.Size) -> Tensor:
    """The plan of the points with mass, as a plan of all points."""
    whole = coupling.new_zeros(shape)
    whole[rows[:, None], columns] = coupling
    return whole


def _extended(g: Tensor, c: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Potential of all target points: a c-transform gives those without mass the largest feasible value."""
    f = (c[rows][:, columns] - g).amin(1)
    whole = (c[rows] - f[:, None]).amin(0)
    whole[columns] = g
    return whole
