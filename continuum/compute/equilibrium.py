"""Models whose output is read out of a fixed point: of vectors (Bai et al. 2019), of measures (Geuter et al. 2025)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from continuum.core import ConvergenceWarning, InvalidInputError, check_count, torch_generator, warn

from .backward import Backward, BackwardReport, Phantom
from .fixed_point import Budget, FixedPoint, FixedPointProblem, said
from .particles import PointCloudBatch
from .solvers import Map
from .spaces import Clouds, Space, Vectors

__all__ = ["DEQ", "Context", "DistributionalDEQ", "Equilibrium", "Head", "MeasureNetwork", "jacobian_penalty", "spread"]

_BUDGET = Budget()
_PHANTOM = Phantom()

C = TypeVar("C", bound="Context")


class Context(Protocol):
    """What a network keeps of an input: tensors with the samples first."""

    def index(self: C, rows: Tensor, /) -> C:
        """The context of some of the samples."""
        ...


class MeasureNetwork(Protocol):
    r"""$F(\mu, \rho)$ on particles, with all that depends on $\rho$ alone computed once; anything with these is one.

    A context with an attribute `masses`, (b, n), says that particles are the points of the input, each tied to its own.
    """

    @property
    def marks(self) -> Tensor | None:
        """What tells particles apart, (n, k); None where nothing does, and they end in one point."""
        ...

    def encode(self, clouds: PointCloudBatch, /) -> Any:
        """The context of a batch of input measures."""
        ...

    def start(self, context: Any, /) -> Float[Tensor, "b n p"]:
        """Where the search begins: a function of the context alone."""
        ...

    def step(self, z: Float[Tensor, "b n p"], context: Any, /) -> Float[Tensor, "b n p"]:
        """F."""
        ...


class Head(Protocol):
    """What is read out of particles; anything with these is one, and a module."""

    def __call__(self, z: Float[Tensor, "b n p"], context: Any, /) -> Tensor:
        """The output of each sample."""
        ...

    def probabilities(self, output: Tensor, /) -> Tensor:
        """Outputs as numbers of which a change can be judged, such as probabilities."""
        ...


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """What a model makes of a batch, and how.

    Attributes:
        output: what is read out of F(z) at the state that was found.
        solution: the search.
        spread: how far particles are from each other, see `spread`; NaN for vectors, and for particles that are tied to
            points of the input.
    """

    output: Tensor
    solution: FixedPoint
    spread: Float[Tensor, " b"]


class DEQ(nn.Module):
    r"""The fixed point $z^* = f(z^*, x)$ as a layer.

    The same function in training and in evaluation: F of the state that was found. Memory does not grow with the number
    of evaluations.

    Args:
        f: a module of a state and an input, samples first, that keeps the shape of the state. No sample may look at
            another, as in batch normalisation; dropout has no fixed point.
        shape: of a state without the samples; None for that of the input.
        budget: how the fixed point is looked for.
        backward: how it is differentiated.

    Example:
        >>> class Tanh(torch.nn.Linear):
        ...     def forward(self, z, x):
        ...         return torch.tanh(0.5 * super().forward(z) + x)
        >>> layer = DEQ(Tanh(3, 3))
        >>> z, x = layer(torch.ones(2, 3)), torch.ones(2, 3)
        >>> torch.allclose(z, layer.f(z, x), atol=1e-3)
        True
    """

    def __init__(
        self,
        f: nn.Module,
        *,
        shape: tuple[int, ...] | None = None,
        budget: Budget = _BUDGET,
        backward: Backward = _PHANTOM,
    ) -> None:
        super().__init__()
        self.f = f
        self.shape = shape
        self.budget = budget
        self.backward_rule = backward
        self.backward_report: BackwardReport | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The fixed point for each input, (b, ...)."""
        return self.equilibrium(x).output

    def equilibrium(self, x: Tensor) -> Equilibrium:
        """The fixed point for each input, with the search."""
        return _equilibrium(self, self.problem(x))

    def problem(self, x: Tensor) -> FixedPointProblem:
        """F with its input, from a state of zeros."""
        if not isinstance(x, Tensor) or x.ndim < 2 or not x.is_floating_point():
            raise InvalidInputError(f"inputs must be a floating-point tensor (b, ...), got {said(x)}.")
        if not bool(torch.isfinite(x).all()):
            raise InvalidInputError("inputs have NaN or infinite entries; drop or impute them.")
        shape = x.shape[1:] if self.shape is None else self.shape
        return FixedPointProblem(_Bound(self._image, _Inputs(x)), x.new_zeros(len(x), *shape), Vectors())

    def _image(self, z: Tensor, inputs: _Inputs) -> Tensor:
        image: Tensor = self.f(z, inputs.x)
        return image


class DistributionalDEQ(nn.Module):
    r"""A model of point clouds: $h(F(\mu^*, \rho))$ at a measure $\mu^* = F(\mu^*, \rho)$.

    The input measure is encoded once. The start is part of the network, so that nothing is random, and training and
    evaluation are the same function. Particles that nothing tells apart end in one point if F has one fixed point:
    $\mu^*$ is then a Dirac measure. Networks with `marks` keep them apart; `Equilibrium.spread` says how far.

    Args:
        network: F, see `MeasureNetwork`.
        head: h, see `Head`.
        budget: how the fixed point is looked for.
        backward: how it is differentiated.
    """

    def __init__(self, network: Any, head: Any, *, budget: Budget = _BUDGET, backward: Backward = _PHANTOM) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.budget = budget
        self.backward_rule = backward
        self.backward_report: BackwardReport | None = None

    def forward(self, clouds: PointCloudBatch) -> Tensor:
        """What the head reads out."""
        return self.equilibrium(clouds).output

    def equilibrium(self, clouds: PointCloudBatch) -> Equilibrium:
        """The same with the search, and the spread of the particles."""
        return _equilibrium(self, self.problem(clouds))

    def problem(self, clouds: PointCloudBatch, *, particles: int | None = None) -> FixedPointProblem:
        """F with the encoded input, from the start of the network.

        Args:
            clouds: the inputs.
            particles: how many of the particles of the start; None for all.

        Raises:
            InvalidInputError: if the network has fewer particles.
        """
        context = self.network.encode(clouds)
        start = self.network.start(context)
        if particles is not None:
            check_count("particles", particles, most=start.shape[1])
            start = start[:, :particles]
        return FixedPointProblem(
            _Bound(self.network.step, context),
            start,
            _space(self.network.marks, context, start),
            _Bound(self.head, context),
            self.head.probabilities,
        )


def _equilibrium(model: DEQ | DistributionalDEQ, problem: FixedPointProblem) -> Equilibrium:
    """Look for the state of a model with its gradient, and read it out."""

    def report(found: BackwardReport) -> None:
        model.backward_report = found

    z, found = model.backward_rule.equilibrium(problem, model.budget, report)
    warn_of_divergence(found)
    return Equilibrium(problem.output(z), found, spread_of(problem, z))


def spread(z: Float[Tensor, "b n p"]) -> Float[Tensor, " b"]:
    r"""How far particles are from their mean, relative to their length.

    $(\sum_i |z_i - \bar z|^2 / \sum_i |z_i|^2)^{1/2}$: 0 where all are in one point, 1 where their mean is the origin.
    """
    centred = z - z.mean(1, keepdim=True)
    found: Tensor = centred.flatten(1).norm(dim=1) / z.flatten(1).norm(dim=1).clamp_min(torch.finfo(z.dtype).tiny)
    return found


def warn_of_divergence(found: FixedPoint) -> None:
    """Say that samples diverged. That a budget was spent before a search came to rest is what budgets are for."""
    if bool(found.diverged.any()):
        warn(
            f"{int(found.diverged.sum())} of {len(found)} samples diverged: their states are the best that were found; "
            "try Anderson() or Damped() in the budget, or make F contract, as by `jacobian_penalty`.",
            ConvergenceWarning,
        )


def spread_of(problem: FixedPointProblem, z: Tensor) -> Float[Tensor, " b"]:
    """The spread of states of a problem; NaN where there are no particles to be apart."""
    if isinstance(problem.space, Clouds):
        return spread(z)
    return z.new_full((len(z),), torch.nan)


def jacobian_penalty(f: Map, z: Tensor, rng: np.random.Generator) -> Tensor:
    r"""An estimate of $\|J\|_F^2$ per entry of the state, to be added to a loss: it makes F contract.

    $\|J^\top v\|^2 / (b n)$ for one standard normal v, n entries of a state (Bai et al. 2021, eq. 6).

    Args:
        f: F of states (b, ...).
        z: states at which it is taken, such as those that were found.
        rng: generator of v.
    """
    state = z.detach().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):  # the faster kernels of attention have no second derivative
        image = f(state)
    if not image.requires_grad:
        return z.new_zeros(())
    v = torch.randn(image.shape, generator=torch_generator(rng), dtype=torch.float64).to(image)
    (pulled,) = torch.autograd.grad(image, state, v, create_graph=True, allow_unused=True)
    return z.new_zeros(()) if pulled is None else pulled.square().mean()


def _space(marks: Tensor | None, context: Any, start: Tensor) -> Space:
    if getattr(context, "masses", None) is not None:
        return Vectors()
    return Clouds(marks=None if marks is None else marks.detach()[: start.shape[1]])


@dataclass(frozen=True, eq=False)
class _Inputs:
    """Inputs as a context."""

    x: Tensor

    def index(self, rows: Tensor) -> _Inputs:
        return replace(self, x=self.x[rows])


@dataclass(frozen=True, eq=False)
class _Bound:
    """A function of states and a context, with the context."""

    f: Callable[[Tensor, Any], Tensor]
    context: Any

    def __call__(self, z: Tensor) -> Tensor:
        return self.f(z, self.context)

    def index(self, rows: Tensor) -> _Bound:
        return replace(self, context=self.context.index(rows))
