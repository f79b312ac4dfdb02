r"""Ways to look for z = F(z): what is tried next, from what is known so far. Each sample of a batch on its own.

A solver is a few options and a rule. All that it remembers are tensors with the samples first, so that samples can
leave and a search can be taken up again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from continuum.core import InvalidInputError, check_count, check_positive

from .spaces import Space, Vectors

__all__ = ["Anderson", "Broyden", "Damped", "Map", "Memory", "Picard", "Solver", "Step"]

Map = Callable[[Tensor], Tensor]
"""F of some samples, (b, ...) to (b, ...)."""

Memory = dict[str, Tensor]
"""What a solver remembers, samples first."""

_RESTART = 2.0  # growth of the residual over the least one at which history does more harm than good
_VECTORS = Vectors()


class Step(NamedTuple):
    """One evaluation of F, and where to go from there.

    Attributes:
        point: where F was evaluated.
        image: F of it.
        ahead: where to evaluate it next.
        memory: what is remembered until then.
    """

    point: Tensor
    image: Tensor
    ahead: Tensor
    memory: Memory


class Solver(Protocol):
    """A way to look for a fixed point; anything with these members is one."""

    @property
    def space(self) -> Space:
        """What its states are unless it is said."""
        ...

    def start(self, z: Tensor, /) -> Memory:
        """The memory before the first evaluation."""
        ...

    def step(self, f: Map, z: Tensor, memory: Memory, space: Space, /) -> Step:
        """Evaluate F once, at z or near to it."""
        ...


@dataclass(frozen=True)
class Picard:
    r"""$z \leftarrow F(z)$. Converges at the rate $\rho(J_F)$, if that is below 1."""

    @property
    def space(self) -> Space:
        return _VECTORS

    def start(self, z: Tensor) -> Memory:
        return {}

    def step(self, f: Map, z: Tensor, memory: Memory, space: Space) -> Step:
        image = f(z)
        return Step(z, image, image, memory)


@dataclass(frozen=True)
class Damped:
    r"""$z \leftarrow (1 - \tau) z + \tau F(z)$: the same fixed points, at the rate $\rho((1 - \tau) I + \tau J_F)$.

    Args:
        weight: $\tau$, in (0, 1].
    """

    weight: float = 0.5

    def __post_init__(self) -> None:
        check_positive("weight", self.weight)
        if self.weight > 1:
            raise InvalidInputError(f"`weight` must be in (0, 1], got {self.weight!r}.")

    @property
    def space(self) -> Space:
        return _VECTORS

    def start(self, z: Tensor) -> Memory:
        return {}

    def step(self, f: Map, z: Tensor, memory: Memory, space: Space) -> Step:
        image = f(z)
        return Step(z, image, torch.lerp(z, image, self.weight), memory)


@dataclass(frozen=True)
class Anderson:
    r"""Anderson acceleration: the combination of the last iterates whose residual would be least, were F affine.

    With $g_k = F(z_k) - z_k$ and the differences $\Delta g, \Delta z$ of the last `memory` pairs, $\gamma$ is the least
    squares solution of $\Delta g\, \gamma = g_k$ and $z_{k+1} = z_k + g_k - (\Delta z + \Delta g)\, \gamma$ (Walker &
    Ni 2011, eq. 4.2). On an affine map of p dimensions it is exact after p + 1 evaluations if `memory` is p or more,
    also where Picard's iteration diverges.

    Differences are scaled to length 1 and a ridge of ten roundings is added, so that no history is singular. A sample
    whose residual is twice its least one forgets its history.

    Args:
        memory: number of differences that are kept.
    """

    memory: int = 5

    def __post_init__(self) -> None:
        check_count("memory", self.memory)

    @property
    def space(self) -> Space:
        return _VECTORS

    def start(self, z: Tensor) -> Memory:
        flat = z.flatten(1)
        history = flat.new_zeros(len(z), self.memory, flat.shape[1])
        return {
            "moves": history,
            "changes": history.clone(),
            "known": torch.zeros(history.shape[:2], dtype=torch.bool, device=z.device),
            "point": torch.zeros_like(flat),
            "gap": torch.zeros_like(flat),
            "least": flat.new_full((len(z),), torch.inf),
            "count": torch.zeros(len(z), dtype=torch.long, device=z.device),
        }

    def step(self, f: Map, z: Tensor, memory: Memory, space: Space) -> Step:
        image = f(z)
        point, gap = z.flatten(1), (image - z).flatten(1)
        later = memory["count"] > 0
        slot = (memory["count"] - 1).clamp(min=0) % self.memory
        moves = _written(memory["moves"], slot, point - memory["point"], later)
        changes = _written(memory["changes"], slot, gap - memory["gap"], later)
        known = memory["known"].scatter(1, slot[:, None], later[:, None])
        length = gap.norm(dim=1)
        known = known & ~(length > _RESTART * memory["least"])[:, None]
        factors = _least_squares(changes, gap, known)
        ahead = point + gap - torch.einsum("bmd,bm->bd", moves + changes, factors)
        # What rounding or a pole makes of it is no worse than a plain step.
        ahead = torch.where(torch.isfinite(ahead).all(1, keepdim=True), ahead, image.flatten(1))
        kept = {
            "moves": moves,
            "changes": changes,
            "known": known,
            "point": point,
            "gap": gap,
            "least": torch.fmin(length, memory["least"]),
            "count": memory["count"] + 1,
        }
        return Step(z, image, ahead.reshape(z.shape), kept)


@dataclass(frozen=True)
class Broyden:
    r"""Broyden's good method for $g(z) = F(z) - z$, from the Jacobian $-I$: its first step is Picard's.

    $H \leftarrow H + (s - H y)\, s^\top H / (s^\top H y)$ with steps s and changes y of g (Broyden 1965), as
    $H = -I + U V^\top$ with at most `memory` columns; then, or where a denominator vanishes, it starts anew.

    Args:
        memory: number of updates between restarts.
    """

    memory: int = 20

    def __post_init__(self) -> None:
        check_count("memory", self.memory)

    @property
    def space(self) -> Space:
        return _VECTORS

    def start(self, z: Tensor) -> Memory:
        flat = z.flatten(1)
        factors = flat.new_zeros(len(z), self.memory, flat.shape[1])
        return {
            "u": factors,
            "v": factors.clone(),
            "point": torch.zeros_like(flat),
            "gap": torch.zeros_like(flat),
            "count": torch.full((len(z),), -1, dtype=torch.long, device=z.device),
        }

    def step(self, f: Map, z: Tensor, memory: Memory, space: Space) -> Step:
        image = f(z)
        point, gap = z.flatten(1), (image - z).flatten(1)
        u, v, count = self._updated(memory, point, gap)
        ahead = point + gap - torch.einsum("bmd,bm->bd", u, torch.einsum("bmd,bd->bm", v, gap))
        ahead = torch.where(torch.isfinite(ahead).all(1, keepdim=True), ahead, image.flatten(1))
        kept = {"u": u, "v": v, "point": point, "gap": gap, "count": count}
        return Step(z, image, ahead.reshape(z.shape), kept)

    def _updated(self, memory: Memory, point: Tensor, gap: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """U and V with one more column, or without any; how many there are."""
        count = memory["count"]
        full = count == self.memory
        fresh = (full | (count < 0))[:, None, None]
        u, v = (torch.where(full[:, None, None], 0, memory[name]) for name in "uv")
        move, change = point - memory["point"], gap - memory["gap"]
        inverse = torch.einsum("bmd,bm->bd", u, torch.einsum("bmd,bd->bm", v, change)) - change
        row = torch.einsum("bmd,bm->bd", v, torch.einsum("bmd,bd->bm", u, move)) - move
        denominator = (move * inverse).sum(1)
        floor = torch.finfo(point.dtype).eps * move.norm(dim=1) * inverse.norm(dim=1)
        usable = (denominator.abs() > floor) & ~fresh[:, 0, 0]
        column = (move - inverse) / torch.where(usable, denominator, 1)[:, None]
        slot = torch.where(full, 0, count).clamp(min=0)
        slot = torch.minimum(slot, torch.full_like(slot, self.memory - 1))
        u, v = _written(u, slot, column, usable), _written(v, slot, row, usable)
        return u, v, torch.where(full | (count < 0), 0, count + usable.long())


def _written(history: Tensor, slot: Tensor, row: Tensor, where: Tensor) -> Tensor:
    """History (b, m, d) with one row of each sample replaced, of those in `where`."""
    samples = torch.arange(len(history), device=history.device)
    history = history.clone()
    history[samples, slot] = torch.where(where[:, None], row, history[samples, slot])
    return history


def _least_squares(changes: Tensor, gap: Tensor, known: Tensor) -> Tensor:
    """Factors (b, m) with which the known changes add up to the gap as nearly as they can; 0 for others."""
    lengths = changes.norm(dim=2)
    usable = known & (lengths > 0)
    scale = torch.where(usable, lengths, 1)
    unit = torch.where(usable[..., None], changes / scale[..., None], 0).double()
    ridge = 10 * torch.finfo(gap.dtype).eps + (~usable).double()
    gram = unit @ unit.mT + torch.diag_embed(ridge)
    factors, _ = torch.linalg.solve_ex(gram, (unit @ gap.double()[..., None]))
    return torch.where(usable, (factors[..., 0] / scale).to(gap.dtype), 0)
