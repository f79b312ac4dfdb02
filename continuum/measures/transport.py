"""Optimal transport plans with a certificate.

`solve` returns a plan whose marginals hold exactly and two numbers that enclose the optimum: the cost of that plan from
above, and from below the value of dual potentials that were made feasible by c-transforms. This holds for any solver,
converged or not, so a result can be trusted without trusting the solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import ot
import torch
from jaxtyping import Float
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import ConvergenceWarning, InvalidInputError, warn

from .admission import admit_array, admit_masses, check_memory
from .cost import GroundCost, matrix
from .sinkhorn import log_sinkhorn

__all__ = ["Exact", "Plan", "Sinkhorn", "Solver", "check_plan_memory", "solve"]

_GAP_TOLERANCE = 1e-9  # duality gap of a solved linear programme, relative to the largest cost
_COPIES = 6  # measured at 3000 points: 49 bytes a pair for `Exact`, 26 for `Sinkhorn`


@dataclass(frozen=True)
class Exact:
    """The network simplex method (POT): the optimum of the linear programme, in about n^2.4 time.

    Args:
        max_iterations: pivots after which it stops unconverged.
    """

    max_iterations: int = 10_000_000

    def __post_init__(self) -> None:
        _check_iterations(self.max_iterations)


@dataclass(frozen=True)
class Sinkhorn:
    r"""Entropic transport: $\min_\pi \langle c, \pi \rangle + \varepsilon\, \mathrm{KL}(\pi \,|\, a \otimes b)$.

    Args:
        epsilon: entropic strength, in the unit that `scale` names.
        scale: "absolute", the unit of the cost as given, or "mean", multiples of the mean absolute cost.
        tolerance: L1 error of the row marginal at which it stops.
        max_iterations: iterations at the final epsilon after which it stops unconverged.
    """

    epsilon: float
    scale: Literal["absolute", "mean"] = "absolute"
    tolerance: float = 1e-6
    max_iterations: int = 10_000

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < float("inf"):
            raise InvalidInputError(f"`epsilon` must be positive and finite, got {self.epsilon!r}; use Exact() for 0.")
        if self.scale not in ("absolute", "mean"):
            raise InvalidInputError(f"`scale` must be 'absolute' or 'mean', got {self.scale!r}.")
        if not self.tolerance >= 0:
            raise InvalidInputError(f"`tolerance` must not be negative, got {self.tolerance!r}.")
        _check_iterations(self.max_iterations)


def _check_iterations(limit: int) -> None:
    if limit < 1:
        raise InvalidInputError(f"`max_iterations` must be at least 1, got {limit!r}.")


Solver = Exact | Sinkhorn


@dataclass(frozen=True, eq=False)
class Plan:
    """A transport plan and what is known about it.

    Attributes:
        coupling: mass moved from i to j, (n, m); sparse for `Exact`, a dense tensor for `Sinkhorn`. Its row and column
            sums are the marginals up to rounding.
        value: cost of `coupling`, the unit of the cost.
        lower: certified lower bound on the optimal cost.
        upper: certified upper bound on it; equal to `value`.
        potentials: dual potentials f (n,), g (m,) with f_i + g_j <= c(i, j), whose value is `lower`.
        entropic: the regularised optimum that `Sinkhorn` solves for; equal to `value` for `Exact`.
        residual: what was left when the solver stopped: duality gap relative to the largest cost (`Exact`), L1 error of
            the row marginal (`Sinkhorn`).
        iterations: iterations at the final epsilon for `Sinkhorn`; 0 for `Exact`, which does not tell.
        converged: whether the solver met its tolerance.
    """

    coupling: csr_array | Float[Tensor, "n m"]
    value: float
    lower: float
    upper: float
    potentials: tuple[Float[Tensor, " n"], Float[Tensor, " m"]]
    entropic: float
    residual: float
    iterations: int
    converged: bool

    @property
    def gap(self) -> float:
        """upper - lower, not negative up to rounding."""
        return self.upper - self.lower


def solve(cost: GroundCost | Any, a: Any = None, b: Any = None, *, solver: Solver | None = None) -> Plan:
    r"""Optimal transport between two weighted point sets: $\min_{\pi 1 = a,\; \pi^\top 1 = b} \langle c, \pi \rangle$.

    Points of mass 0 are left out of the solve and get rows and columns of zeros.

    Args:
        cost: ground cost, a `GroundCost` or a matrix (n, m) of finite numbers.
        a: source masses, (n,); None for uniform.
        b: target masses, (m,); None for uniform.
        solver: `Exact()`, the default, or `Sinkhorn(epsilon)`.

    Returns:
        A `Plan` with its bounds. If `converged` is false a `ConvergenceWarning` was given, and the bounds still hold.

    Raises:
        InvalidInputError: for NaN, infinite, empty or negative input.
        ResourceError: if the matrices cannot fit into memory.

    Example:
        >>> plan = solve([[0.0, 2.0], [2.0, 0.0]])
        >>> plan.value, plan.converged
        (0.0, True)
    """
    solver = Exact() if solver is None else solver
    c = _cost_matrix(cost)
    a = admit_masses(a, c.shape[0], "a", device=c.device)
    b = admit_masses(b, c.shape[1], "b", device=c.device)
    rows, columns = (a > 0).nonzero().flatten(), (b > 0).nonzero().flatten()
    whole = len(rows) == len(a) and len(columns) == len(b)
    inner = c if whole else c[rows][:, columns]
    if not isinstance(solver, Exact | Sinkhorn):
        raise InvalidInputError(f"`solver` must be Exact() or Sinkhorn(epsilon), got {solver!r}.")
    if isinstance(solver, Exact):
        coupling, g, extra = _exact(inner, a[rows], b[columns], solver)
    else:
        coupling, g, extra = _sinkhorn(inner, a[rows], b[columns], solver)
    if not whole:
        coupling, g = _expand(coupling, rows, columns, c.shape), _extend(g, inner, c, rows, columns)
    return _certify(c, a, b, coupling, g, extra)


def check_plan_memory(n: int, m: int) -> None:
    """Refuse, before any work, a plan between `n` and `m` points that cannot fit into memory.

    Raises:
        ResourceError: naming the bytes and what to do instead.
    """
    remedy = "use fewer points (`subset`) or, for a distance only, several smaller solves"
    check_memory(_COPIES * 8 * n * m, f"a plan between {n} and {m} points", remedy)


def _cost_matrix(cost: GroundCost | Any) -> Tensor:
    shape = getattr(cost, "shape", None)
    if shape is not None and len(shape) == 2:
        check_plan_memory(*(int(k) for k in shape))
    return admit_array(matrix(cost) if isinstance(cost, GroundCost) else cost, "cost", ndim=2)


@dataclass(frozen=True)
class _Extra:
    """What a solver knows beyond its plan and potential."""

    residual: float | None = None
    iterations: int = 0
    entropic: float | None = None
    converged: bool = True


def _exact(c: Tensor, a: Tensor, b: Tensor, solver: Exact) -> tuple[csr_array, Tensor, _Extra]:
    # POT calls a problem with negative costs infeasible and has absolute tolerances: hand it costs between 0 and 1.
    low, spread = float(c.min()), float(c.max() - c.min())
    unit = 2.0 ** math.frexp(spread)[1] if spread > 0 else 1.0  # a power of 2 rounds nothing
    cost, source, target = (np.ascontiguousarray(t.cpu().numpy()) for t in ((c - low).div_(unit), a, b))
    dense, log = ot.emd(source, target, cost, numItermax=solver.max_iterations, log=True)
    done = log["warning"] is None
    coupling = csr_array(dense if done else _round(torch.as_tensor(dense), a.cpu(), b.cpu()).numpy())
    return coupling, torch.as_tensor(log["v"] * unit, device=c.device), _Extra(converged=done)


def _sinkhorn(c: Tensor, a: Tensor, b: Tensor, solver: Sinkhorn) -> tuple[Tensor, Tensor, _Extra]:
    unit = float(a @ c.abs() @ b) if solver.scale == "mean" else 1.0
    epsilon = solver.epsilon * unit or solver.epsilon  # all costs 0: any epsilon gives the same plan
    largest = float(c.abs().max())
    if epsilon < torch.finfo(torch.float64).eps * largest:
        raise InvalidInputError(
            f"`epsilon` is {epsilon:.3g}, below the rounding of costs as large as {largest:.3g}; use Exact()."
        )
    found = log_sinkhorn(c, a, b, epsilon, tolerance=solver.tolerance, max_iterations=solver.max_iterations)
    extra = _Extra(found.error, found.iterations, found.value, found.error <= solver.tolerance)
    return _round(found.coupling, a, b), found.g, extra


def _certify(c: Tensor, a: Tensor, b: Tensor, coupling: csr_array | Tensor, g: Tensor, extra: _Extra) -> Plan:
    # Two c-transforms make any potential feasible, and never lower its dual value.
    f = (c - g).amin(1)
    g = (c - f[:, None]).amin(0)
    lower, upper = float(a @ f + b @ g), _total(c, coupling)
    largest = float(c.abs().max())
    relative = (upper - lower) / largest if largest > 0 else 0.0
    residual = relative if extra.residual is None else extra.residual
    converged = extra.converged and (extra.residual is not None or relative <= _GAP_TOLERANCE)
    if not converged:
        warn(
            f"transport stopped with residual {residual:.3g}; the optimum lies in [{lower:.6g}, {upper:.6g}]; "
            f"raise `max_iterations`{' or `epsilon`' if extra.entropic is not None else ''}.",
            ConvergenceWarning,
        )
    lower = min(lower, upper)  # equal in exact arithmetic; keep the bracket ordered
    entropic = upper if extra.entropic is None else extra.entropic
    return Plan(coupling, upper, lower, upper, (f, g), entropic, residual, extra.iterations, converged)


def _total(c: Tensor, coupling: csr_array | Tensor) -> float:
    if isinstance(coupling, Tensor):
        return float((c * coupling).sum())
    triplets = coupling.tocoo()
    rows, columns = (torch.as_tensor(k, device=c.device).long() for k in triplets.coords)
    return float(c[rows, columns].cpu() @ torch.as_tensor(triplets.data))


def _round(coupling: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Nearest-by plan with exact marginals (Altschuler, Weed & Rigollet 2017, algorithm 2)."""
    coupling = coupling * (a / coupling.sum(1)).nan_to_num(nan=0.0, posinf=0.0).clamp(max=1)[:, None]
    coupling *= (b / coupling.sum(0)).nan_to_num(nan=0.0, posinf=0.0).clamp(max=1)
    short_rows, short_columns = (a - coupling.sum(1)).clamp(min=0), (b - coupling.sum(0)).clamp(min=0)
    missing = float(short_rows.sum())
    return coupling if missing <= 0 else coupling.addr_(short_rows / missing, short_columns)


def _expand(coupling: csr_array | Tensor, rows: Tensor, columns: Tensor, shape: torch.Size) -> csr_array | Tensor:
    """The plan of the points with mass, as a plan of all points."""
    if isinstance(coupling, Tensor):
        whole = coupling.new_zeros(shape)
        whole[rows[:, None], columns] = coupling
        return whole
    triplets = coupling.tocoo()
    places = rows.cpu().numpy()[triplets.coords[0]], columns.cpu().numpy()[triplets.coords[1]]
    return csr_array((triplets.data, places), shape=tuple(shape))


def _extend(g: Tensor, inner: Tensor, c: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Potential of all target points: a c-transform gives those without mass the largest feasible value."""
    f = (inner - g).amin(1)
    whole = (c[rows] - f[:, None]).amin(0)
    whole[columns] = g
    return whole
