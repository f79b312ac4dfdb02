"""The result of a selector: which items of a pool come first, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, check_count

__all__ = ["Ordering"]


@dataclass(frozen=True, eq=False)
class Ordering:
    """Items of a pool, best first.

    Args:
        indices: positions in the pool, (k,), each at most once.
        scores: what each item was chosen for, (k,); its meaning is the selector's, and it need not be sorted.
        n: items in the pool.
        nested: whether the first j items are what the selector gives for a budget of j. Where it is False a larger
            budget may have another order, and only the whole of it is what was asked for.

    Raises:
        InvalidInputError: if an index is repeated or no position in the pool.
        IncompatibleError: if there are not as many scores as indices.

    Example:
        >>> ordering = Ordering([2, 0, 1], [0.9, 0.5, 0.1], n=4, nested=True)
        >>> ordering.prefix(2).indices.tolist()
        [2, 0]
    """

    indices: NDArray[np.int64]
    scores: NDArray[np.float64]
    n: int
    nested: bool = True

    def __post_init__(self) -> None:
        indices, scores = _indices(self.indices), np.array(self.scores, dtype=np.float64)
        check_count("n", self.n)
        if scores.shape != indices.shape:
            raise IncompatibleError(
                f"`scores` have shape {scores.shape}, `indices` {indices.shape}; both must be (k,)."
            )
        if indices.size and (indices.min() < 0 or indices.max() >= self.n):
            wrong = indices[(indices < 0) | (indices >= self.n)][0]
            raise InvalidInputError(f"`indices` must be positions in a pool of {self.n} items, got {wrong}.")
        if (repeated := np.bincount(indices, minlength=1)).max() > 1:
            raise InvalidInputError(f"`indices` must be distinct, got {repeated.argmax()} {repeated.max()} times.")
        for name, value in (("indices", indices), ("scores", scores)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """How many items were chosen."""
        return len(self.indices)

    def prefix(self, k: int) -> Ordering:
        """The first `k` items.

        Raises:
            InvalidInputError: if fewer were chosen.
        """
        check_count("k", k, least=0, most=len(self))
        return Ordering(self.indices[:k], self.scores[:k], self.n, self.nested)


def _indices(value: Any) -> NDArray[np.int64]:
    """A copy of `value` as whole numbers."""
    found = np.asarray(value)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise InvalidInputError(f"`indices` must be whole numbers, (k,), got {found.dtype} of shape {found.shape}.")
    return found.astype(np.int64)
