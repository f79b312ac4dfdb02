"""What a run holds, as arrays: for each model its numbers on each row of held-out text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from verdicts import NotMeasuredError

from continuum.models.paired import PairedDifference, paired_difference

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """The finished pieces of a run.

    Attributes:
        pieces: by name.
    """

    pieces: Mapping[str, Any]

    def piece(self, name: str) -> Any:
        """A piece.

        Raises:
            NotMeasuredError: if it is not finished.
        """
        if name not in self.pieces:
            raise NotMeasuredError(name)
        return self.pieces[name]

    def depths(self, student: str, family: str) -> tuple[int, ...]:
        """The depths at which a family was read, the smallest first, without the teacher."""
        rows = self.piece(f"family-{student}")["rows"]
        return tuple(sorted({row["depth"] for row in rows if row["family"] == family and row["depth"] < self.layers}))

    def families(self, student: str) -> tuple[str, ...]:
        """The families of a student that were read."""
        return tuple(dict.fromkeys(row["family"] for row in self.piece(f"family-{student}")["rows"]))

    def values(self, student: str, family: str, depth: int, quantity: str = "kl", kind: str = "brown") -> Array:
        """One number for each row of text: "loss", "kl" in nats per token, "agreement" as a share.

        Raises:
            NotMeasuredError: if there is no such model.
        """
        for row in self.piece(f"family-{student}")["rows"]:
            if row["family"] == family and row["depth"] == depth:
                return np.array(row[kind][quantity])
        raise NotMeasuredError(f"{student}, {family} at depth {depth}")

    def order(self, student: str, label: str) -> Sequence[int]:
        """An order that was found for a student."""
        return list(self.piece(f"orders-{student}")["orders"][label]["order"])

    @property
    def layers(self) -> int:
        """Layers of the teacher."""
        return len(self.piece("layout")["single drop"]["scores"])

    @property
    def smallest(self) -> int:
        """Layers of the student."""
        return len(self.piece("layout")["kept"])


Model = tuple[str, str]
"""A family: the student that it is of, and its name."""


def difference(run: Run, one: Model, other: Model, depth: int, kind: str = "brown") -> PairedDifference:
    """Divergence of one model from the teacher less that of another, row by row."""
    return paired_difference(*(run.values(*model, depth, kind=kind) for model in (one, other)))


def difference_of_means(run: Run, one: Model, other: Model, depths: Sequence[int]) -> PairedDifference:
    """The same for means over depths."""
    means = [np.mean([run.values(*model, depth) for depth in depths], axis=0) for model in (one, other)]
    return paired_difference(*means)


def is_below(found: PairedDifference) -> bool:
    """Whether a difference is negative by more than two standard errors."""
    return found.mean < -2 * found.standard_error
