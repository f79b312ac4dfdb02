"""All members of a family at once, and the best ways through them: what greedy orders are measured against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, ResourceError, check_count

from .calibration import Calibration
from .execution import Execution, State, Work
from .members import Members
from .orders import size_moves

__all__ = ["Lattice", "LatticePath", "ShortestPath", "Weight", "added_parameters", "check_lattice"]

Weight = Literal["sum", "area"]


@dataclass(frozen=True)
class LatticePath:
    """A family of members each of which has all patches of the one before.

    Attributes:
        order: size slots as they are patched.
        kl: divergence of the members, from none to all patched.
        total: what the path minimizes.
    """

    order: tuple[int, ...]
    kl: tuple[float, ...]
    total: float


@dataclass(frozen=True, eq=False)
class Lattice:
    r"""The divergence of all $2^m$ members, as a graph of subsets whose edges patch one more slot.

    It has no cycle, since subsets grow along edges. A path from none to all is an order, so a shortest path is the best
    order, with no assumption on how patches interact; the best member of each size need not lie on one path.

    Args:
        slots: the m size slots, increasing. In the number of a member, bit j says whether `slots[j]` is patched.
        kl: divergence of each member, (2^m,), by its number.
        added: parameters that patching each slot adds, (m,).
        work: what was run to measure it.

    Raises:
        InvalidInputError: if the shapes do not agree.

    Example:
        >>> lattice = Lattice((0, 3), np.array([2.0, 0.5, 1.0, 0.0]), (10, 10))
        >>> lattice.shortest_path()
        LatticePath(order=(0, 3), kl=(2.0, 0.5, 0.0), total=0.5)
    """

    slots: tuple[int, ...]
    kl: NDArray[np.float64]
    added: tuple[int, ...]
    work: Work = field(default_factory=Work)

    def __post_init__(self) -> None:
        m = len(self.slots)
        if np.shape(self.kl) != (2**m,) or len(self.added) != m:
            raise InvalidInputError(
                f"{m} slots need `kl` of shape ({2**m},) and {m} numbers `added`, got {np.shape(self.kl)} and "
                f"{len(self.added)}."
            )

    @classmethod
    def measure(cls, members: Members, calibration: Calibration, *, limit: int = 12) -> Lattice:
        """Evaluate all members, whose first slots are shared: $3 (2^m - 1)$ layers for m slots of two layers.

        Neutral slots ride with the nearest size slot.

        Args:
            members: the family.
            calibration: texts.
            limit: most size slots; each further one takes twice the time.

        Raises:
            ResourceError: if the family has more.
        """
        moves = size_moves(members.layout)
        check_lattice(len(moves), limit)
        walk = _Walk(Execution(members, calibration), tuple(moves.values()))
        kl = np.empty(2 ** len(moves))
        for number, value in walk.values():
            kl[number] = value
        return cls(tuple(moves), kl, added_parameters(members), walk.run.work)

    def shortest_path(self, weight: Weight = "sum") -> LatticePath:
        r"""The nested family of the least total divergence.

        Args:
            weight: "sum" adds up the divergences of all members but the first, $\sum_k D(z_k)$; "area" is the area
                under the divergence against the number of parameters, by the trapezoid rule.

        Raises:
            InvalidInputError: if `weight` is unknown.
        """
        if weight not in get_args(Weight):
            raise InvalidInputError(f"`weight` must be one of {get_args(Weight)}, got {weight!r}.")
        total, last = np.zeros(len(self.kl)), np.zeros(len(self.kl), dtype=int)
        for number in range(1, len(total)):
            ways = {bit: total[number ^ 1 << bit] + self._weight(number, bit, weight) for bit in _bits(number)}
            last[number] = min(ways, key=ways.__getitem__)  # of equal ones the lowest slot
            total[number] = ways[int(last[number])]
        numbers = [len(total) - 1]
        while numbers[-1]:
            numbers.append(numbers[-1] ^ 1 << int(last[numbers[-1]]))
        order = tuple(self.slots[last[number]] for number in numbers[-2::-1])
        return LatticePath(order, tuple(float(self.kl[number]) for number in numbers[::-1]), float(total[-1]))

    def along(self, order: Sequence[int]) -> tuple[float, ...]:
        """Divergence of the members on a given order, from none to all patched."""
        number, found = 0, [float(self.kl[0])]
        for slot in order:
            if slot in self.slots:
                number |= 1 << self.slots.index(slot)
                found.append(float(self.kl[number]))
        return tuple(found)

    def best(self) -> Mapping[int, tuple[frozenset[int], float]]:
        """Of each size the member of the least divergence, nested or not: by parameters added to the student."""
        found: dict[int, tuple[frozenset[int], float]] = {}
        for number, value in enumerate(self.kl):
            bits = _bits(number)
            size = sum(self.added[bit] for bit in bits)
            if size not in found or value < found[size][1]:
                found[size] = frozenset(self.slots[bit] for bit in bits), float(value)
        return dict(sorted(found.items()))

    def _weight(self, number: int, bit: int, weight: Weight) -> float:
        """Length of the edge that patches the slot of `bit` and ends in a member."""
        after = float(self.kl[number])
        if weight == "sum":
            return after
        return self.added[bit] * (float(self.kl[number ^ 1 << bit]) + after) / 2


@dataclass(frozen=True, eq=False)
class ShortestPath:
    """The best order of all: the shortest path through the lattice of all members.

    Args:
        calibration: texts.
        weight: see `Lattice.shortest_path`.
        limit: most size slots, see `Lattice.measure`.
    """

    calibration: Calibration
    weight: Weight = "sum"
    limit: int = 12

    def slots(self, members: Members, /) -> Sequence[int]:
        return Lattice.measure(members, self.calibration, limit=self.limit).shortest_path(self.weight).order


class _Walk:
    """All members, slot by slot in depth: what two have in common at the start is run once."""

    def __init__(self, run: Execution, moves: Sequence[frozenset[int]]) -> None:
        self.run, self._moves = run, moves

    def values(self) -> Iterator[tuple[int, float]]:
        """Number and divergence of each member."""
        for patched in (frozenset[int](), self._moves[0]):
            yield from self._from(0, patched, self.run.embedded(patched))

    def _from(self, place: int, patched: frozenset[int], state: State) -> Iterator[tuple[int, float]]:
        """The members that agree up to the move at `place`, with the state that goes into its first slot."""
        # A size slot and the neutral ones that ride with it are neighbours, so that moves follow one another.
        for slot in sorted(self._moves[place]):
            (state,) = self.run.advance(slot, slot in patched, [state])
        following = place + 1
        if following == len(self._moves):
            number = sum(1 << bit for bit, move in enumerate(self._moves) if move <= patched)
            yield number, self.run.divergence(patched, state).mean
            return
        for here in (patched, patched | self._moves[following]):
            yield from self._from(following, here, state)


def check_lattice(slots: int, limit: int) -> None:
    """Refuse a lattice that is too large.

    Raises:
        InvalidInputError: if `limit` is no number of slots.
        ResourceError: if there are more slots.
    """
    check_count("limit", limit)
    if slots > limit:
        raise ResourceError(
            f"{slots} size slots make {2**slots} members, and `limit` allows {limit} slots; raise it, or take KLPatch "
            f"and BackwardGreedy, which evaluate {slots * (slots + 1) // 2 + 1}."
        )


def added_parameters(members: Members) -> tuple[int, ...]:
    """Parameters that patching each size slot adds, with the head counted apart."""
    student = members.counts(()).inference
    return tuple(members.counts(move).inference - student for move in size_moves(members.layout).values())


def _bits(number: int) -> list[int]:
    return [bit for bit in range(number.bit_length()) if number >> bit & 1]
