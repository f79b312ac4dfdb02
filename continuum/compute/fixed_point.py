"""The search for fixed points of a batch: each sample ends on its own, and those that ended cost nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from continuum.core import ConvergenceWarning, IncompatibleError, InvalidInputError, check_count, check_weight, warn

from .solvers import Anderson, Map, Memory, Solver, Step
from .spaces import Space
from .stopping import Residual, Stop

__all__ = ["Budget", "FixedPoint", "FixedPointProblem", "SampleMap", "said", "search", "solve_fixed_point"]

_ANDERSON = Anderson()
_AHEAD, _FLOOR = "ahead", "floor"
_FLOOR_SHARE = 1e-3  # of the length of the first image: distances are relative to no less
_GROWN = 10.0  # growth of the distance to the image at which a sample diverges


@runtime_checkable
class SampleMap(Protocol):
    """A map of batches that can be had for some of its samples: then samples that ended are not computed any more."""

    def __call__(self, z: Tensor, /) -> Tensor:
        """F of each sample, (b, ...) to (b, ...)."""
        ...

    def index(self, rows: Tensor, /) -> SampleMap:
        """The map of some of the samples."""
        ...


@dataclass(frozen=True)
class Budget:
    """How a fixed point is looked for, and when the search ends.

    Args:
        solver: what is tried next.
        stop: when a sample ends; a number is the tolerance of `Residual`.
        max_iter: evaluations of F after which it ends unconverged.

    Raises:
        InvalidInputError: for a tolerance that is negative, or fewer than one evaluation.
    """

    solver: Solver = _ANDERSON
    stop: Stop | float = 1e-4
    max_iter: int = 50

    def __post_init__(self) -> None:
        check_count("max_iter", self.max_iter)
        _check_kind("solver", self.solver, "step", "a solver such as Anderson()")
        if not hasattr(self.stop, "reached"):
            check_weight("stop", self.stop)
            object.__setattr__(self, "stop", Residual(float(self.stop)))
        _check_kind("stop", self.stop, "reached", "a tolerance or a rule such as PredictionChange()")

    @property
    def rule(self) -> Stop:
        """When a sample ends."""
        return cast(Stop, self.stop)


@dataclass(frozen=True, eq=False)
class FixedPointProblem:
    """$z = F(z)$ for a batch of samples.

    Args:
        f: F, (b, ...) to (b, ...), one sample from one sample; a `SampleMap` saves the work of those that ended.
        start: where the search begins, (b, ...).
        space: what states are; None for what the solver takes them for.
        read: outputs of states, for rules that look at them; None where states are the outputs. It is restricted to
            samples as `f` is.
        predict: outputs as numbers of which a change can be judged, such as probabilities; None for as they are.
    """

    f: Map
    start: Float[Tensor, "b ..."]
    space: Space | None = None
    read: Map | None = None
    predict: Map | None = None

    def __post_init__(self) -> None:
        if not callable(self.f):
            raise InvalidInputError(f"F must be a function of states, got {type(self.f).__name__}.")
        if self.space is not None:
            _check_kind("space", self.space, "residual", "Vectors() or Clouds()")
        if not isinstance(self.start, Tensor) or self.start.ndim < 2 or not self.start.is_floating_point():
            raise InvalidInputError(
                "the start must be a floating-point tensor of states, samples first, (b, ...) with at least two "
                f"dimensions, got {said(self.start)}."
            )
        if self.start.numel() == 0:
            raise InvalidInputError(f"the start is empty: shape {tuple(self.start.shape)}.")
        if not bool(torch.isfinite(self.start).all()):
            raise InvalidInputError("the start has NaN or infinite entries; a search cannot begin there.")

    def output(self, z: Tensor) -> Tensor:
        """What is read out of states of all samples."""
        return z if self.read is None else self.read(z)


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a search stands.

    Attributes:
        budget: that of the search.
        held: where F is to be evaluated next, and what solver and rule remember.
        gaps: lengths of F(z) - z at the first and at the last evaluation, (2, b).
        broken: whether something was not finite, so that there is no going on.
    """

    budget: Budget
    held: Memory
    gaps: Float[Tensor, "2 b"]
    broken: Bool[Tensor, " b"]


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """What a search found. All have the samples first.

    Attributes:
        state: of all points at which F was evaluated, the one of the least residual, (b, ...); where F was never
            finite, the start.
        image: F of it; NaN where F was never finite, as are `last` and `mmd2`.
        last: F of the last finite point: what so many applications of F make of the start.
        residual: distance of state and image, relative to the image; see `Vectors` and `Clouds`.
        mmd2: squared discrepancy of state and image, the certificate: 0 for a fixed point.
        trace: residual of each evaluation, (evaluations, b), NaN after the end.
        evaluations: of F.
        converged: whether the rule said so, and not only the number of evaluations ran out.
        diverged: whether something was not finite, or states ended ten times as far from their images as they began.
        progress: what it takes to go on.
    """

    state: Float[Tensor, "b ..."]
    image: Float[Tensor, "b ..."]
    last: Float[Tensor, "b ..."]
    residual: Float[Tensor, " b"]
    mmd2: Float[Tensor, " b"]
    trace: Float[Tensor, "k b"]
    evaluations: Int[Tensor, " b"]
    converged: Bool[Tensor, " b"]
    diverged: Bool[Tensor, " b"]
    progress: Progress

    def __len__(self) -> int:
        return len(self.state)


def solve_fixed_point(
    f: Map,
    z0: Tensor | FixedPoint,
    *,
    solver: Solver = _ANDERSON,
    tolerance: float = 1e-4,
    max_iter: int = 50,
    stop: Stop | None = None,
    space: Space | None = None,
    read: Map | None = None,
) -> FixedPoint:
    r"""Look for z = F(z) for each sample of a batch.

    No sample knows of the others: each ends when its own rule says so, and keeps the point of its least residual. There
    are no gradients; `DEQ` and `DistributionalDEQ` have them.

    Args:
        f: F, (b, ...) to (b, ...). If it has a method `index(rows)`, samples that ended are left out.
        z0: where to begin, (b, ...), or what a search with fewer evaluations found, to be gone on with as if it had
            never ended: with the same solver, and the same rule but for the tolerance of a residual.
        solver: `Picard`, `Damped`, `Anderson`, `Broyden` or `WassersteinFlow`.
        tolerance: largest distance of a state to its image, relative to the length of the image.
        max_iter: evaluations of F for each sample at most, those before included.
        stop: another rule of when to end, instead of `tolerance`.
        space: `Vectors()`, or `Clouds()` where the order of particles does not matter; what the solver takes states for
            if None.
        read: outputs of states, for `PredictionChange`; the states themselves if None.

    Returns:
        The best states with residuals, certificates and flags. A `ConvergenceWarning` says if samples did not converge.

    Raises:
        InvalidInputError: if F changes the shape of states or makes integers of them, or the start is not finite.
        IncompatibleError: if a search is gone on with by another solver or rule.

    Example:
        >>> found = solve_fixed_point(torch.cos, torch.zeros(1, 1), tolerance=1e-5)
        >>> round(float(found.state), 4), bool(found.converged)
        (0.7391, True)
    """
    start = z0.state if isinstance(z0, FixedPoint) else z0
    problem = FixedPointProblem(f, start, space, read)
    budget = Budget(solver, Residual(tolerance) if stop is None else stop, max_iter)
    found = search(problem, budget, z0 if isinstance(z0, FixedPoint) else None)
    missed = ~found.converged
    if bool(missed.any()):
        warn(
            f"{int(missed.sum())} of {len(found)} samples did not converge in {max_iter} evaluations, residuals up to "
            f"{float(found.residual[missed].max()):.1e}, {int(found.diverged.sum())} of them diverged; raise "
            "`max_iter`, or try `Anderson()` or `Damped()`.",
            ConvergenceWarning,
        )
    return found


def search(problem: FixedPointProblem, budget: Budget, before: FixedPoint | None = None) -> FixedPoint:
    """What `solve_fixed_point` does, without its warning.

    Args:
        problem: the map and the start.
        budget: solver, rule and number of evaluations.
        before: what was found with fewer evaluations, to go on from there.
    """
    run = _Run(problem, budget, before)
    with torch.no_grad():
        while len(run.rows):
            run.advance()
        return run.result()


class _Run:
    """A search that is going on: what is known of all samples, and what those need that go on."""

    rows: Tensor  # those that go on
    live: Memory  # theirs
    f: Map
    near: Space
    predicted: Map

    def __init__(self, problem: FixedPointProblem, budget: Budget, before: FixedPoint | None) -> None:
        self.problem, self.budget = problem, budget
        self.space = problem.space or budget.solver.space
        start = problem.start.detach()
        n, device = len(start), start.device
        if before is None:
            self.state, self.image, self.last = start.clone(), start.clone(), start.clone()
            self.residual = start.new_full((n,), torch.inf)
            self.trace = start.new_full((budget.max_iter, n), torch.nan)
            self.evaluations = torch.zeros(n, dtype=torch.long, device=device)
            self.broken = torch.zeros(n, dtype=torch.bool, device=device)
            self.gaps = start.new_full((2, n), torch.nan)
            ended = self.broken
            self.held = {_AHEAD: start.clone(), _FLOOR: start.new_full((n,), torch.nan)}
            self.held |= {f"solver.{name}": part for name, part in budget.solver.start(start).items()}
            self.held |= {f"stop.{name}": part for name, part in budget.rule.start(start).items()}
        else:
            self.state, self.image, self.last = (part.clone() for part in (before.state, before.image, before.last))
            self.residual, self.evaluations = before.residual.clone(), before.evaluations.clone()
            more = start.new_full((max(0, budget.max_iter - len(before.trace)), n), torch.nan)
            self.trace = torch.cat([before.trace, more])
            self.broken, self.gaps = before.progress.broken.clone(), before.progress.gaps.clone()
            ended = self.broken | _have_ended(before, budget)
            self.held = {name: part.clone() for name, part in before.progress.held.items()}
        self.converged = ended & ~self.broken
        self._take((~ended & (self.evaluations < budget.max_iter)).nonzero()[:, 0])

    def advance(self) -> None:
        """Evaluate F once for those that go on."""
        step = self.budget.solver.step(self.f, self.live[_AHEAD], _part(self.live, "solver."), self.near)
        length, floor = self.near.length(step.image), self.live[_FLOOR]
        floor = torch.where(floor.isnan(), _FLOOR_SHARE * length, floor)
        residual = self.near.residual(step.point, step.image, self.budget.rule.goal, floor.nan_to_num())
        finite = _is_finite(step.image) & torch.isfinite(residual)
        reached, seen = self.budget.rule.reached(step, residual, self.near, self.predicted, _part(self.live, "stop."))
        self._note(step, residual, length, finite)
        self.live = {_AHEAD: step.ahead, _FLOOR: floor}
        self.live |= {f"solver.{name}": part for name, part in step.memory.items()}
        self.live |= {f"stop.{name}": part for name, part in seen.items()}
        broken = ~finite | ~_is_finite(step.ahead)
        reached = reached & finite
        self.converged[self.rows] = reached
        self.broken[self.rows] = broken & ~reached
        more = self.evaluations[self.rows] < self.budget.max_iter
        go = ~reached & ~broken & more
        if not bool(go.all()):
            self._keep()
            self._take(self.rows[go])

    def result(self) -> FixedPoint:
        longest = int(self.evaluations.max())
        grown = self.gaps[1] > _GROWN * self.gaps[0]
        never = self.residual.isinf().reshape(-1, *[1] * (self.state.ndim - 1))
        image, last = (torch.where(never, torch.nan, part) for part in (self.image, self.last))
        return FixedPoint(
            state=self.state,
            image=image,
            last=last,
            residual=self.residual,
            mmd2=torch.where(self.residual.isinf(), torch.nan, self.space.mmd2(self.state, self.image)),
            trace=self.trace[:longest],
            evaluations=self.evaluations,
            converged=self.converged,
            diverged=~self.converged & (self.broken | grown),
            progress=Progress(self.budget, self.held, self.gaps, self.broken),
        )

    def _note(self, step: Step, residual: Tensor, length: Tensor, finite: Tensor) -> None:
        """Keep the residuals, and the best point so far."""
        rows = self.rows
        self.trace[self.evaluations[rows], rows] = torch.where(finite, residual, torch.inf)
        first = self.evaluations[rows] == 0
        self.evaluations[rows] += 1
        gap = residual * length
        self.gaps[0, rows[first]] = gap[first]
        self.gaps[1, rows] = gap
        self.last[rows[finite]] = step.image[finite]
        better = finite & (residual <= self.residual[rows])
        for held, new in ((self.state, step.point), (self.image, step.image), (self.residual, residual)):
            held[rows[better]] = new[better]

    def _keep(self) -> None:
        """Write what is remembered of those that go on to where all of it is."""
        for name, part in self.live.items():
            if name not in self.held:
                self.held[name] = part.new_full((len(self.state), *part.shape[1:]), torch.nan)
            self.held[name][self.rows] = part

    def _take(self, rows: Tensor) -> None:
        """Go on with these samples."""
        self.rows = rows
        self.live = {name: part[rows] for name, part in self.held.items()}
        is_all = len(rows) == len(self.state)
        self.near = self.space if is_all else self.space.index(rows)
        self.f = _guarded(_restricted(self.problem.f, rows, self.state, is_all))
        self.predicted = self._predicted(rows, is_all)

    def _predicted(self, rows: Tensor, is_all: bool) -> Map:
        read, predict = self.problem.read or _same, self.problem.predict or _same
        near = read if read is _same else _restricted(read, rows, self.state, is_all)
        return lambda z: predict(near(z))


def _restricted(f: Map, rows: Tensor, filler: Tensor, is_all: bool) -> Map:
    """F of some samples; where it cannot be restricted, of all, with the others at states that are known."""
    if is_all:
        return f
    if isinstance(f, SampleMap):
        return f.index(rows)

    def padded(z: Tensor) -> Tensor:
        whole = filler.clone().index_copy(0, rows, z)
        return f(whole)[rows]

    return padded


def _same(z: Tensor) -> Tensor:
    return z


def _part(held: Memory, prefix: str) -> Memory:
    return {name[len(prefix) :]: part for name, part in held.items() if name.startswith(prefix)}


def _is_finite(states: Tensor) -> Tensor:
    return torch.isfinite(states.flatten(1)).all(1)


def _guarded(f: Map) -> Map:
    """F with a copy of its argument, which it may write into, and a copy of its result, which it may use again."""

    def call(z: Tensor) -> Tensor:
        image = f(z.clone())
        if not isinstance(image, Tensor) or image.shape != z.shape or not image.is_floating_point():
            raise InvalidInputError(f"F must not change the shape of states: of {said(z)} it made {said(image)}.")
        return image.to(z.dtype, copy=True)  # autocast may have made another one

    return call


def _have_ended(before: FixedPoint, budget: Budget) -> Tensor:
    """Which samples of an earlier search need not go on."""
    known = before.progress.budget
    same = type(known.rule) is type(budget.rule) and (known.rule == budget.rule or isinstance(budget.rule, Residual))
    if known.solver != budget.solver or not same:
        raise IncompatibleError(
            f"a search by {known.solver!r} until {known.rule!r} cannot be gone on with by {budget.solver!r} until "
            f"{budget.rule!r}; begin anew at its state."
        )
    return before.converged if known.rule == budget.rule else before.residual <= budget.rule.goal


def _check_kind(name: str, value: Any, method: str, wanted: str) -> None:
    if isinstance(value, type) or not hasattr(value, method):
        raise InvalidInputError(f"`{name}` must be {wanted}, got {value!r}.")


def said(value: Any) -> str:
    """How errors call a value: a tensor by its shape and kind, anything else by its type."""
    return f"{tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
