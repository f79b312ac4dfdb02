"""Students in which blocks of the teacher run in the place of some layers, while the others are trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from continuum.core import IncompatibleError, InvalidInputError, rng_for

from ..anatomy import Blocks
from .layout import Layout
from .watching import hidden

__all__ = ["RandomSlots", "check_mixable", "mixed"]


@dataclass(frozen=True)
class RandomSlots:
    """Training of the models between, too: in some steps, random slots are patched.

    The number of patched slots is uniform between one and all but one, since with all patched nothing would be trained;
    then which ones they are. Sizes between the student and the teacher are no longer zero-shot.

    Args:
        share: share of the steps in which slots are patched.

    Raises:
        InvalidInputError: if it is not in (0, 1].
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidInputError(f"`share` must be in (0, 1], got {self.share!r}.")

    def draw(self, slots: int, *, seed: int, step: int) -> frozenset[int]:
        """The slots that are patched in a step, at most all but one."""
        rng = rng_for(seed, "patched slots", step)
        if slots < 2 or rng.random() >= self.share:
            return frozenset()
        return frozenset(rng.permutation(slots)[: rng.integers(1, slots)].tolist())


@contextmanager
def mixed(student: Blocks, teacher: Blocks, layout: Layout, patched: Collection[int]) -> Iterator[None]:
    """Within this block the student has the teacher's blocks in place of some layers.

    Its modules stay where they are, with their hooks, so that it can be wrapped for many devices: only what they call
    is another.
    """
    layers = [student.layers[i] for i in layout.patched(patched)]
    try:
        for i in layout.patched(patched):
            vars(student.layers[i])["forward"] = _Run([teacher.layers[k] for k in layout.slots[i]])
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)


class _Run:
    """Layers one after the other, called like one."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self._layers = layers

    def __call__(self, states: Any, *args: Any, **kwargs: Any) -> Any:
        for layer in self._layers[:-1]:
            states = hidden(layer(states, *args, **kwargs))
        return self._layers[-1](states, *args, **kwargs)


def check_mixable(teacher: Blocks, layout: Layout) -> None:
    """Refuse a teacher with blocks of unlike layers: all would get the mask of the one that the student copied.

    Raises:
        IncompatibleError: naming the first such block.
    """
    types: Any = getattr(teacher.config, "layer_types", None)
    for slot in layout.slots if types else ():
        if len({types[k] for k in slot}) > 1:
            raise IncompatibleError(
                f"slots cannot be patched in training: the teacher's layers {slot.start} to {slot.stop - 1} are of "
                f"unlike types {[types[k] for k in slot]}. Leave `patched` out, or keep other layers."
            )
