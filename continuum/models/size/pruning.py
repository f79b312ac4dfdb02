"""Ways to make a model smaller without training: which layers go, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from continuum.core import InvalidInputError, check_positive, is_whole

from ..anatomy import Blocks
from .layout import Layout
from .orders import steps
from .stacks import Stack, merged

__all__ = ["Collapse", "Delete", "NeighbourMean", "OneShot", "Pruning", "Repair", "same_layout"]


class Pruning(Protocol):
    """A way to prune; anything with this method is one."""

    def stacks(self, teacher: Blocks, /) -> Sequence[Stack]:
        """The model at each size, from the whole one to the smallest."""
        ...


class Repair(Protocol):
    """What is done about layers that are gone; anything with this method is one."""

    def stack(self, layers: int, dropped: frozenset[int], /) -> Stack:
        """The layers of a model of so many without those in `dropped`."""
        ...


@dataclass(frozen=True)
class Delete:
    """Nothing: the layers that are left follow on one another."""

    def stack(self, layers: int, dropped: frozenset[int], /) -> Stack:
        return tuple({layer: 1.0} for layer in range(layers) if layer not in dropped)


@dataclass(frozen=True)
class Collapse:
    """Each run of dropped layers is merged into the layer before it, see `merged`: the step of LaCo."""

    def stack(self, layers: int, dropped: frozenset[int], /) -> Stack:
        if 0 in dropped:
            raise InvalidInputError("layer 0 cannot be dropped: there is none before it to merge it into.")
        found: Stack = tuple({layer: 1.0} for layer in range(layers))
        for stop in range(layers, 0, -1):  # from the top, so that places below stay as they are
            if stop - 1 in dropped and stop not in dropped:
                start = max(layer for layer in range(stop) if layer not in dropped)
                found = merged(found, start, stop)
        return found


@dataclass(frozen=True)
class NeighbourMean:
    r"""A dropped layer is replaced by the mean of its neighbours, or of the nearest that are left.

    $\theta_i = (w_a \theta_a + w_b \theta_b) / (w_a + w_b)$; beyond the ends it is a copy. The model stays as deep, and
    what need not be stored are its weights. CheckFree (Blagoev et al., 2025), where layers are lost by accident, and w
    are recent squared lengths of gradients in our reading.

    Args:
        weights: w of each layer, such as `gradient_norms`; None for equal ones.

    Raises:
        InvalidInputError: if a weight is not positive.
    """

    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for weight in self.weights or ():
            check_positive("weights", weight)

    def stack(self, layers: int, dropped: frozenset[int], /) -> Stack:
        weights = self.weights or (1.0,) * layers
        if len(weights) != layers:
            raise InvalidInputError(f"`weights` are of {len(weights)} layers, and the model has {layers}.")
        left = [layer for layer in range(layers) if layer not in dropped]
        return tuple(self._mix(layer, left, weights) for layer in range(layers))

    @staticmethod
    def _mix(layer: int, left: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
        if layer in left:
            return {layer: 1.0}
        near = [*[k for k in left if k < layer][-1:], *[k for k in left if k > layer][:1]]
        total = sum(weights[k] for k in near)
        return {k: weights[k] / total for k in near}


_DELETE = Delete()


@dataclass(frozen=True)
class OneShot:
    """Layers are dropped one after the other, in an order that was fixed before.

    By `lowest_first(single_drop_kl(...))` this is strong one-shot pruning; by `lowest_first(block_influence(...))` it
    is ShortGPT; by `same_layout(path)` the naive pruning that boomerang distillation is compared with.

    Args:
        dropped: the layers in the order in which they go.
        repair: what is done about it.

    Raises:
        InvalidInputError: if a layer is named twice, or none is.
    """

    dropped: tuple[int, ...]
    repair: Repair = _DELETE

    def __post_init__(self) -> None:
        dropped = tuple(self.dropped)
        if not dropped or not all(map(is_whole, dropped)) or len(set(dropped)) < len(dropped):
            raise InvalidInputError(f"`dropped` must be layers, at least one, each once, got {dropped!r}.")
        object.__setattr__(self, "dropped", tuple(map(int, dropped)))

    def stacks(self, teacher: Blocks, /) -> Sequence[Stack]:
        layers = len(teacher)
        if unknown := [layer for layer in self.dropped if not 0 <= layer < layers]:
            raise InvalidInputError(f"`dropped` names layers {unknown}, and the model has 0 to {layers - 1}.")
        if len(self.dropped) == layers:
            raise InvalidInputError("`dropped` names all layers; leave one.")
        sets = [frozenset(self.dropped[:count]) for count in range(len(self.dropped) + 1)]
        return [self.repair.stack(layers, dropped) for dropped in sets]


def same_layout(layout: Layout, slots: Sequence[int]) -> tuple[int, ...]:
    """The layers that patching adds, last first: dropped in this order the teacher has the layers of each member.

    Args:
        layout: that of a `PatchPath`.
        slots: its order.

    Example:
        >>> same_layout(Layout((0, 2, 5), 6), (0, 1))
        (4, 3, 1)
    """
    family = steps(layout, slots)
    sizes = [slot for before, after in pairwise(family) for slot in sorted(after - before)]
    return tuple(layer for slot in reversed(sizes) for layer in reversed(layout.slots[slot][1:]))
