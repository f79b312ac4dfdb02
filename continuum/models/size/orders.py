"""In which order the slots of a student are patched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from continuum.core import InvalidInputError, check_count, is_whole, rng_for

from .layout import Layout
from .members import Members

__all__ = [
    "ORDERS",
    "FirstToLast",
    "LastToFirst",
    "Order",
    "Random",
    "name_of",
    "order_of",
    "riders",
    "size_moves",
    "steps",
]


class Order(Protocol):
    """A way to choose in which order slots are patched; anything with this method is one."""

    def slots(self, members: Members, /) -> Sequence[int]:
        """The size slots, each once, in the order of patching; or all slots, which places the neutral ones too."""
        ...


@dataclass(frozen=True)
class FirstToLast:
    """From the embedding upwards: what Kangaslahti et al. (2026) found best for Llama."""

    def slots(self, members: Members, /) -> Sequence[int]:
        return members.layout.size_slots


@dataclass(frozen=True)
class LastToFirst:
    """From the head downwards: what Kangaslahti et al. (2026) found best for Qwen and Pythia."""

    def slots(self, members: Members, /) -> Sequence[int]:
        return members.layout.size_slots[::-1]


@dataclass(frozen=True)
class Random:
    """By lot: what an order that was found must beat.

    Args:
        seed: of the draw.

    Raises:
        InvalidInputError: if it is no whole number of at least 0.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        check_count("seed", self.seed, least=0)

    def slots(self, members: Members, /) -> Sequence[int]:
        return tuple(map(int, rng_for(self.seed, "order").permutation(members.layout.size_slots)))


ORDERS: Mapping[str, Order] = {"first_to_last": FirstToLast(), "last_to_first": LastToFirst(), "random": Random()}
"""Orders that need no texts, by name."""

# Names of orders that are found on texts, with what makes them.
_FOUND = {
    "additive": "Surrogate(Calibration(texts, tokenizer))",
    "backward_greedy": "BackwardGreedy(Calibration(texts, tokenizer))",
    "klpatch": "KLPatch(Calibration(texts, tokenizer))",
    "quadratic": 'Surrogate(Calibration(texts, tokenizer), "quadratic")',
    "shortest_path": "ShortestPath(Calibration(texts, tokenizer))",
}


def order_of(order: str | Sequence[int] | Order, members: Members) -> tuple[int, ...]:
    """The slots in the order that is asked for by name, as a list, or by an object.

    Raises:
        InvalidInputError: if the name is unknown, or not all size slots are there, each once.
    """
    if isinstance(order, str):
        if order in _FOUND:
            raise InvalidInputError(f"the order {order!r} is found on texts: pass order={_FOUND[order]}.")
        if order not in ORDERS:
            raise InvalidInputError(
                f"`order` must be one of {sorted(ORDERS)}, a list of slots or an order, got {order!r}."
            )
        found: Sequence[int] | Order = ORDERS[order]
    else:
        found = order
    slots = tuple(found if isinstance(found, Sequence) else found.slots(members))
    layout = members.layout
    every = range(len(layout.kept))
    if not all(map(is_whole, slots)) or sorted(slots) not in (list(layout.size_slots), list(every)):
        raise InvalidInputError(
            f"an order has the slots of more than one layer, {layout.size_slots}, each once, or all of the slots 0 to "
            f"{every[-1]}; got {slots}."
        )
    return tuple(map(int, slots))


def name_of(order: str | Sequence[int] | Order) -> str:
    """What an order is called: its name, "given" if it is a list, or the kind of the object.

    Example:
        >>> name_of(LastToFirst()), name_of((2, 0, 1))
        ('last_to_first', 'given')
    """
    if isinstance(order, str):
        return order
    return "given" if isinstance(order, Sequence) else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(order).__name__).lower()


def steps(layout: Layout, slots: Sequence[int]) -> tuple[frozenset[int], ...]:
    """The patched slots at each size, from none to all: each set holds the one before.

    A neutral slot that the order leaves out rides with the nearest size slot, the lower of two; one that it names is
    patched with the size slot after it, or with the last one.

    Example:
        >>> [sorted(found) for found in steps(Layout((0, 2, 4, 5), 6), (1, 0))]
        [[], [1, 2, 3], [0, 1, 2, 3]]
    """
    found: list[frozenset[int]] = [frozenset()]
    waiting: set[int] = set()
    for slot in slots:
        waiting.add(slot)
        if slot in layout.size_slots:
            found.append(found[-1] | waiting | riders(layout, slot, slots))
            waiting = set()
    return (*found[:-1], found[-1] | waiting)


def size_moves(layout: Layout) -> dict[int, frozenset[int]]:
    """The slots that are patched with each size slot: itself and its `riders`.

    Example:
        >>> size_moves(Layout((0, 2, 4, 5), 6)) == {0: {0}, 1: {1, 2, 3}}
        True
    """
    return {slot: frozenset({slot}) | riders(layout, slot) for slot in layout.size_slots}


def riders(layout: Layout, slot: int, named: Sequence[int] = ()) -> set[int]:
    """Neutral slots whose nearest size slot is `slot`, without those that are `named`.

    Example:
        >>> riders(Layout((0, 2, 4, 5), 6), 1)
        {2, 3}
    """
    free = set(layout.neutral_slots) - set(named)
    return {one for one in free if min(layout.size_slots, key=lambda size: (abs(size - one), size)) == slot}
