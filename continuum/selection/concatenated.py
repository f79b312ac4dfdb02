r"""Several representations as one: inner products add up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, check_weight

from .representation import EncodesQueries, Representation

__all__ = ["Concatenated"]


@dataclass(frozen=True, eq=False)
class Concatenated:
    r"""$(\sqrt{\eta_1}\, x_1, \ldots, \sqrt{\eta_T}\, x_T)$ with weights $\eta$ of sum 1: inner products are means.

    $\langle \cdot, \cdot \rangle = \sum_t \eta_t \langle x_t, x'_t \rangle$. With gradients at the checkpoints of a
    training as parts, and their learning rates as weights, this is the influence of LESS (Xia et al. 2024, section 4),
    and any selector that takes embeddings works on it. For unit vectors the result has unit length.

    Args:
        parts: representations.
        weights: of the parts, such as the mean learning rate of the epoch before a checkpoint; None for equal ones.

    Raises:
        InvalidInputError: if there are no parts, or weights are not one for each with a positive sum.
    """

    parts: Sequence[Representation]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        weights = [1.0] * len(self.parts) if self.weights is None else list(self.weights)
        for weight in weights:
            check_weight("weight of a part", weight)
        if len(weights) != len(self.parts) or not math.fsum(weights) > 0:
            raise InvalidInputError(
                f"`weights` must be one for each of {len(self.parts)} parts, at least one, with a positive sum; got "
                f"{weights}."
            )

    @property
    def name(self) -> str:
        """The names of the parts, each once."""
        return " + ".join(dict.fromkeys(part.name for part in self.parts))

    def fit(self, pool: Any, query: Any = None) -> Self:
        """The same of fitted parts."""
        return replace(self, parts=tuple(part.fit(pool, query) for part in self.parts))

    def encode(self, items: Any) -> NDArray[Any]:
        """Vectors (n, d), d the sum of those of the parts.

        Raises:
            IncompatibleError: if parts give different numbers of vectors.
        """
        return self._joined([part.encode(items) for part in self.parts])

    def encode_query(self, items: Any) -> NDArray[Any]:
        """Vectors of examples of the query, from each part in its way."""
        return self._joined(
            [
                part.encode_query(items) if isinstance(part, EncodesQueries) else part.encode(items)
                for part in self.parts
            ]
        )

    def _joined(self, vectors: list[NDArray[Any]]) -> NDArray[Any]:
        if len({len(part) for part in vectors}) > 1:
            raise IncompatibleError(f"parts must encode the same examples, got {[part.shape for part in vectors]}.")
        weights = np.ones(len(self.parts)) if self.weights is None else np.asarray(self.weights, float)
        roots = np.sqrt(weights / weights.sum())
        return np.concatenate([part * part.dtype.type(root) for root, part in zip(roots, vectors, strict=True)], 1)
