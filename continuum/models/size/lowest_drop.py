"""Which layers a student should have: those without which the teacher says something else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from continuum.core import InvalidInputError, check_count

from .calibration import Calibration, Chunks
from .layer_scores import single_drop_kl

__all__ = ["Drops", "LowestDrop", "drop_layers"]


@dataclass(frozen=True)
class Drops:
    """The best layers to drop, for every number of them.

    Attributes:
        scores: what is lost with each layer alone.
        sums: the least sum of scores of r dropped layers, for r = 0, 1, ...
        choices: the r layers of that sum.
        knee: the r after which the sum rises steeply. No point of the curve of sums is farther below the chord between
            its ends: steps up to it cost less than the mean step, and all later ones more (Satopää et al., 2011).
    """

    scores: tuple[float, ...]
    sums: tuple[float, ...]
    choices: tuple[tuple[int, ...], ...]
    knee: int

    def kept(self, dropped: int | None = None) -> tuple[int, ...]:
        """The layers that are left.

        Args:
            dropped: how many are dropped; None for those of the knee.

        Raises:
            InvalidInputError: if no so many can be dropped.
        """
        count = self.knee if dropped is None else dropped
        check_count("dropped", count, least=0, most=len(self.sums) - 1)
        return tuple(layer for layer in range(len(self.scores)) if layer not in self.choices[count])


@dataclass(frozen=True, eq=False)
class LowestDrop:
    """A rule for `initialize_student` that measures which layers can be spared.

    Drops the layers of the least sum of `single_drop_kl`, of which no two are neighbours and none is the first: every
    block has one or two layers then. The cosine of block influence does not see some of the layers that matter most.
    For teachers of the paper, its own rules are in `PUBLISHED`.

    Args:
        calibration: the texts to measure on, or chunks of tokens, such as `own_words`.
        dropped: how many layers to drop; None for as many as there are before the sum rises steeply.

    Raises:
        InvalidInputError: if `dropped` is no whole number.
    """

    calibration: Calibration | Chunks
    dropped: int | None = None

    def __post_init__(self) -> None:
        if self.dropped is not None:
            check_count("dropped", self.dropped, least=0)

    def drops(self, teacher: Any) -> Drops:
        """The table of sums, with the layers, for every number of dropped ones."""
        return drop_layers(single_drop_kl(teacher, self.calibration))

    def kept(self, teacher: Any, /) -> Sequence[int]:
        return self.drops(teacher).kept(self.dropped)


def drop_layers(scores: Sequence[float]) -> Drops:
    """The layers of least sums of scores, no two of them neighbours and none the first, for every number of them.

    An exact dynamic programme over the layers from the last to the first.

    Args:
        scores: what is lost with each layer.

    Raises:
        InvalidInputError: if there are fewer than two, or one is not finite.

    Example:
        >>> found = drop_layers((9.0, 3.0, 0.2, 0.1, 0.2, 5.0))
        >>> found.choices
        ((), (3,), (2, 4), (1, 3, 5))
        >>> found.knee, found.kept()
        (2, (0, 1, 3, 5))
    """
    scores = tuple(map(float, scores))
    if len(scores) < 2 or not all(map(math.isfinite, scores)):
        raise InvalidInputError(f"`scores` must be finite numbers of two layers or more, got {scores}.")
    best = _best(scores)
    sums, choices = zip(*(best[r] for r in range(len(scores) // 2 + 1)), strict=True)
    return Drops(scores, sums, choices, _knee(sums))


def _best(scores: tuple[float, ...]) -> dict[int, tuple[float, tuple[int, ...]]]:
    """By number of dropped layers the least sum and the layers, of layers 1 and above."""
    after: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}  # from layer i + 1 on
    beyond = after  # from layer i + 2 on
    for i in range(len(scores) - 1, 0, -1):
        dropped = {r + 1: (scores[i] + total, (i, *layers)) for r, (total, layers) in beyond.items()}
        both = {r: [way[r] for way in (after, dropped) if r in way] for r in after.keys() | dropped.keys()}
        after, beyond = {r: min(ways) for r, ways in both.items()}, after
    return after


def _knee(sums: Sequence[float]) -> int:
    last = len(sums) - 1
    below = [sums[0] + (sums[-1] - sums[0]) * r / last - total for r, total in enumerate(sums)]
    return max(range(len(sums)), key=lambda r: (below[r], r))
