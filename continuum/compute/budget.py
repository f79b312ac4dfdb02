r"""Budgets of computation as a continuum: one trained model, and how much it is let compute."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from continuum.core import (
    Domain,
    Interval,
    InvalidInputError,
    LazyEndpoints,
    Levels,
    Point,
    PointLike,
    check_count,
    check_positive,
    rng_for,
)

from .equilibrium import DistributionalDEQ, Equilibrium, spread_of, warn_of_divergence
from .fixed_point import Budget, FixedPoint, FixedPointProblem, search
from .particles import PointCloudBatch
from .solvers import Anderson, Picard, Solver
from .stopping import PredictionChange, Residual

__all__ = ["BudgetPath", "Budgeted", "Changes", "InputPoints", "Iterations", "Particles", "Spending", "Tolerances"]

_ANDERSON = Anderson()
_PICARD = Picard()
_WHOLE = 1e-9  # nearer to a whole number than this is whole


Searches = tuple[FixedPoint, ...]
"""Searches of one problem, the shortest first."""


class Spent(NamedTuple):
    """What a budget bought.

    Attributes:
        state: what is read.
        searches: those of which it was made, the longest last.
    """

    state: Tensor
    searches: Searches


class Spending(Protocol):
    """What a coordinate in [0, 1] buys; anything with these members is one."""

    @property
    def domain(self) -> Domain:
        """Which coordinates there are."""
        ...

    def problem(self, model: Any, inputs: Any, t: float, /) -> FixedPointProblem:
        """What is to be solved at a coordinate."""
        ...

    def solve(self, problem: FixedPointProblem, budget: Budget, t: float, before: Searches, /) -> Spent:
        """Look for the state that is read.

        Args:
            problem: that of the coordinate.
            budget: that of the model.
            t: the coordinate.
            before: what the same problem gave at a smaller one, to go on from there.
        """
        ...

    @property
    def is_nested(self) -> bool:
        """Whether the work at a smaller coordinate is part of that at a larger one."""
        ...


class _Search:
    """How much is spent on one problem."""

    @property
    def domain(self) -> Interval:
        return Interval()

    def problem(self, model: Any, inputs: Any, t: float) -> FixedPointProblem:
        found: FixedPointProblem = model.problem(inputs)
        return found


class _Resolution:
    """How fine a problem is; each is solved with the budget of the model."""

    counts: Sequence[int]

    @property
    def domain(self) -> Levels:
        return Levels(_levels(self.counts), "t")

    @property
    def is_nested(self) -> bool:
        return False

    def solve(self, problem: FixedPointProblem, budget: Budget, t: float, before: Searches) -> Spent:
        found = search(problem, budget)
        return Spent(found.image, (found,))


@dataclass(frozen=True)
class Iterations(_Search):
    r"""$K(t) = K_0 (K_1 / K_0)^t$ applications of F, a real number.

    Between whole numbers each particle is on the straight line between its places after $\lfloor K \rfloor$ and
    $\lceil K \rceil$ evaluations: a displacement interpolation of the two measures. Quality is a continuous function of
    t, and it takes $\lceil K \rceil$ evaluations.

    Args:
        least: $K_0$.
        most: $K_1$.
        solver: of the search; Picard's iteration is the network of depth K with tied weights.
    """

    least: int = 1
    most: int = 24
    solver: Solver = _PICARD

    def __post_init__(self) -> None:
        check_count("least", self.least)
        check_count("most", self.most, least=self.least + 1)

    @property
    def is_nested(self) -> bool:
        return True

    def count(self, t: float) -> float:
        """K."""
        count = self.least * (self.most / self.least) ** t
        return float(round(count)) if abs(count - round(count)) < _WHOLE * count else count

    def at_budget(self, evaluations: float) -> float:
        """The coordinate that takes as many evaluations of F.

        Raises:
            InvalidInputError: if they are fewer than the least, or more than the most.
        """
        check_positive("evaluations", evaluations)
        if not self.least <= evaluations <= self.most:
            raise InvalidInputError(f"`evaluations` must be in [{self.least}, {self.most}], got {evaluations!r}.")
        return math.log(evaluations / self.least) / math.log(self.most / self.least)

    def solve(self, problem: FixedPointProblem, budget: Budget, t: float, before: Searches) -> Spent:
        count = self.count(t)
        below, share = int(count), count % 1
        found = self._after(problem, below, before)
        if share == 0:
            return Spent(found.last, (found,))
        beyond = self._after(problem, below + 1, (*before, found))
        return Spent(torch.lerp(found.last, beyond.last, share), (found, beyond))

    def _after(self, problem: FixedPointProblem, count: int, before: Searches) -> FixedPoint:
        """The search after so many evaluations, from the longest that is not longer."""
        known = [found for found in before if int(found.evaluations.max()) <= count]
        return search(problem, Budget(self.solver, 0.0, count), known[-1] if known else None)


@dataclass(frozen=True)
class Tolerances(_Search):
    r"""$\varepsilon(t) = \varepsilon_0^{1 - t} \varepsilon_1^t$: each input ends when its residual is this small.

    Args:
        loosest: $\varepsilon_0$.
        tightest: $\varepsilon_1$.
        most: evaluations after which an input ends anyway.
        solver: of the search.
    """

    loosest: float = 0.3
    tightest: float = 1e-4
    most: int = 50
    solver: Solver = _ANDERSON

    def __post_init__(self) -> None:
        _check_falling("loosest", self.loosest, "tightest", self.tightest)
        check_count("most", self.most)

    @property
    def is_nested(self) -> bool:
        return True

    def tolerance(self, t: float) -> float:
        r"""$\varepsilon$."""
        return float(self.loosest ** (1 - t) * self.tightest**t)

    def solve(self, problem: FixedPointProblem, budget: Budget, t: float, before: Searches) -> Spent:
        rule = Residual(self.tolerance(t))
        found = search(problem, Budget(self.solver, rule, self.most), before[-1] if before else None)
        return Spent(found.image, (found,))


@dataclass(frozen=True)
class Changes(_Search):
    r"""$\delta(t) = \delta_0^{1 - t} \delta_1^t$: each input ends when no prediction changed by as much, see
    `PredictionChange`.

    Args:
        loosest: $\delta_0$.
        tightest: $\delta_1$.
        most: evaluations after which an input ends anyway.
        solver: of the search.
    """

    loosest: float = 0.5
    tightest: float = 0.01
    most: int = 50
    solver: Solver = _PICARD

    def __post_init__(self) -> None:
        _check_falling("loosest", self.loosest, "tightest", self.tightest)
        check_count("most", self.most)

    @property
    def is_nested(self) -> bool:
        return False  # an input that ended under a looser rule may have to go on under a tighter one

    def change(self, t: float) -> float:
        r"""$\delta$."""
        return float(self.loosest ** (1 - t) * self.tightest**t)

    def solve(self, problem: FixedPointProblem, budget: Budget, t: float, before: Searches) -> Spent:
        found = search(problem, Budget(self.solver, PredictionChange(self.change(t)), self.most))
        return Spent(found.last, (found,))


@dataclass(frozen=True)
class Particles(_Resolution):
    """How many particles the latent measure has: the first ones of the start of the network.

    Args:
        counts: rising; the coordinate is the place between the first and the last.
    """

    counts: Sequence[int] = (1, 2, 4, 8)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", _admit_counts(self.counts))

    def problem(self, model: Any, inputs: PointCloudBatch, t: float) -> FixedPointProblem:
        found: FixedPointProblem = model.problem(inputs, particles=_count(self.counts, t))
        return found


@dataclass(frozen=True)
class InputPoints(_Resolution):
    """How many points of each input are looked at: random ones, all of a smaller number among those of a larger one.

    Args:
        counts: rising; clouds with fewer points are looked at as a whole.
        seed: of the choice, which for a cloud depends on its number of points only.
    """

    counts: Sequence[int] = (16, 32, 64, 128)
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", _admit_counts(self.counts))
        rng_for(self.seed)

    def problem(self, model: Any, inputs: PointCloudBatch, t: float) -> FixedPointProblem:
        found: FixedPointProblem = model.problem(inputs.thinned(_count(self.counts, t), self.seed))
        return found


@dataclass(frozen=True, eq=False)
class Budgeted:
    """A model that spends what a coordinate buys: call it with inputs.

    Attributes:
        model: a `DEQ` or `DistributionalDEQ`.
        spending: what coordinates buy.
        t: the coordinate.
    """

    model: Any
    spending: Spending
    t: float

    def __call__(self, inputs: Any) -> Tensor:
        """What is read out, without gradients."""
        return self.equilibrium(inputs).output

    def equilibrium(self, inputs: Any) -> Equilibrium:
        """The same with the search: evaluations, residuals, flags."""
        with torch.no_grad():
            problem = self.spending.problem(self.model, inputs, self.t)
            return _read(problem, self.spending.solve(problem, self.model.budget, self.t, ()))


_ITERATIONS = Iterations()


@dataclass(frozen=True, eq=False)
class BudgetPath:
    """One equilibrium model at all budgets, from the smallest at 0 to the largest at 1.

    `at` gives an independent model that spends so much, `lease` one over the weights of this. A smaller budget than the
    model was trained for is worth little to look at alone: beside a curve belongs a model that was trained for the
    smallest budget.

    Args:
        model: a `DEQ` or a `DistributionalDEQ`; not changed.
        spending: what is bought: `Iterations`, `Tolerances`, `Changes`, `Particles` or `InputPoints`.

    Example:
        >>> from continuum.compute import DEQ
        >>> layer = DEQ(torch.nn.Bilinear(2, 2, 2))
        >>> path = BudgetPath(layer, Iterations(1, 16))
        >>> path.at_budget(4)
        (0.5,)
    """

    model: Any
    spending: Spending = _ITERATIONS

    def __post_init__(self) -> None:
        if isinstance(self.spending, type) or not hasattr(self.spending, "solve"):
            raise InvalidInputError(f"`spending` must be what is bought, such as Iterations(), got {self.spending!r}.")
        if isinstance(self.spending, Particles | InputPoints) and not isinstance(self.model, DistributionalDEQ):
            raise InvalidInputError(
                f"{type(self.spending).__name__} is of point clouds, and the model is a {type(self.model).__name__}."
            )
        if not hasattr(self.model, "problem"):
            raise InvalidInputError(f"`model` must be a DEQ or a DistributionalDEQ, got {type(self.model).__name__}.")

    @cached_property
    def domain(self) -> Domain:
        return self.spending.domain

    def at(self, point: PointLike, /) -> Budgeted:
        """An independent model with the budget of a point."""
        (t,) = self.domain.point(point)
        return Budgeted(copy.deepcopy(self.model), self.spending, t)

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[Budgeted]:
        """Borrow the model with the budget of a point, over the weights of this one."""
        (t,) = self.domain.point(point)
        yield Budgeted(self.model, self.spending, t)

    @property
    def endpoints(self) -> Mapping[Point, Budgeted]:
        """The smallest budget at 0 and the largest at 1."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def at_budget(self, evaluations: float) -> Point:
        """The point that takes so many evaluations of F, of `Iterations`.

        Raises:
            InvalidInputError: if the path is not over iterations, or they are out of its range.
        """
        if not isinstance(self.spending, Iterations):
            raise InvalidInputError(
                f"how many evaluations {type(self.spending).__name__} takes depends on the inputs; look at `curve`."
            )
        return (self.spending.at_budget(evaluations),)

    def curve(self, inputs: Any, points: int | Sequence[float] = 17) -> dict[Point, Equilibrium]:
        """What the model makes of one batch at many budgets, at the cost of the largest.

        Each search goes on where that of the next smaller budget ended, if work is nested: the input is encoded once,
        and values are those of separate searches.

        Args:
            inputs: what the model takes.
            points: number of points of the grid, or coordinates.
        """
        if isinstance(points, Sequence):
            grid = tuple(self.domain.point(t) for t in points)
        else:
            grid = self.domain.grid(int(points))
        found: dict[Point, Equilibrium] = {}
        problem: FixedPointProblem | None = None
        before: Searches = ()
        with torch.no_grad():
            for (t,) in sorted(set(grid)):
                if problem is None or not self.spending.is_nested:
                    problem = self.spending.problem(self.model, inputs, t)
                spent = self.spending.solve(problem, self.model.budget, t, before)
                found[(t,)] = _read(problem, spent)
                before = spent.searches
        return found

    def __repr__(self) -> str:
        return f"BudgetPath({type(self.model).__name__}, {self.spending!r})"


def _read(problem: FixedPointProblem, spent: Spent) -> Equilibrium:
    state, found = spent.state, spent.searches[-1]
    warn_of_divergence(found)
    return Equilibrium(problem.output(state), found, spread_of(problem, state))


def _check_falling(first: str, high: float, last: str, low: float) -> None:
    check_positive(first, high)
    check_positive(last, low)
    if not low < high:
        raise InvalidInputError(f"`{last}` must be below `{first}`, got {low!r} and {high!r}.")


def _admit_counts(counts: Sequence[int]) -> tuple[int, ...]:
    for count in counts:
        check_count("counts", count)
    if len(counts) < 2 or sorted(set(counts)) != list(counts):
        raise InvalidInputError(f"`counts` must be two or more rising numbers, got {counts!r}.")
    return tuple(int(count) for count in counts)


def _levels(counts: Sequence[int]) -> tuple[float, ...]:
    return tuple((count - counts[0]) / (counts[-1] - counts[0]) for count in counts)


def _count(counts: Sequence[int], t: float) -> int:
    return counts[_levels(counts).index(t)]
