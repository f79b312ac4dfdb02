"""How a transport problem is to be solved: small objects that hold the options of one solver each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from continuum.core import InvalidInputError, check_count, check_positive, check_weight

__all__ = ["Exact", "Sinkhorn", "Sliced", "Solver", "SolverLike", "Stratified", "Streamed"]


@dataclass(frozen=True)
class Exact:
    """The optimum of the linear programme, from a cost matrix in memory.

    The network simplex method (POT) on a short list of pairs that a test on all pairs proves to be long enough.

    Args:
        max_iterations: pivots of the simplex method after which it stops unconverged.
    """

    max_iterations: int = 10_000_000

    def __post_init__(self) -> None:
        check_count("max_iterations", self.max_iterations)


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
        check_positive("epsilon", self.epsilon, "use Exact() for 0")
        if self.scale not in ("absolute", "mean"):
            raise InvalidInputError(f"`scale` must be 'absolute' or 'mean', got {self.scale!r}.")
        check_weight("tolerance", self.tolerance)
        check_count("max_iterations", self.max_iterations)


@dataclass(frozen=True)
class Streamed:
    """The optimum between certified bounds, without a matrix in memory: for 10^4 to 10^5 points and more.

    The algorithm of `Exact` on a cost that is computed in float32 whenever it is looked at. Memory grows as n + m. The
    bounds hold for the exact cost: the rounding of float32 is taken off the lower one.

    Args:
        gap: distance of the two bounds, relative to the upper one, at which it stops. Rounding keeps it above 1e-4 or
            so for images.
        max_rounds: looks at all pairs after which it stops unconverged; each computes n m costs.
    """

    gap: float = 0.01
    max_rounds: int = 30

    def __post_init__(self) -> None:
        check_positive("gap", self.gap, "use Exact() for 0")
        if not self.gap < 1:
            raise InvalidInputError(f"`gap` must be between 0 and 1, got {self.gap!r}; use Exact() for 0.")
        check_count("max_rounds", self.max_rounds)


@dataclass(frozen=True)
class Stratified:
    r"""Exact transport of random parts of the two sides onto each other.

    Each side is cut at random into parts of equal mass that mirror its classes, and the k-th parts are transported
    exactly. Together their plans are a plan of the whole, whose cost bounds the optimum from above; it is what the
    distance is at the size of a part. The mean over the parts comes with its standard error.

    Args:
        size: largest number of points of a part.
        seed: seed of the cut.
    """

    size: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("size", self.size)


@dataclass(frozen=True)
class Sliced:
    r"""An estimate from projections onto random lines, for many or for large datasets.

    $|\Delta \mu|^2 + D\, E_\theta W_2^2$ of the centred projections, which is never above the optimum but for the
    error of the mean over $\theta$ (Bonneel et al. 2015). It may be far below it: of 784-d images we saw 0.1 to 0.5 of
    the optimum, and `Exact` took less time at 500 points. The bounds of the plan enclose the optimum whatever the
    value is.

    Args:
        projections: number of random directions, at least 2: one alone does not know its error.
        seed: seed of the directions, which are the same for all pairs of datasets in one space.
    """

    projections: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("projections", self.projections, least=2)


Solver = Exact | Sinkhorn | Streamed | Stratified | Sliced
SolverLike = Solver | Literal["auto"] | None
