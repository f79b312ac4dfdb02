"""Sinkhorn's algorithm with absorbed potentials and epsilon scaling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .rows import DenseRows
from .shortlist import c_transform

__all__ = ["EntropicPlan", "log_sinkhorn", "self_transport"]

# Logarithms of scalings that are folded into the potentials, long before they overflow.
_ABSORB = {torch.float32: math.log(1e12), torch.float64: math.log(1e50)}
_FACTOR = 4.0  # epsilon falls by this much from stage to stage
_CHECK = 5  # iterations between two looks at the marginals
_ROUGH, _SHORT = 0.1, 100  # marginal error, or iterations, after which an early stage is over
_RESOLVED = 1e-4  # epsilon, relative to the spread of the cost, that a float32 kernel resolves
_NOISE = 1e-5  # marginal error that it cannot get below
_LIGHT = 1e-20  # mass that it cannot hold


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
    starts from the potentials of a larger epsilon. Where float32 resolves the kernel the stages are in it; the last
    iterations, and the error that is reported, are in float64.

    Args:
        c: cost, (n, m), finite float64.
        a: positive source masses, (n,).
        b: positive target masses, (m,).
        epsilon: entropic strength, in the unit of `c`.
        tolerance: L1 error of the row marginal at which to stop.
        max_iterations: iterations at the final epsilon.
    """
    low, high = (float(k) for k in c.aminmax())
    stages = _stages(high - low, epsilon)
    light = float(torch.minimum(a.min(), b.min())) < _LIGHT
    rough = [stage for stage in stages if stage >= _RESOLVED * (high - low) and low < high and not light]
    f, g = c.new_full((len(a),), low), c.new_zeros(len(b))
    if rough:
        f, g = _rough_potentials(c, a, b, rough, tolerance, max_iterations)
    for stage in stages[len(rough) :]:
        f = _soft_minimum(c, g, b.log(), stage)
        g = _soft_minimum(c.T, f, a.log(), stage)
        goal, limit = (tolerance, max_iterations) if stage == epsilon else (max(tolerance, _ROUGH), _SHORT)
        found = _iterate(c, a, b, f, g, stage, goal, limit)
        f, g = found.f, found.g
    if len(rough) == len(stages):
        found = _iterate(c, a, b, f, g, epsilon, tolerance, max_iterations)
    coupling = found.coupling()
    value = float(a @ found.f + b @ found.g - epsilon * (coupling.sum() - 1))
    # The columns are exact but for rounding, which counts where epsilon is near that of the cost.
    error = max(found.error, float((coupling.sum(0) - b).abs().sum()))
    return EntropicPlan(coupling, found.f, found.g, value, error, found.iterations)


def _rough_potentials(
    c: Tensor, a: Tensor, b: Tensor, stages: list[float], tolerance: float, max_iterations: int
) -> tuple[Tensor, Tensor]:
    """Potentials at the last of `stages`, as good as float32 makes them."""
    low, high = (float(k) for k in c.aminmax())
    spread = high - low
    scaled = (c - low).div_(spread).float()  # between 0 and 1: neither offset nor unit costs digits
    rows = DenseRows(scaled)
    g = c_transform(rows.transposed(), torch.zeros_like(a))
    for stage in stages:
        # A c-transform: no entry of the kernel is above 1, and each row has one that is 1.
        f = c_transform(rows, g)
        last = stage == stages[-1]
        goal, limit = (max(tolerance, _NOISE), max_iterations) if last else (max(tolerance, _ROUGH), _SHORT)
        found = _iterate(scaled, a, b, f, g, stage / spread, goal, limit)
        f, g = found.f, found.g
    return f * spread + low, g * spread


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
    return torch.sub(f.to(c.dtype)[:, None], c).add_(g.to(c.dtype)).div_(epsilon).exp_()


def _soft_minimum(c: Tensor, potential: Tensor, log_masses: Tensor, epsilon: float) -> Tensor:
    """-epsilon log sum_j m_j exp((potential_j - c_ij) / epsilon), for each i."""
    return -epsilon * torch.logsumexp((potential - c) / epsilon + log_masses, 1)


@dataclass(frozen=True, eq=False)
class _Iterated:
    """Where the iterations at one epsilon stopped, with the kernel of the last absorption and the scalings since."""

    f: Tensor
    g: Tensor
    kernel: Tensor
    rows: Tensor
    columns: Tensor
    error: float
    iterations: int

    def coupling(self) -> Tensor:
        """The plan, in the memory of the kernel."""
        return self.kernel.mul_(self.rows[:, None]).mul_(self.columns)


def _iterate(
    c: Tensor, a: Tensor, b: Tensor, f: Tensor, g: Tensor, epsilon: float, tolerance: float, limit: int
) -> _Iterated:
    """Iterate at one epsilon, in the precision of `c`; the column marginal is then exact, `error` that of the rows."""
    p, q = a.to(c.dtype), b.to(c.dtype)
    kernel = _kernel(c, f, g, epsilon)
    u, v = torch.ones_like(p), torch.ones_like(q)
    error, done = math.inf, 0
    while done < limit:
        u = 1 / (kernel @ (q * v))
        v = 1 / (kernel.T @ (p * u))
        done += 1
        if done % _CHECK == 0 or done == limit:
            error = float((p * (u * (kernel @ (q * v)) - 1)).abs().sum())
            if error <= tolerance:
                break
            if max(float(u.log().abs().max()), float(v.log().abs().max())) > _ABSORB[c.dtype]:
                f, g = f + epsilon * u.double().log(), g + epsilon * v.double().log()
                kernel = _kernel(c, f, g, epsilon)
                u, v = torch.ones_like(p), torch.ones_like(q)
    f, g = f + epsilon * u.double().log(), g + epsilon * v.double().log()
    return _Iterated(f, g, kernel, p * u, q * v, error, done)
