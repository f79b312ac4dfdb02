"""The family of one model that stops early: a second way to spend fewer layers, at run time and row by row."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from continuum.core import InvalidInputError, LazyEndpoints, Levels, Point, PointLike, check_count, check_positive

from ..anatomy import Blocks, blocks
from ..weights.identity import digest_of
from .calibration import Calibration
from .confidence import Confidence, TopProbability
from .exits import with_exits
from .parts import Parts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExitLevel", "ExitPath"]

_TOP = TopProbability()


@dataclass(frozen=True)
class ExitLevel:
    """A budget of layers, and how it is kept.

    Attributes:
        threshold: confidence at which a row leaves.
        depth: mean number of layers of a row of the calibration texts.
    """

    threshold: float
    depth: float


@dataclass(frozen=True, eq=False)
class ExitPath:
    r"""Models that give each row of tokens as many layers as it needs, from one layer on average to all.

    The coordinate is the mean depth that is asked for, $t = (D - D_\mathrm{least}) / (N - D_\mathrm{least})$ with N
    layers. For each level the threshold is the highest of which the mean depth on the calibration texts is no more; on
    other texts the depth can be another, see `exit_depths`. At 1 it is the model, bit for bit.

    A row is sure at its last token, as it is when a next token is asked for: see `Confidence`. All of its logits are of
    the layer where it leaves. Rows that left take no time in the layers above. All weights stay in memory: unlike
    patching this saves time only.

    `at` builds an independent model, `lease` lends one over the weights of the teacher.

    Args:
        teacher: a causal language model of the `transformers` library; not changed.
        calibration: texts like those to come, in chunks as long: take many chunks, since each is one row.
        exits: after how many layers rows may leave; None for after each.
        confidence: how sure the model is.
        levels: number of budgets, both ends included.

    Raises:
        InvalidInputError: if `exits` are no numbers of layers, or all of them.
        IncompatibleError: if the layers of the teacher cannot be found, or it has no head.
    """

    teacher: Any
    calibration: Calibration
    exits: tuple[int, ...] | None = None
    confidence: Confidence = _TOP
    levels: int = 9

    def __post_init__(self) -> None:
        check_count("levels", self.levels, least=2)
        depth = len(self._blocks)
        exits = tuple(range(1, depth)) if self.exits is None else tuple(sorted(set(self.exits)))
        for layers in exits:
            check_count("exits", layers, least=1, most=depth - 1)
        if not exits:
            raise InvalidInputError("`exits` must have a number of layers after which rows may leave.")
        object.__setattr__(self, "exits", exits)
        self._levels  # noqa: B018 -- thresholds are found now, so that reading the domain is cheap

    @cached_property
    def domain(self) -> Levels:
        return Levels(tuple(self._levels), "t")

    def level_at(self, point: PointLike, /) -> ExitLevel:
        """The threshold at a point, and the mean depth on the calibration texts."""
        (t,) = self.domain.point(point)
        return self._levels[t]

    def at(self, point: PointLike, /) -> Any:
        """An independent model at a point, in evaluation mode."""
        return copy.deepcopy(self._view(point))

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[Any]:
        """Borrow a model at a point, over the weights of the teacher."""
        yield self._view(point)

    @property
    def endpoints(self) -> Mapping[Point, Any]:
        """The model that all rows leave at the first exit, at 0, and the whole one at 1."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def at_budget(self, *, layers: float) -> Point:
        """The point of the largest mean depth, on the calibration texts, within a budget.

        Raises:
            InvalidInputError: if it is less than the first exit.
        """
        check_positive("layers", layers)
        within = [t for t, level in self._levels.items() if level.depth <= layers]
        if not within:
            raise InvalidInputError(f"`layers` is {layers}, and no row leaves before layer {min(self._exits)}.")
        return (max(within),)

    def table(self) -> pd.DataFrame:
        """The levels: t, threshold, and mean depth on the calibration texts."""
        import pandas as pd

        return pd.DataFrame([{"t": t, **vars(level)} for t, level in self._levels.items()])

    @property
    def fingerprint(self) -> str:
        """Digest of the weights as they are now, the exits and the thresholds, for result stores."""
        names = repr((self._exits, self.confidence, self._levels))
        return digest_of(names, self.teacher.state_dict().items())

    @property
    def _exits(self) -> tuple[int, ...]:
        return self.exits or ()

    @cached_property
    def _blocks(self) -> Blocks:
        return blocks(self.teacher)

    def _view(self, point: PointLike) -> Any:
        return with_exits(self._blocks, self._exits, self.confidence, self.level_at(point).threshold)

    @cached_property
    def _levels(self) -> Mapping[float, ExitLevel]:
        least, most = min(self._exits), len(self._blocks)
        confidences = _confidences(self._blocks, self._exits, self.confidence, self.calibration)
        known = _known_depths(confidences, self._exits, most)
        inner = [least + (most - least) * k / (self.levels - 1) for k in range(1, self.levels - 1)]
        # The ends do not depend on the texts.
        found = [ExitLevel(-math.inf, float(least)), *(_highest(known, depth) for depth in inner)]
        found.append(ExitLevel(math.inf, float(most)))
        return {k / (self.levels - 1): level for k, level in enumerate(found)}

    def __getstate__(self) -> dict[str, Any]:
        """Without what each process makes anew."""
        return {name: value for name, value in self.__dict__.items() if name != "_blocks"}

    def __repr__(self) -> str:
        return f"ExitPath({type(self.teacher).__name__}, exits={list(self._exits)}, confidence={self.confidence!r})"


def _confidences(teacher: Blocks, exits: tuple[int, ...], confidence: Confidence, calibration: Calibration) -> Tensor:
    """The confidence of each row at each exit, (rows, exits)."""
    parts, rows = Parts(teacher), []
    for ids in calibration.batches:
        prepared = parts.prepared(ids)
        states, found = prepared.hidden, []
        for index in range(max(exits)):
            before, states = states, parts.layer(index, states, prepared)
            if index + 1 in exits:
                found.append(confidence.of(before[:, -1], states[:, -1], parts).double().cpu())
        rows.append(torch.stack(found, 1))
    return torch.cat(rows)


def _known_depths(confidences: Tensor, exits: tuple[int, ...], layers: int) -> list[ExitLevel]:
    """The mean depth at each threshold that makes a difference, from the lowest."""
    highest = confidences.cummax(1).values  # a row leaves at the first exit where this is enough
    depths = torch.tensor([*exits, layers], dtype=torch.float64)
    found = [ExitLevel(-math.inf, float(exits[0]))]
    for below, above in pairwise(sorted(set(highest.flatten().tolist()))):
        # In the middle: what is computed in another batch can differ by rounding.
        threshold = (below + above) / 2
        passed = (highest < threshold).sum(1)
        found.append(ExitLevel(threshold, float(depths[passed].mean())))
    return found


def _highest(known: list[ExitLevel], depth: float) -> ExitLevel:
    """The level of the highest threshold within a mean depth, which grows with it."""
    return [level for level in known if level.depth <= depth][-1]
