"""Sinkhorn's algorithm with absorbed potentials and epsilon scaling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["EntropicPlan", "log_sinkhorn", "self_transport"]

_ABSORB = math.log(1e50)  # scalings this large are folded into the potentials, long before float64 overflows
_FACTOR = 4.0  # epsilon falls by this much from stage to stage
_CHECK = 10  # iterations between two looks at the marginals


@dataclass(frozen=True, eq=False)
class EntropicPlan:
    """Outcome of `log_sinkhorn`; `error` is the L1 error of the worse marginal of `coupling`."""

    coupling: Float[Tensor, "n m"]
    f: Float[Tensor, " n"]
    g: Float[Tensor, " m"]
    value: float
    error: float
    iterations: int


def log_sinkhorn(
    c: Float[Tensor, "n m"],
    a: Float[Tensor, " n"],
    b: Float[Tensor, " m"],
    epsilon: float,
    *,
    tolerance: float,
    max_iterations: int,
) -> EntropicPlan:
    r"""Entropic optimal transport in the log domain, at the speed of matrix products.

    The plan is $\pi_{ij} = a_i b_j \exp((f_i + g_j - c_{ij})/\varepsilon)$. Between two absorptions the exponential is
    held as a kernel $K$, so an iteration is two products with $K$ (Schmitzer 2019, sections 3.1 and 3.2). Every stage
    starts from the potentials of a larger epsilon and one exact soft minimum, so no row of $K$ vanishes.

    Args:
        c: cost, (n, m), finite float64.
        a: positive source masses, (n,).
        b: positive target masses, (m,).
        epsilon: entropic strength, in the unit of `c`.
        tolerance: L1 error of the row marginal at which to stop.
        max_iterations: iterations at the final epsilon.
    """
    f, g = c.new_zeros(len(a)), c.new_zeros(len(b))
    for stage in _stages(float(c.max() - c.min()), epsilon):
        final = stage == epsilon
        target, limit = (tolerance, max_iterations) if final else (max(tolerance, 1e-2), 100)
        f, g, error, iterations = _iterate(c, a, b, f, g, stage, target, limit)
    coupling = _kernel(c, f, g, epsilon).mul_(a[:, None]).mul_(b)
    value = float(a @ f + b @ g - epsilon * (coupling.sum() - 1))
    # The columns are exact but for rounding, which counts where epsilon is near that of the cost.
    error = max(error, float((coupling.sum(0) - b).abs().sum()))
    return EntropicPlan(coupling, f, g, value, error, iterations)


def self_transport(
    c: Float[Tensor, "n n"], a: Float[Tensor, " n"], epsilon: float, *, tolerance: float, max_iterations: int
) -> tuple[float, float]:
    r"""Entropic cost of moving a measure to itself, and the L1 marginal error that was left.

    Both potentials are equal, and the averaged update $f \leftarrow (f + T f)/2$ converges in a few iterations, where
    the alternating one crawls since the plan is nearly the identity (Feydy et al. 2019, section 3.3).

    Args:
        c: symmetric cost, (n, n).
        a: positive masses, (n,).
        epsilon: entropic strength.
        tolerance: L1 error of the marginal at which to stop.
        max_iterations: iterations after which to stop.
    """
    f, error = c.new_zeros(len(a)), math.inf
    for _ in range(max_iterations):
        update = _soft_minimum(c, f, a.log(), epsilon)
        error = float((a * (((f - update) / epsilon).exp() - 1)).abs().sum())
        if error <= tolerance:
            break
        f = (f + update) / 2
    mass = float((a * ((f - _soft_minimum(c, f, a.log(), epsilon)) / epsilon).exp()).sum())
    return float(2 * (a @ f)) - epsilon * (mass - 1), error


def _stages(spread: float, epsilon: float) -> list[float]:
    stages = [epsilon]
    while stages[-1] < spread:
        stages.append(stages[-1] * _FACTOR)
    return stages[::-1]


def _kernel(c: Tensor, f: Tensor, g: Tensor, epsilon: float) -> Tensor:
    return (f[:, None] + g - c).div_(epsilon).exp_()


def _soft_minimum(c: Tensor, potential: Tensor, log_masses: Tensor, epsilon: float) -> Tensor:
    """-epsilon log sum_j m_j exp((potential_j - c_ij) / epsilon), for each i."""
    return -epsilon * torch.logsumexp((potential - c) / epsilon + log_masses, 1)


def _iterate(
    c: Tensor, a: Tensor, b: Tensor, f: Tensor, g: Tensor, epsilon: float, tolerance: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """Iterate at one epsilon; on return the column marginal is exact and the row marginal off by the third value."""
    f = _soft_minimum(c, g, b.log(), epsilon)
    g = _soft_minimum(c.T, f, a.log(), epsilon)
    kernel = _kernel(c, f, g, epsilon)
    u, v = torch.ones_like(a), torch.ones_like(b)
    error, done = math.inf, 0
    while done < limit:
        u = 1 / (kernel @ (b * v))
        v = 1 / (kernel.T @ (a * u))
        done += 1
        if done % _CHECK == 0 or done == limit:
            error = float((a * (u * (kernel @ (b * v)) - 1)).abs().sum())
            if error <= tolerance:
                break
            if max(float(u.log().abs().max()), float(v.log().abs().max())) > _ABSORB:
                f, g = f + epsilon * u.log(), g + epsilon * v.log()
                kernel = _kernel(c, f, g, epsilon)
                u, v = torch.ones_like(a), torch.ones_like(b)
    return f + epsilon * u.log(), g + epsilon * v.log(), error, done
