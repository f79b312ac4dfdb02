"""What interpolated datasets are made of: mixed features, and labels on the disjoint union."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .labelled import Features, LabelledDataset

__all__ = ["mix_features", "mix_labels", "union_labels"]

Array = NDArray[Any]


def union_labels(sources: Mapping[str, LabelledDataset]) -> tuple[Hashable, ...]:
    """Labels of the disjoint union: pairs (name, label)."""
    return tuple((name, label) for name, data in sources.items() for label in data.classes)


def mix_labels(a: Sequence[float], labels: Sequence[Array]) -> Array:
    """Label distributions over the disjoint union, (n, sum k_i): block i holds a_i times those of source i."""
    return np.concatenate([weight * block for weight, block in zip(a, labels, strict=True)], axis=1)


def mix_features(a: Sequence[float], images: Sequence[Features]) -> Features:
    """sum_i a_i x_i in fresh memory; a source of weight 0 is not read, and a sole source is copied bit for bit."""
    (first, x), *rest = [(weight, image) for weight, image in zip(a, images, strict=True) if weight > 0]
    total = x * first
    for weight, image in rest:
        total += weight * image
    return total
