"""Semi-relaxed entropic transport of queries onto a pool: a penalty holds back what a candidate receives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np

from .embeddings import Doubles
from .kept import KeptProducts

__all__ = ["SemiRelaxed", "semi_relaxed"]


@dataclass(frozen=True, eq=False)
class SemiRelaxed:
    """What the candidates receive.

    Attributes:
        log_masses: its logarithms, (n,); the masses sum to 1.
        change: the largest change of a potential in the last iteration.
        iterations: passes over the similarities but for the first.
    """

    log_masses: Doubles
    change: float
    iterations: int


@dataclass(frozen=True, eq=False)
class _Pass:
    """A pass over the similarities with given potentials.

    Attributes:
        f: potential of the queries that belongs to `g`, (u,).
        g: potential of the candidates, (n,).
        received: logarithms of what candidates received per unit of their own potential, (n,).
    """

    f: Doubles
    g: Doubles
    received: Doubles


def semi_relaxed(
    kept: KeptProducts, shares: Doubles, temperature: float, lam: float, *, tolerance: float, max_iterations: int
) -> SemiRelaxed:
    r"""Alternate the potentials of $T_{ij} = a_i e^{f_i + g_j + s_{ij} / \tau} / n$ until they are at rest.

    f is such that rows sum to $a_i$, and $g_j = -\lambda \log \sum_i a_i e^{f_i + s_{ij} / \tau}$: the scaling
    iterations of Chizat et al. (2018) :cite:`chizat2018` in logarithms, which contract by $\lambda$. Each is one pass.
    """
    last = _pass(kept, shares, temperature, lam, None)
    for iteration in count(1):
        here = _pass(kept, shares, temperature, lam, last.f)
        change = float(np.abs(here.g - last.g).max())
        if change <= tolerance or iteration == max_iterations:
            break
        last = here
    return SemiRelaxed(last.g + here.received - np.log(kept.products.n), change, iteration)


def _pass(kept: KeptProducts, shares: Doubles, temperature: float, lam: float, f: Doubles | None) -> _Pass:
    """The potential of the candidates that belongs to `f`, 0 without, and that of the queries which belongs to it."""
    n, u = kept.products.n, kept.products.u
    g, received = np.zeros(n), np.zeros(n)
    peak, total = np.full(u, -np.inf), np.zeros(u)
    for start, block in kept.blocks():
        some = slice(start, start + len(block))
        exponents = block * np.float64(1 / temperature)
        if f is not None:
            received[some] = _log_sum(exponents + (f + np.log(shares)))
            g[some] = -lam * received[some]
        exponents += g[some, None]
        higher = np.maximum(peak, exponents.max(axis=0))
        total = total * np.exp(peak - higher) + np.exp(exponents - higher).sum(axis=0)
        peak = higher
    return _Pass(np.log(n) - peak - np.log(total), g, received)


def _log_sum(exponents: Doubles) -> Doubles:
    """The logarithm of the sum of the exponentials in each row."""
    peak = exponents.max(axis=1)
    return np.asarray(peak + np.log(np.exp(exponents - peak[:, None]).sum(axis=1)))
