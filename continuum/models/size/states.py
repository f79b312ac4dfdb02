"""States of members that differ from one another by few slots, so that no layer is evaluated twice for one state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from continuum.core import InvalidInputError, check_count
from continuum.measures import check_memory

from .execution import Divergence, Execution, State

__all__ = ["Cache", "Evaluation", "Move", "Trajectories"]

Move = frozenset[int]
"""Slots that change their owner together."""

Cache = Literal["none", "prefix", "candidates"]


@dataclass(frozen=True)
class Evaluation:
    """How candidates are evaluated. All ways give the same numbers, as far as batches of unlike shapes do.

    Args:
        cache: which hidden states are kept. "none": each candidate runs from its embeddings; "prefix": those of the
            current member, from which a candidate runs on at its first slot; "candidates": also those of each
            candidate, which stay good up to the slot that is chosen.
        stack: how many candidates share a call of a layer, as further rows of a batch, so that weights are read less
            often. A last stack is filled up, since half precision gives the same bits only for one shape. None for all
            that can; pays where reading weights is what takes the time.

    Raises:
        InvalidInputError: if an option is none of these.
    """

    cache: Cache = "candidates"
    stack: int | None = 1

    def __post_init__(self) -> None:
        if self.cache not in get_args(Cache):
            raise InvalidInputError(f"`cache` must be one of {get_args(Cache)}, got {self.cache!r}.")
        if self.stack is not None:
            check_count("stack", self.stack)


class Trajectories:
    """A current member with its hidden states between slots, and what is left of those of its neighbours.

    Args:
        execution: what runs them.
        patched: the patched slots of the member to begin with.
        options: how candidates are evaluated.
        moves: how many candidates there will be, for which memory must do.

    Raises:
        ResourceError: if the states do not fit into the memory.
    """

    def __init__(self, execution: Execution, patched: Move, options: Evaluation, moves: int) -> None:
        self.patched, self._run, self._options = patched, execution, options
        self._slots = len(execution.members.layout.slots)
        self._base: dict[int, State] = {}  # by the slot that they go into
        self._own: dict[Move, dict[int, State]] = {}
        self._check_memory(moves)
        ((_, self.divergence),) = self._tried([frozenset()])
        self._base = self._own.pop(frozenset(), {})

    def evaluate(self, moves: Sequence[Move]) -> Iterator[Divergence]:
        """How far from the teacher the current member is with each of these changes, of which none will be made."""
        for move, divergence in self._tried(moves):
            self._own.pop(move, None)
            yield divergence

    def best(self, moves: Sequence[Move], cost: Callable[[Move, Divergence], float]) -> tuple[Move, Divergence]:
        """The change of the least cost; of equal ones the first."""
        tried = self._tried(moves)
        chosen = next(tried)
        least = cost(*chosen)
        for candidate in tried:
            value = cost(*candidate)
            wins = value < least
            if self._options.cache == "prefix":
                self._own.pop((chosen if wins else candidate)[0], None)
            if wins:
                chosen, least = candidate, value
        return chosen

    def accept(self, move: Move, divergence: Divergence) -> None:
        """Make a change that was evaluated; states are kept as far as they do not depend on it."""
        first = min(move)
        kept = {slot: state for slot, state in self._base.items() if slot <= first}
        self._base = kept | self._own.pop(move, {})
        self.patched, self.divergence = self.patched ^ move, divergence
        before = {other: {s: own[s] for s in own if s <= first} for other, own in self._own.items()}
        self._own = {other: own for other, own in before.items() if own and self._options.cache == "candidates"}

    def _tried(self, moves: Sequence[Move]) -> Iterator[tuple[Move, Divergence]]:
        together = [[move] for move in moves] if self._options.stack == 1 else [moves]
        for some in together:
            ends = self._ends(some)
            for move in some:
                yield move, self._run.divergence(self.patched ^ move, ends[move])

    def _ends(self, moves: Sequence[Move]) -> dict[Move, State]:
        """States after the last slot."""
        starts = {move: self._start(move) for move in moves}
        live: dict[Move, State] = {}
        for slot in range(self._slots):
            live |= {move: state for move, (start, state) in starts.items() if start == slot}
            for is_patched in (False, True):
                some = [move for move in live if (slot in self.patched ^ move) == is_patched]
                after = self._run.advance(slot, is_patched, [live[move] for move in some])
                live |= zip(some, after, strict=True)
            self._remember(slot + 1, live)
        return live

    def _remember(self, slot: int, live: Mapping[Move, State]) -> None:
        if self._options.cache != "none" and slot < self._slots:
            for move, state in live.items():
                self._own.setdefault(move, {})[slot] = state

    def _start(self, move: Move) -> tuple[int, State]:
        """The last slot before which the state is known, and that state."""
        if own := self._own.get(move):
            return max(own), own[max(own)]
        first = min(move, default=0)
        if first in self._base:
            return first, self._base[first]
        return 0, self._run.embedded(self.patched ^ move)

    def _check_memory(self, moves: int) -> None:
        kept = {"none": 2, "prefix": 2 * self._slots, "candidates": (moves + 1) * self._slots}[self._options.cache]
        state = self._run.embedded(self.patched)
        check_memory(
            kept * sum(hidden.nbytes for hidden in state),
            f"hidden states of {kept} slots",
            'take fewer calibration chunks, or Evaluation(cache="prefix") or "none"',
        )
