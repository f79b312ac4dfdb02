"""Which solver "auto" stands for, and whether a plan fits into memory: asked before any work is done."""

from __future__ import annotations

from continuum.core import InvalidInputError

from .admission import check_memory, fits_memory
from .solvers import Exact, Sinkhorn, Sliced, Solver, SolverLike, Stratified, Streamed

__all__ = ["check_plan_memory", "choose_solver"]

_EXACT_PAIRS = 10**8  # pairs up to which "auto" holds the cost matrix in memory, where it fits
_BYTES: dict[type, int] = {Exact: 24, Sinkhorn: 28}  # a pair, measured at 5000 points
_TILE_BYTES = 2**27  # of the costs that `Streamed` looks at at a time; measured at 2,000 points
_LISTED_BYTES = 30_000  # a point of the larger side, for the pairs listed for it; at 20,000 points up to 27,000
_FACTOR_BYTES = 4  # a feature of a point
_SLICED_BYTES = 10  # the same: centred, and widened for its moments


def choose_solver(solver: SolverLike, n: int, m: int, *, factored: bool = True) -> Solver:
    """`solver`, or what "auto" and None stand for between `n` and `m` points.

    That is `Exact()`; where the cost is `factored`, `Streamed()` for more than 10^8 pairs, or for those that do not fit
    into the memory that is free now.
    """
    if solver is None or (isinstance(solver, str) and solver == "auto"):
        held = n * m <= _EXACT_PAIRS and fits_memory(_BYTES[Exact] * n * m)
        return Exact() if held or not factored else Streamed()
    if not isinstance(solver, Solver):
        raise InvalidInputError(
            f"`solver` must be 'auto', Exact(), Streamed(), Stratified(), Sliced() or Sinkhorn(epsilon), "
            f"got {solver!r}."
        )
    return solver


def check_plan_memory(n: int, m: int, solver: SolverLike = "auto", *, dimension: int = 784) -> None:
    """Refuse, before any work, a plan between `n` and `m` points that cannot fit into memory.

    Args:
        n: source points.
        m: target points.
        solver: what makes the plan.
        dimension: features of a point, of which `Streamed` and `Sliced` hold a copy.

    Raises:
        ResourceError: naming the bytes and what to do instead.
    """
    solver = choose_solver(solver, n, m)
    what = f"a plan between {n} and {m} points with {type(solver).__name__}"
    if isinstance(solver, Stratified):
        check_memory(2 * _BYTES[Exact] * min(solver.size, n) * min(solver.size, m), what, "lower `size`")
    elif isinstance(solver, Sliced):
        check_memory(_SLICED_BYTES * dimension * (n + m), what, "use fewer points (`subset`)")
    elif isinstance(solver, Streamed):
        needed = _TILE_BYTES + _LISTED_BYTES * max(n, m) + _FACTOR_BYTES * dimension * (n + m)
        check_memory(needed, what, "use Stratified() or fewer points (`subset`)")
    else:
        needed = _BYTES[type(solver)] * n * m
        check_memory(needed, what, "use Streamed(), Stratified() or fewer points (`subset`)")
