r"""Gradients through an equilibrium: exact by the implicit function theorem, or by a few applications of F.

At $z^* = F(z^*, \theta)$ the gradient of a loss is $u^\top \partial F / \partial \theta$ with $u = J^\top u + g$, J the
Jacobian of F in z and g the gradient in $z^*$. Phantom gradients cut its Neumann series $\sum_j (J^\top)^j g$ short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from continuum.core import ConvergenceWarning, InvalidInputError, check_count, check_positive, warn

from .fixed_point import Budget, FixedPoint, FixedPointProblem, search
from .solvers import Anderson, Map, Picard, Solver
from .spaces import Clouds, reordered

__all__ = ["Backward", "BackwardReport", "Implicit", "Phantom", "Unrolled"]

_ANDERSON = Anderson(memory=10)
_SAME = 1e-5  # relative difference of two sums of squares that is rounding

Reporter = Callable[["BackwardReport"], None]


@dataclass(frozen=True, eq=False)
class BackwardReport:
    """How the linear system of a gradient was solved. All have the samples first.

    Attributes:
        residual: of the system, relative to its solution.
        evaluations: products with the transposed Jacobian.
        fell_back: whether the gradient is a phantom gradient, since the system was not solved.
    """

    residual: Float[Tensor, " b"]
    evaluations: Int[Tensor, " b"]
    fell_back: Bool[Tensor, " b"]


class Backward(Protocol):
    """How an equilibrium is differentiated; anything with this method is one."""

    def equilibrium(
        self, problem: FixedPointProblem, budget: Budget, report: Reporter, /
    ) -> tuple[Float[Tensor, "b ..."], FixedPoint]:
        """F of the state that was found, with a gradient, and the search.

        Args:
            problem: F as a function that torch can differentiate, and the start.
            budget: how to look for its fixed point.
            report: is told how the gradient was found.
        """
        ...


@dataclass(frozen=True)
class Phantom:
    r"""The gradient of `steps` damped applications of F at the state that was found.

    $\tau \sum_{j<k} ((1 - \tau) I + \tau J^\top)^j g$ (Geng et al. 2021), for $\tau = 1$ the first k terms of the
    Neumann series; with one step it is Jacobian-free backpropagation (Fung et al. 2022). Its error decays as
    $\rho(J)^k$. The value is F of the state, whatever the steps are.

    Args:
        steps: k.
        damping: $\tau$ of $z \leftarrow (1 - \tau) z + \tau F(z)$.
    """

    steps: int = 1
    damping: float = 1.0

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_positive("damping", self.damping)
        if self.damping > 1:
            raise InvalidInputError(f"`damping` must be in (0, 1], got {self.damping!r}.")

    def equilibrium(self, problem: FixedPointProblem, budget: Budget, report: Reporter) -> tuple[Tensor, FixedPoint]:
        found = search(problem, budget)
        f = _in_place(problem, budget, found)
        image = f(found.state)
        z = torch.lerp(found.state, image, self.damping) if self.damping != 1 else image
        for _ in range(self.steps - 1):
            z = torch.lerp(z, f(z), self.damping)
        # The value of the first application, whether later ones overflow or not, and the gradient of all.
        nothing = z - z.detach()
        return image.detach() + torch.where(torch.isfinite(nothing), nothing, 0), found


_FALLBACK = Phantom(5)


@dataclass(frozen=True)
class Implicit:
    r"""The exact gradient: $u = J^\top u + g$ is solved as the fixed-point problem that it is.

    On linear problems `Anderson` is GMRES in all but name (Walker & Ni 2011). Where particles return to each other's
    places, $F(z)_{\sigma(i)} = z_i$, the order is undone first, without which there is no fixed point. Where the
    residual stays above the tolerance, or the state is no fixed point, the gradient of `fallback` is taken, and a
    `ConvergenceWarning` says so. Gradients of gradients are refused.

    Args:
        solver: of the linear system.
        tolerance: largest residual, relative to u.
        max_iter: products with the transposed Jacobian.
        fallback: for samples whose system is not solved.
        accept: largest residual of a state at which the theorem is applied: its error is of this size.
    """

    solver: Solver = _ANDERSON
    tolerance: float = 1e-5
    max_iter: int = 50
    fallback: Phantom = _FALLBACK
    accept: float = 0.03

    def __post_init__(self) -> None:
        check_positive("tolerance", self.tolerance)
        check_positive("accept", self.accept)
        check_count("max_iter", self.max_iter)

    def equilibrium(self, problem: FixedPointProblem, budget: Budget, report: Reporter) -> tuple[Tensor, FixedPoint]:
        found = search(problem, budget)
        f = _in_place(problem, budget, found)
        if not torch.is_grad_enabled():
            return f(found.state), found
        state = found.state.detach().requires_grad_()
        image = f(state)
        if not image.requires_grad:
            return image, found
        result: Tensor = _Adjoint.apply(image, state, (self, found.residual <= self.accept, report))  # type: ignore[no-untyped-call]
        return result, found

    def solved(self, image: Tensor, state: Tensor, g: Tensor, accepted: Tensor) -> tuple[Tensor, BackwardReport]:
        """u for a gradient g, and how it was found; exact for samples that are `accepted` only."""
        if not bool(torch.isfinite(g).all()):
            raise InvalidInputError("the gradient that arrives at the equilibrium is not finite; look at the loss.")

        def affine(u: Tensor) -> Tensor:
            (pulled,) = torch.autograd.grad(image, state, u, retain_graph=True, allow_unused=True)
            return g if pulled is None else pulled + g

        found = search(FixedPointProblem(affine, g), Budget(self.solver, self.tolerance, self.max_iter))
        missed = ~(found.converged & accepted)
        u = found.image
        if bool(missed.any()):
            u = torch.where(missed.reshape(-1, *[1] * (g.ndim - 1)), self._phantom(affine, g), u)
        return u, BackwardReport(found.residual, found.evaluations, missed)

    def _phantom(self, affine: Map, g: Tensor) -> Tensor:
        u = self.fallback.damping * g
        for _ in range(self.fallback.steps - 1):
            u = torch.lerp(u, affine(u), self.fallback.damping)
        return u


@dataclass(frozen=True)
class Unrolled:
    """The gradient of all applications of F from the start: memory grows with their number. An oracle for tests.

    The search is Picard's iteration, for as many steps as the budget allows.
    """

    def equilibrium(self, problem: FixedPointProblem, budget: Budget, report: Reporter) -> tuple[Tensor, FixedPoint]:
        found = search(problem, Budget(Picard(), 0.0, budget.max_iter))
        z = problem.start
        for _ in range(budget.max_iter):
            z = problem.f(z)
        return z, found


class _Adjoint(torch.autograd.Function):
    """The identity, whose gradient g becomes u."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, state: Tensor, how: tuple[Implicit, Tensor, Reporter]) -> Tensor:
        ctx.parts = state, *how
        ctx.save_for_backward(image)
        return image.view_as(image)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():
            raise InvalidInputError(
                "gradients of gradients do not go through Implicit(), and `create_graph=True` asks for them; use "
                "Unrolled()."
            )
        state, options, accepted, report = ctx.parts
        (image,) = ctx.saved_tensors
        u, found = options.solved(image, state, g, accepted)
        report(found)
        if bool(found.fell_back.any()):
            warn(
                f"the gradients of {int(found.fell_back.sum())} of {len(g)} samples are those of {options.fallback}: "
                f"their states are no fixed points, or linear systems are solved to {float(found.residual.max()):.1e} "
                "only; raise `max_iter` of the search or of Implicit(), or make F contract, as by `jacobian_penalty`.",
                ConvergenceWarning,
            )
        return u, None, None


def _in_place(problem: FixedPointProblem, budget: Budget, found: FixedPoint) -> Map:
    """F with particles in the order of the state, where another order is the one in which it is a fixed point."""
    space = problem.space or budget.solver.space
    if not isinstance(space, Clouds):
        return problem.f
    plain = space.length(found.image - found.state)
    stays = plain <= (1 + _SAME) * found.residual * space.length(found.image)
    if bool((stays | ~torch.isfinite(plain)).all()):
        return problem.f  # as they are
    places = torch.arange(found.state.shape[1], device=found.state.device)
    order = torch.where(stays[:, None], places, space.order(found.state, found.image))

    return lambda z: reordered(problem.f(z), order)
