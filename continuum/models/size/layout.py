"""Which layers of a teacher a student has, and which blocks of the teacher they stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from continuum.core import InvalidInputError, check_count, is_whole

from ..anatomy import Blocks

__all__ = ["PUBLISHED", "EveryNth", "Given", "KeepRule", "Layout", "layout_of"]


@dataclass(frozen=True)
class Layout:
    """The blocks that a teacher falls into: layer i of the student stands for slot i, a run of the teacher's layers.

    Slot i begins with the layer that layer i of the student was copied from, and ends before the next one. A slot of
    several layers is a *size slot*: patching it makes the model deeper. One of a single layer is *neutral*: patching
    it exchanges weights only.

    Args:
        kept: the teacher's layers, 0-based, that the student was copied from. They increase, from 0.
        layers: number of layers of the teacher.

    Raises:
        InvalidInputError: if they do not increase, begin after 0, or go beyond the teacher.

    Example:
        >>> layout = Layout((0, 2, 4, 7, 9, 11), 12)
        >>> layout.slots[2], layout.size_slots, layout.neutral_slots
        (range(4, 7), (0, 1, 2, 3, 4), (5,))
        >>> layout.depth({2, 5})
        8
    """

    kept: tuple[int, ...]
    layers: int

    def __post_init__(self) -> None:
        check_count("layers", self.layers)
        kept = tuple(self.kept)
        if not kept or not all(map(is_whole, kept)):
            raise InvalidInputError(
                f"`keep` must be the teacher's layers as whole numbers, at least one, got {kept!r}."
            )
        if kept[0] != 0:
            raise InvalidInputError(
                f"`keep` must begin with layer 0, got {kept[0]}: the layers before it would belong to no block."
            )
        if any(b <= a for a, b in pairwise(kept)):
            raise InvalidInputError(f"`keep` must increase strictly, got {kept!r}; blocks are contiguous.")
        if kept[-1] >= self.layers:
            raise InvalidInputError(
                f"`keep` names layer {kept[-1]}, and the teacher has layers 0 to {self.layers - 1}."
            )
        object.__setattr__(self, "kept", tuple(map(int, kept)))

    @property
    def slots(self) -> tuple[range, ...]:
        """The teacher's layers of each slot."""
        return tuple(range(a, b) for a, b in pairwise((*self.kept, self.layers)))

    @property
    def size_slots(self) -> tuple[int, ...]:
        """Slots of more than one layer."""
        return tuple(i for i, slot in enumerate(self.slots) if len(slot) > 1)

    @property
    def neutral_slots(self) -> tuple[int, ...]:
        """Slots of one layer."""
        return tuple(i for i, slot in enumerate(self.slots) if len(slot) == 1)

    @property
    def aligned(self) -> Mapping[int, int]:
        """The teacher's hidden states that each of the student's should equal, by index into `hidden_states`.

        Index 0 is the embedding; the last one is taken after the final norm, in both models.
        """
        return {0: 0} | {i + 1: slot.stop for i, slot in enumerate(self.slots)}

    def patched(self, slots: Collection[int], /) -> frozenset[int]:
        """The slots as a set.

        Raises:
            InvalidInputError: if one of them is none.
        """
        found = frozenset(slots)
        if unknown := [slot for slot in found if not is_whole(slot) or not 0 <= slot < len(self.kept)]:
            raise InvalidInputError(f"slots are 0 to {len(self.kept) - 1}, got {sorted(unknown, key=repr)}.")
        return frozenset(map(int, found))

    def depth(self, patched: Collection[int] = (), /) -> int:
        """Number of layers of the member in which the slots `patched` are the teacher's."""
        return len(self.kept) + sum(len(self.slots[i]) - 1 for i in self.patched(patched))

    def place(self, patched: Collection[int], slot: int, /) -> int:
        """The number of the first layer of a slot, in the member in which the slots `patched` are the teacher's."""
        return slot + sum(len(self.slots[i]) - 1 for i in self.patched(patched) if i < slot)


class KeepRule(Protocol):
    """A rule that chooses the layers of a student; anything with this method is one."""

    def kept(self, teacher: Any, /) -> Sequence[int]:
        """Layers of `teacher`, a model, to keep."""
        ...


@dataclass(frozen=True)
class EveryNth:
    """The first layers, one of every so many, and the last ones.

    Of the points g = f + a - 1, f + 2a - 1, ... up to N - l, each drops the a - 1 layers before layer g. Rule of
    Kangaslahti et al. (2026), where f = 1, l = 2, a = 2 keeps every other layer and the last one.

    Args:
        every: how many layers become one, a.
        first: how many layers at the start are kept, f: the last of them begins a block.
        last: how many layers at the end are kept, l.

    Raises:
        InvalidInputError: if one of them is no whole number of at least 1.

    Example:
        >>> EveryNth().layout(8).kept
        (0, 2, 4, 6, 7)
        >>> EveryNth(first=2, last=1).layout(8).kept
        (0, 1, 3, 5, 7)
    """

    every: int = 2
    first: int = 1
    last: int = 2

    def __post_init__(self) -> None:
        for name in ("every", "first", "last"):
            check_count(name, getattr(self, name))

    def layout(self, layers: int) -> Layout:
        """The layout of a teacher of so many layers."""
        check_count("layers", layers)
        ends = range(self.first + self.every - 1, layers - self.last + 1, self.every)
        dropped = {layer for end in ends for layer in range(end - self.every + 1, end)}
        return Layout(tuple(layer for layer in range(layers) if layer not in dropped), layers)

    def kept(self, teacher: Any, /) -> Sequence[int]:
        return self.layout(int(teacher.config.get_text_config().num_hidden_layers)).kept


@dataclass(frozen=True)
class Given:
    """A list of layers, as published.

    Args:
        layers: the list.
    """

    layers: tuple[int, ...]

    def kept(self, teacher: Any, /) -> Sequence[int]:
        return self.layers


# By `config.model_type`. The first two layers of Llama 3.2 differ too much to share a block; DistilBERT and DistilGPT-2
# come with their lists (Sanh et al., 2019). Kangaslahti et al. (2026), and its released models.
PUBLISHED: Mapping[str, KeepRule] = {
    "bert": Given((0, 2, 4, 7, 9, 11)),
    "gpt2": Given((0, 2, 4, 7, 9, 11)),
    "gpt_neox": EveryNth(),
    "llama": EveryNth(first=2, last=1),
    "qwen3": EveryNth(),
}


def layout_of(teacher: Blocks, keep: Sequence[int] | KeepRule) -> Layout:
    """The layout of a student of `teacher` with these layers, or by this rule.

    Raises:
        InvalidInputError: if they are neither, or make no layout.
    """
    if isinstance(keep, str) or not (isinstance(keep, Sequence) or hasattr(keep, "kept")):
        raise InvalidInputError(f"`keep` must be a list of layers or a rule such as EveryNth(), got {keep!r}.")
    return Layout(tuple(keep if isinstance(keep, Sequence) else keep.kept(teacher.model)), len(teacher))
