"""The best member of every depth at once, where the divergence is a sum over neighbouring slots."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, is_whole

__all__ = ["Choice", "DepthGraph"]


@dataclass(frozen=True)
class Choice:
    """A member.

    Attributes:
        patched: places of the parts that are patched.
        value: the sum that it has.
    """

    patched: frozenset[int]
    value: float


@dataclass(frozen=True, eq=False)
class DepthGraph:
    r"""A directed graph of decisions on parts of a model, one after the other, and of the layers used so far.

    Nodes are (i, r, a): i parts are decided, r layers are added, and a says whether the last part is patched. An edge
    decides the next part, b, adds its layers if b is true, and weighs $w_i(a, b)$. The best members of all depths come
    from one pass over the edges, four for each of the m (R + 1) nodes, R being all layers that can be added. This is
    exact if and only if the divergence is $c + \sum_i w_i(z_{i-1}, z_i)$, where $z_{-1} = 0$. That of a real family is
    not: where mismatches are small it is a quadratic form in all pairs.

    Args:
        added: layers that patching each part adds, (m,): 0 for a neutral slot.
        weights: w, (m, 2, 2), by the part, whether the one before it is patched, and whether it is itself.
        constant: c.

    Raises:
        InvalidInputError: if the shapes do not agree, or a number of layers is negative.

    Example:
        >>> graph = DepthGraph.additive((1, 2, 1), np.array([[0.3, 0.0], [0.9, 0.0], [0.4, 0.0]]))
        >>> [sorted(choice.patched) for choice in graph.cheapest().values()]
        [[], [2], [1], [1, 2], [0, 1, 2]]
    """

    added: tuple[int, ...]
    weights: NDArray[np.float64]
    constant: float = 0.0

    def __post_init__(self) -> None:
        if np.shape(self.weights) != (len(self.added), 2, 2):
            raise InvalidInputError(
                f"`weights` of {len(self.added)} parts must be ({len(self.added)}, 2, 2), got {np.shape(self.weights)}."
            )
        if not all(is_whole(layers) and layers >= 0 for layers in self.added):
            raise InvalidInputError(f"`added` must be numbers of layers, got {self.added}.")

    @classmethod
    def additive(cls, added: tuple[int, ...], weights: NDArray[np.float64], constant: float = 0.0) -> DepthGraph:
        """Where neighbours do not matter: `weights` (m, 2), by the part and whether it is patched."""
        found = np.asarray(weights, dtype=float)
        if found.shape != (len(added), 2):
            raise InvalidInputError(
                f"`weights` of {len(added)} parts must be ({len(added)}, 2), got shape {found.shape}."
            )
        return cls(added, np.repeat(found[:, None], 2, axis=1), constant)

    def value(self, patched: Collection[int]) -> float:
        """The sum of a member."""
        bits = [int(part in patched) for part in range(len(self.added))]
        pairs = zip([0, *bits], bits, strict=False)
        return self.constant + sum(float(self.weights[part, a, b]) for part, (a, b) in enumerate(pairs))

    def cheapest(self) -> Mapping[int, Choice]:
        """The member of the least sum by the number of layers that it adds, for all numbers that can be reached."""
        best: dict[tuple[int, int], Choice] = {(0, 0): Choice(frozenset(), self.constant)}
        for part, layers in enumerate(self.added):
            reached: dict[tuple[int, int], Choice] = {}
            for (used, before), choice in best.items():
                for after in (0, 1):
                    node = used + layers * after, after
                    value = choice.value + float(self.weights[part, before, after])
                    if node not in reached or value < reached[node].value:
                        reached[node] = Choice(choice.patched | ({part} if after else set()), value)
            best = reached
        found: dict[int, Choice] = {}
        for (used, _), choice in sorted(best.items()):
            if used not in found or choice.value < found[used].value:
                found[used] = choice
        return found
