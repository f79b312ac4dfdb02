"""Transport plans and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import ConvergenceWarning, warn

from .simplex import Flow

__all__ = ["Plan", "rounded", "sparse_coupling", "warn_of_bounds"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A transport plan and what is known about it.

    Attributes:
        coupling: mass moved from i to j, (n, m); a dense tensor for `Sinkhorn`, sparse for the others. Its row and
            column sums are the marginals up to rounding.
        value: cost of `coupling`, the unit of the cost; for `Sliced` the sliced estimate, which may lie below `lower`
            and is not clamped, since values of several pairs would no longer compare.
        lower: certified lower bound on the optimal cost.
        upper: certified upper bound on it, the cost of `coupling`; equal to `value` but for `Sliced`.
        potentials: dual potentials f (n,), g (m,) with f_i + g_j <= c(i, j), whose value is `lower`; constants that say
            nothing of the plan for `Stratified`, and for `Sliced`, whose `lower` comes from the moments.
        entropic: the regularised optimum that `Sinkhorn` solves for; equal to `value` for the others.
        residual: what was left when the solver stopped: duality gap relative to the largest cost (`Exact`) or to the
            value (`Streamed`), L1 error of the row marginal (`Sinkhorn`).
        iterations: iterations at the final epsilon (`Sinkhorn`) or rounds of listing (`Exact`, `Streamed`).
        converged: whether the solver met its tolerance.
        standard_error: of `value` over the parts (`Stratified`) or projections (`Sliced`); 0 for the others, which
            are not random.
        has_potentials: whether `potentials` belong to `coupling`, so that they can extend it to other points.
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
    standard_error: float = 0.0
    has_potentials: bool = True

    @property
    def gap(self) -> float:
        """upper - lower, not negative up to rounding."""
        return self.upper - self.lower


def sparse_coupling(flow: Flow, shape: tuple[int, int]) -> csr_array:
    """A flow as a sparse matrix; masses of one pair are added."""
    coupling = csr_array((flow.masses, (flow.rows, flow.columns)), shape=shape)
    coupling.sum_duplicates()
    return coupling


def rounded(coupling: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Nearest-by plan with exact marginals, in the same memory (Altschuler, Weed & Rigollet 2017, algorithm 2)."""
    coupling *= (a / coupling.sum(1)).nan_to_num(nan=0.0, posinf=0.0).clamp(max=1)[:, None]
    coupling *= (b / coupling.sum(0)).nan_to_num(nan=0.0, posinf=0.0).clamp(max=1)
    short_rows, short_columns = (a - coupling.sum(1)).clamp(min=0), (b - coupling.sum(0)).clamp(min=0)
    missing = float(short_rows.sum())
    return coupling if missing <= 0 else coupling.addr_(short_rows / missing, short_columns)


def warn_of_bounds(residual: float, lower: float, upper: float, remedy: str) -> None:
    """Say that a solver stopped early, and what holds all the same."""
    warn(
        f"transport stopped with residual {residual:.3g}; the optimum lies in [{lower:.6g}, {upper:.6g}]; {remedy}.",
        ConvergenceWarning,
    )
