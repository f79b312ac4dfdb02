"""Soft votes of the queries, and the transport problem of which they are the limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from continuum.core import ConvergenceWarning, InvalidInputError, check_count, check_positive, warn

from .embeddings import Doubles
from .kept import KeptProducts
from .ordering import Ordering
from .ranking import admitted_count, ranked
from .similarity import SimilaritySource, source_of
from .softmax import soft_votes
from .unbalanced import semi_relaxed

__all__ = ["SoftmaxUOT"]


@dataclass(frozen=True)
class SoftmaxUOT:
    r"""Candidates by the mass that they receive when the queries are carried to the pool.

    The plan minimises $\langle C, T \rangle + \epsilon\, \mathrm{KL}(T \,|\, a b^\top) + \rho\, \mathrm{KL}(T^\top 1
    \,|\, b)$ over plans with row sums $a_i = 1/m$, where $C_{ij} = (1 - s_{ij})/2$, $b_j = 1/n$ and $\rho = \epsilon
    \lambda / (1 - \lambda)$. Nayak et al. (2026) :cite:`nayak2026` have $\epsilon = 0.01$ and $\rho = 10^{-4}$, so that
    $\lambda = 0.0099$.

    With $\lambda = 0$ each query votes on its own, $T_{ij} = \frac1m \operatorname{softmax}_j (s_{ij} / 2\epsilon)$.
    That chooses what the published constants choose, without iterations. A larger $\lambda$ spreads the mass over
    candidates that are less near; with 1 all receive the same.

    A score is the mass of an item. Equal masses are ordered by position.

    Args:
        epsilon: $\epsilon$, in units of C.
        lam: $\lambda$, from 0 to below 1. Above 0 each iteration is a pass over the pool.
        tolerance: the iterations stop when no logarithm of a scaling changes by more.
        max_iterations: when they stop at the latest, with a warning.

    Example:
        >>> similarities = np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
        >>> source = SimilaritySource(similarities.T, np.eye(2), normalize=False)
        >>> ordering = SoftmaxUOT().order(source, k_max=2)
        >>> ordering.indices.tolist(), ordering.scores.round(5).tolist()
        ([1, 0], [0.50307, 0.49693])
    """

    epsilon: float = 0.01
    lam: float = 0.0
    tolerance: float = 1e-9
    max_iterations: int = 1000

    def __post_init__(self) -> None:
        check_positive("epsilon", self.epsilon)
        check_positive("tolerance", self.tolerance)
        check_count("max_iterations", self.max_iterations)
        if not 0 <= self.lam < 1:
            raise InvalidInputError(
                f"`lam` must be from 0 to below 1, got {self.lam!r}; with 1 all candidates receive the same."
            )

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """See `Selector`.

        Warns:
            ConvergenceWarning: if the iterations have been stopped before they came to rest.
        """
        source = source_of(pool, query)
        k = admitted_count(k_max, source.n)
        if self.lam == 0:
            return soft_votes(source.products, source.shares, 2 * self.epsilon, source.keep).ranked(k)
        first = ranked(log_masses := self._log_masses(source), k)
        return Ordering(first.indices, np.exp(log_masses[first.indices]), source.n)

    def _log_masses(self, source: SimilaritySource) -> Doubles:
        found = semi_relaxed(
            KeptProducts(source.products, source.keep),
            source.shares,
            2 * self.epsilon,
            self.lam,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        if found.change > self.tolerance:
            warn(
                f"the scalings still changed by {found.change:.2g} in iteration {found.iterations}, more than "
                f"`tolerance` {self.tolerance:.2g}; allow more `max_iterations`, or take a smaller `lam`.",
                ConvergenceWarning,
            )
        return found.log_masses
