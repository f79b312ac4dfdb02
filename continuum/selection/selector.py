"""What a rule of selection must offer."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from .ordering import Ordering

__all__ = ["Selector"]


@runtime_checkable
class Selector(Protocol):
    """A rule that orders a pool for a task; anything with this method is one.

    Example:
        >>> class Last:
        ...     def order(self, pool, query=None, k_max=None, *, seed=0):
        ...         n = len(pool)
        ...         first = np.arange(n)[::-1][:k_max]
        ...         return Ordering(first, first, n)
        >>> isinstance(Last(), Selector)
        True
    """

    def order(self, pool: Any, query: Any = None, k_max: int | None = None, *, seed: int = 0) -> Ordering:
        """Choose from `pool` for the task that `query` stands for.

        Args:
            pool: embeddings of the candidates, (n, d): an array, a memory map or a tensor; or a `SimilaritySource`,
                which has the query in it.
            query: embeddings of examples of the task, (m, d); None where `pool` is a `SimilaritySource`.
            k_max: how many to choose; None orders the whole pool.
            seed: of what is random in the rule; most have nothing.

        Raises:
            InvalidInputError: if `k_max` is no number from 1 to n, or an embedding is not finite.
            IncompatibleError: if the embeddings differ in dimension.
        """
        ...
