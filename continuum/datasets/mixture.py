"""What interpolated datasets are made of: mixed features, and labels on the disjoint union."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .admission import Features
from .labelled import LabelledDataset, admit_datasets

__all__ = ["admit_sources", "mix_features", "mix_labels", "union_labels"]

Array = NDArray[Any]


def admit_sources(sources: Any, *shape: int) -> None:
    """Refuse sources to be mixed that are none, no labelled datasets, or not of one feature shape (`shape` if given).

    Raises:
        InvalidInputError: if it is not a mapping of datasets by name, at least one.
        IncompatibleError: if feature shapes differ: pixels of images of two sizes do not correspond.
    """
    if not isinstance(sources, Mapping) or not sources:
        raise InvalidInputError(f"`sources` must be datasets by name, at least one, got {type(sources).__name__}.")
    admit_datasets(**{f"sources[{name!r}]": data for name, data in sources.items()})
    shapes = {name: tuple(data.x.shape[1:]) for name, data in sources.items()}
    if len({*shapes.values(), *([shape] if shape else [])}) > 1:
        wanted = f"the base has {shape}, " if shape else ""
        raise IncompatibleError(f"mixed datasets must have one feature shape: {wanted}got {shapes}; resize them.")


def union_labels(sources: Mapping[str, LabelledDataset]) -> tuple[Hashable, ...]:
    """Labels of the disjoint union: pairs (name, label)."""
    return tuple((name, label) for name, data in sources.items() for label in data.classes)


def mix_labels(a: Sequence[float], labels: Sequence[Array]) -> Array:
    """Label distributions over the disjoint union, (n, sum k_i): block i holds a_i times those of source i."""
    return np.concatenate([weight * block for weight, block in zip(a, labels, strict=True)], axis=1)


def _alike(images: Sequence[Features]) -> Sequence[Features]:
    """All arrays, or all tensors where the first tensor is; in the widest of their dtypes."""
    place = next((x.device for x in images if isinstance(x, Tensor)), None)
    if place is None:
        arrays = [np.asarray(x) for x in images]
        return [x.astype(np.result_type(*arrays), copy=False) for x in arrays]
    tensors = [torch.as_tensor(x, device=place) for x in images]
    dtype = reduce(torch.promote_types, (x.dtype for x in tensors))
    return [x.to(dtype) for x in tensors]


def mix_features(a: Sequence[float], images: Sequence[Features]) -> Features:
    """sum_i a_i x_i in fresh memory; a source of weight 0 is not read, and a sole source is copied bit for bit."""
    (first, x), *rest = [(weight, image) for weight, image in zip(a, _alike(images), strict=True) if weight > 0]
    total = x * first
    for weight, image in rest:
        total += weight * image
    return total
