r"""What it means for a state to be a fixed point: of vectors, or of measures, where points have no order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from continuum.core import InvalidInputError
from continuum.measures import Kernel, Riesz
from continuum.measures.mmd import discrepancy2

__all__ = ["Clouds", "Space", "Vectors", "reordered"]

_ENERGY = Riesz()
_FEW = 64  # particles up to which an assignment is cheap


class Space(Protocol):
    """How far states of a batch are from their images."""

    def residual(self, point: Tensor, image: Tensor, goal: float, floor: Tensor | float, /) -> Float[Tensor, " b"]:
        """Distance of each state to its image, relative to the length of the image.

        Args:
            point: states.
            image: F of them.
            goal: above which the distance need not be exact, but no smaller than it is.
            floor: least length that distances are relative to, (b,): an equilibrium may lie at the origin.
        """
        ...

    def length(self, states: Tensor, /) -> Float[Tensor, " b"]:
        """How long states are."""
        ...

    def mmd2(self, point: Tensor, image: Tensor, /) -> Float[Tensor, " b"]:
        """Squared maximum mean discrepancy of each state and its image: 0 exactly for a fixed point."""
        ...

    def index(self, rows: Tensor, /) -> Space:
        """The space of some of the samples."""
        ...


@dataclass(frozen=True)
class Vectors:
    r"""States are vectors, of any shape: $\|F(z) - z\| / \|F(z)\|$.

    As a measure a vector is one point: its discrepancy for the energy kernel is $2 \|F(z) - z\|$.
    """

    def residual(self, point: Tensor, image: Tensor, goal: float = 0.0, floor: Tensor | float = 0.0) -> Tensor:
        return _ratio(self.length(image - point), self.length(image), floor)

    def length(self, states: Tensor) -> Tensor:
        length: Tensor = torch.linalg.vector_norm(states.flatten(1), dim=1)
        return length

    def mmd2(self, point: Tensor, image: Tensor) -> Tensor:
        return 2 * self.length(image - point)

    def index(self, rows: Tensor) -> Vectors:
        return self


@dataclass(frozen=True, eq=False)
class Clouds:
    r"""States are measures $\mu = \sum_i w_i\, \delta_{z_i}$, given by particles (b, n, p).

    $\mu = F(\mu)$ says that the particles of F(z) are those of z in some order. The residual is
    $W_2(\mu, F(\mu)) / (\sum_i w_i |F(z)_i|^2)^{1/2}$. Where every particle returns to its own place this is known
    without a search; otherwise the best order is one linear assignment. Of many particles, or of marked ones, which
    hardly change places, it is looked for only if the energy distance does not rule out that $W_2$ is below the goal:
    $\mathrm{MMD}^2 \le 2\, W_1 \le 2\, W_2$ by the triangle inequality.

    Args:
        weights: masses of the particles, (b, n), 0 for padding; None for uniform ones. Orders are only looked for among
            equal masses.
        marks: what tells particles apart, (n, k): the measure is on pairs of mark and state, and the mark never moves.
        kernel: of the discrepancy that is reported.
    """

    weights: Float[Tensor, "b n"] | None = None
    marks: Float[Tensor, "n k"] | None = None
    kernel: Kernel = _ENERGY

    def residual(self, point: Tensor, image: Tensor, goal: float = 0.0, floor: Tensor | float = 0.0) -> Tensor:
        scale = self.length(image)
        found = _ratio(self.length(image - point), scale, floor)
        rows = self._hopeful(point, image, found, goal, scale).nonzero()[:, 0]
        if len(rows):
            some = self.index(rows)
            order = some.order(point[rows], image[rows])
            moved = reordered(some.marked(image[rows]), order) - some.marked(point[rows])
            least = floor if isinstance(floor, float) else floor[rows]
            found[rows] = torch.minimum(found[rows], _ratio(some.length(moved), scale[rows], least))
        return found

    def _hopeful(self, point: Tensor, image: Tensor, found: Tensor, goal: float, scale: Tensor) -> Tensor:
        """Of which samples another order of the particles is looked for."""
        wanted = found > goal
        if self.marks is None and point.shape[1] <= _FEW:
            return wanted
        if goal == 0:
            return torch.zeros_like(wanted)
        masses = self.masses(point)
        energy = discrepancy2(self.marked(point), self.marked(image), masses, masses, _ENERGY)
        return wanted & (energy <= 2 * goal * scale + _slack(image))

    def length(self, states: Tensor) -> Tensor:
        return (self.masses(states) * states.square().sum(-1)).sum(-1).sqrt()

    def mmd2(self, point: Tensor, image: Tensor) -> Tensor:
        masses = self.masses(point)
        return discrepancy2(self.marked(point), self.marked(image), masses, masses, self.kernel)

    def index(self, rows: Tensor) -> Clouds:
        return self if self.weights is None else replace(self, weights=self.weights[rows])

    def masses(self, point: Tensor) -> Float[Tensor, "b n"]:
        """The masses in the dtype of a state."""
        if point.ndim != 3:
            raise InvalidInputError(
                f"states of measures must be particles (b, n, p), got shape {tuple(point.shape)}; add a dimension, or "
                "pass `space=Vectors()`."
            )
        if self.weights is None:
            return torch.full(point.shape[:2], 1 / point.shape[1], dtype=point.dtype, device=point.device)
        return self.weights.to(point)

    def marked(self, state: Tensor) -> Tensor:
        """States with their marks, (b, n, k + p)."""
        if self.marks is None:
            return state
        return torch.cat([self.marks.to(state).expand(len(state), -1, -1), state], -1)

    def order(self, point: Tensor, image: Tensor) -> Int[Tensor, "b n"]:
        """For each particle the place of its image: image[b, order[b]] is nearest to point[b] as a whole.

        Particles of mass 0 stay where they are.
        """
        masses = self.masses(point)
        costs = torch.cdist(
            self.marked(point).double(), self.marked(image).double(), compute_mode="donot_use_mm_for_euclid_dist"
        ).square()
        order = torch.arange(point.shape[1], device=point.device).repeat(len(point), 1)
        for row, (cost, mass) in enumerate(zip(costs.cpu(), masses.cpu(), strict=True)):
            real = (mass > 0).nonzero()[:, 0]
            if _are_equal(mass[real]) and bool(cost.isfinite().all()):
                _, columns = linear_sum_assignment(cost[real][:, real].numpy())
                order[row, real] = real[torch.as_tensor(columns)].to(order.device)
        return order


def _ratio(gap: Tensor, length: Tensor, floor: Tensor | float) -> Tensor:
    """A distance relative to a length; 0 where both are 0."""
    return gap / length.clamp(min=floor).clamp(min=torch.finfo(gap.dtype).tiny)


def _slack(image: Tensor) -> Tensor:
    """What rounding can add to the discrepancy of each sample."""
    return 64 * torch.finfo(image.dtype).eps * image.abs().flatten(1).amax(1)


def _are_equal(masses: Tensor) -> Bool[Tensor, ""] | bool:
    return bool(((masses - masses[0]).abs() <= 1e-6 * masses[0]).all())


def reordered(image: Float[Tensor, "b n p"], order: Int[Tensor, "b n"]) -> Float[Tensor, "b n p"]:
    """Particles in another order: that of place i is image[b, order[b, i]]."""
    return image.gather(1, order[..., None].expand_as(image))
