"""What is transferred: a target, sources to learn from, and instances to decide on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from continuum.decisions import PtODataset

Predictor = Callable[[Any], Any]
Learner = Callable[[PtODataset], Predictor]


@dataclass(frozen=True, eq=False)
class Family:
    """One target with its sources.

    Attributes:
        target: instances that distances are measured to, and that the target's own predictor learns from.
        sources: tasks to learn from, by name.
        test: instances of the target to decide on, which nobody learns from.
        learners: what makes a predictor of a dataset, by name.
        few: how many instances of the target there are when labels are few; 0 if that is not asked.
    """

    target: PtODataset
    sources: Mapping[str, PtODataset]
    test: PtODataset
    learners: Mapping[str, Learner]
    few: int


def pooled(parts: Sequence[PtODataset], shares: Sequence[float] | None = None) -> PtODataset:
    """Several datasets as one, with the share of the mass that each is to have; equal ones by default."""
    shares = [1.0] * len(parts) if shares is None else shares
    kept = [(part, share) for part, share in zip(parts, shares, strict=True) if share > 0]
    weights = np.concatenate([share * part.weights for part, share in kept])
    x, y = (np.concatenate([getattr(part, name) for part, _ in kept]) for name in ("x", "y"))
    return PtODataset(x, y, kept[0][0].problem, weights=weights / weights.sum())
