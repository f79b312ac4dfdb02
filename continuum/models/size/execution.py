"""Members of a family run slot by slot, and how far what they say is from the teacher."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError

from ..anatomy import Blocks
from ..distributions import kullback_leibler
from .calibration import Calibration
from .members import Members
from .parts import Parts, Prepared

__all__ = ["Divergence", "Execution", "State", "Work", "divergence"]

State = tuple[Tensor, ...]
"""Hidden states between two slots, (rows, tokens, width), of each batch of the calibration texts."""

_CHUNK = 128  # positions whose distributions are held at a time
_STORED = 2**30  # bytes: distributions of the teacher that take more are computed anew each time, to the same bits


@dataclass(frozen=True, eq=False)
class Divergence:
    r"""$\mathrm{KL}(p_\mathrm{teacher} \| p_\mathrm{member})$ in nats.

    Attributes:
        mean: over the positions, in float64.
        values: at each position, (n,); of two members they are paired, see `continuum.models.paired_difference`.
    """

    mean: float
    values: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Work:
    """What was run, each on all calibration texts.

    Attributes:
        layers: layers evaluated, each counted for each member that it was evaluated for.
        calls: calls of modules of layers: one call may serve several members.
        heads: members whose distributions were computed.
    """

    layers: int = 0
    calls: int = 0
    heads: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.layers + other.layers, self.calls + other.calls, self.heads + other.heads)


class Execution:
    """Runs members slot by slot on calibration texts, and counts what it ran.

    Args:
        members: the family.
        calibration: the texts.
        stack: how many states go through a layer at once, stacked as further rows; a last stack that is smaller is
            filled up, so that all have one shape, which half precision needs to give the same bits. None for as many as
            there are.
    """

    def __init__(self, members: Members, calibration: Calibration, *, stack: int | None = 1) -> None:
        self.members, self.work = members, Work()
        self._calibration, self._stack = calibration, stack
        self._parts = {id(owner): Parts(owner) for owner in (members.student, members.teacher)}
        self._prepared: dict[tuple[int, int, int], Prepared] = {}
        self._reference = self._of_teacher()

    def embedded(self, patched: Collection[int]) -> State:
        """States before the first slot of a member."""
        first, _ = self.members.ends(patched)
        return tuple(self._prepare(first, batch, 1).hidden for batch in range(len(self._calibration.batches)))

    def advance(self, slot: int, is_patched: bool, states: Sequence[State]) -> list[State]:
        """States after a slot, of members that have the same part there."""
        stack = self._stack or max(1, len(states))
        for owner, index in self._layers(slot, is_patched):
            parts = [states[start : start + stack] for start in range(0, len(states), stack)]
            states = [state for some in parts for state in self._through(owner, index, some, stack)]
            self.work += Work(layers=len(states), calls=len(parts))
        return list(states)

    def divergence(self, patched: Collection[int], state: State) -> Divergence:
        """How far a member is from the teacher, from its state after the last slot.

        Raises:
            IncompatibleError: if what it says is not a number.
        """
        _, last = self.members.ends(patched)
        values = self._reference.to(self._parts[id(last)], self._chosen(state))
        self.work += Work(heads=1)
        if np.isnan(values).any():
            raise IncompatibleError(
                f"the member with patched slots {sorted(patched)} says nothing that is a number; run it in a wider "
                "dtype, such as bfloat16 instead of float16."
            )
        return Divergence(float(values.mean()), values)

    def _layers(self, slot: int, is_patched: bool) -> list[tuple[Blocks, int]]:
        if is_patched:
            return [(self.members.teacher, index) for index in self.members.layout.slots[slot]]
        return [(self.members.student, slot)]

    def _through(self, owner: Blocks, index: int, states: Sequence[State], stack: int) -> list[State]:
        """One call of a layer for each batch."""
        filled = [*states, *[states[-1]] * (stack - len(states))] if self._stack else list(states)
        parts, found = self._parts[id(owner)], []
        for batch, hidden in enumerate(zip(*filled, strict=True)):
            stacked = torch.cat(hidden) if len(hidden) > 1 else hidden[0]
            after = parts.layer(index, stacked, self._prepare(owner, batch, len(hidden)))
            found.append(after.chunk(len(hidden)))
        return [tuple(state) for state in zip(*found, strict=True)][: len(states)]

    def _prepare(self, owner: Blocks, batch: int, copies: int) -> Prepared:
        """What `owner` makes of a batch that is repeated, before its layers."""
        key = id(owner), batch, copies
        if key not in self._prepared:
            ids = self._calibration.batches[batch]
            self._prepared[key] = self._parts[id(owner)].prepared(ids.repeat(copies, 1))
        return self._prepared[key]

    def _chosen(self, state: State) -> Tensor:
        """States at the chosen positions, (n, width)."""
        places = self._calibration.places
        return torch.cat([h.flatten(0, 1)[p.to(h.device)] for h, p in zip(state, places, strict=True)])

    def _of_teacher(self) -> _Reference:
        teacher, members = self.members.teacher, self.members
        states = [tuple(self._prepare(teacher, batch, 1).hidden for batch in range(len(self._calibration.batches)))]
        for slot in range(len(members.layout.slots)):
            states = self.advance(slot, True, states)
        self.work = Work()  # of members alone
        return _Reference(self._parts[id(teacher)], self._chosen(states[0]))


class _Reference:
    """What the teacher says at the chosen positions."""

    def __init__(self, teacher: Parts, hidden: Tensor) -> None:
        self._teacher, self._hidden = teacher, torch.split(hidden, _CHUNK)
        width = teacher.log_probs(self._hidden[0]).shape[1]
        is_small = 4 * len(hidden) * width <= _STORED
        self._stored = [teacher.log_probs(part) for part in self._hidden] if is_small else None

    def to(self, parts: Parts, hidden: Tensor) -> NDArray[np.float64]:
        found = []
        for place, part in enumerate(torch.split(hidden, _CHUNK)):
            log_p = self._stored[place] if self._stored else self._teacher.log_probs(self._hidden[place])
            found.append(kullback_leibler(log_p, parts.log_probs(part)).double().cpu().numpy())
        return np.concatenate(found)


def divergence(members: Members, patched: Collection[int], calibration: Calibration) -> Divergence:
    """How far the member with some slots patched is from the teacher on calibration texts."""
    execution = Execution(members, calibration)
    state = execution.embedded(patched)
    for slot in range(len(members.layout.slots)):
        (state,) = execution.advance(slot, slot in members.layout.patched(patched), [state])
    return execution.divergence(patched, state)
