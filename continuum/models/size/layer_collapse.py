"""LaCo: layers are merged where the last hidden states hardly change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from continuum.core import InvalidInputError, check_count

from ..anatomy import Blocks, blocks
from .calibration import Calibration
from .stacks import Stack, merged, stacked
from .watching import watched

__all__ = ["LayerCollapse"]


@dataclass(frozen=True, eq=False)
class LayerCollapse:
    """Layer collapse (LaCo; Yang et al., 2024): runs of layers become one, from the top down.

    A run of layers is merged into its first one, and stays so if what the model makes of texts keeps its direction: if
    the mean cosine with the teacher's stays above the threshold. Then the next run is `interval` layers lower, else
    one. What stands for a text is, by our choice, the hidden state of the last token of a calibration chunk after the
    final norm.

    Args:
        calibration: the texts.
        merged: layers of a run, those merged into the first included.
        lowest: no layer below is merged.
        highest: no layer above is merged; None for the last.
        interval: layers between the beginnings of two runs that are merged.
        threshold: least cosine.

    Raises:
        InvalidInputError: if a number is out of its range.
    """

    calibration: Calibration
    merged: int = 4
    lowest: int = 1
    highest: int | None = None
    interval: int = 2
    threshold: float = 0.65

    def __post_init__(self) -> None:
        check_count("merged", self.merged, least=2)
        check_count("lowest", self.lowest, least=0)
        check_count("interval", self.interval)
        if self.highest is not None:
            check_count("highest", self.highest, least=self.lowest + 1)
        if not -1 <= self.threshold <= 1:
            raise InvalidInputError(f"`threshold` must be in [-1, 1], got {self.threshold!r}.")

    def stacks(self, teacher: Blocks, /) -> Sequence[Stack]:
        """The model after each merge."""
        return list(self._search(teacher))

    def _search(self, teacher: Blocks) -> Iterator[Stack]:
        stack: Stack = tuple({layer: 1.0} for layer in range(len(teacher)))
        top = len(teacher) if self.highest is None else min(self.highest + 1, len(teacher))
        whole, start = self._states(teacher, stack), top - self.merged
        yield stack
        while start >= self.lowest:
            candidate = merged(stack, start, min(start + self.merged, len(stack)))
            near = torch.cosine_similarity(whole, self._states(teacher, candidate), dim=-1).mean() > self.threshold
            if near and len(candidate) < len(stack):
                stack = candidate
                yield stack
            start = min(start - self.interval, len(stack) - self.merged) if near else start - 1

    @torch.no_grad()
    def _states(self, teacher: Blocks, stack: Stack) -> Tensor:
        """Hidden states of the last tokens after the final norm, (chunks, width)."""
        model = blocks(stacked(teacher, stack))
        found = []
        for ids in self.calibration.batches:
            ids = ids.to(model.model.device)
            with watched(model, (len(model),), torch.zeros_like(ids, dtype=torch.bool)) as states:
                model.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
            found.append(states[len(model)][:, -1].float())
        return torch.cat(found)
