"""Labelled datasets: images with their labels, or points in the plane coloured by class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from continuum.core import as_array
from continuum.datasets import LabelledDataset
from continuum.harness import Clouds, Exhibit, Facts, Images
from continuum.selection import Subset

from .show import Ask, pixels_of, renderer

_POINTS = 4096
_SURE = 0.995  # a label of so much weight is the only one that is named


@renderer.register
def _(value: LabelledDataset, ask: Ask) -> Iterator[Exhibit]:
    x = as_array(value.x)
    images, names = _as_images(x), _names(value)
    if images is not None:
        captions = tuple(_label(value, i, names) for i in range(min(ask.items, len(x))))
        yield Images(pixels_of(images[: ask.items]), captions)
    elif x.ndim == 2 and x.shape[1] in (2, 3):
        yield Clouds((x[:_POINTS],), (value.codes[:_POINTS],))
    masses = value.weights @ value.probabilities
    largest = np.argsort(-masses, kind="stable")[:6]
    named = ", ".join(f"{names[i]} {masses[i]:.2f}" for i in largest)
    yield Facts({"points": f"{len(value)} of shape {tuple(x.shape[1:])}", "classes": str(len(value.classes))})
    yield Facts({"largest classes": named})


@renderer.register
def _(value: Subset, ask: Ask) -> Iterator[Exhibit]:
    first = ", ".join(map(str, as_array(value.indices)[: ask.items].tolist()))
    yield Facts({"chosen": str(len(value.indices)), "first of them": first})


def _as_images(x: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The points as images, if their shape is that of one: (h, w), (1, h, w), (3, h, w) or (h, w, 3)."""
    if x.ndim == 4 and x.shape[1] in (1, 3):
        x = x[:, 0] if x.shape[1] == 1 else x.transpose(0, 2, 3, 1)
    fits = (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)) and min(x.shape[1:3]) >= 4
    return x if fits else None


def _label(data: LabelledDataset, i: int, names: list[str]) -> str:
    """The likeliest label of a point, and the second where it is a mixture."""
    shares = data.probabilities[i]
    first, *rest = np.argsort(-shares, kind="stable")[:2]
    if shares[first] >= _SURE or not rest:
        return names[int(first)]
    return "\n".join(f"{names[k]} {shares[k]:.2f}" for k in (first, rest[0]))


def _names(data: LabelledDataset) -> list[str]:
    """The classes in few letters: those of mixtures are pairs of a dataset and its label, and the label may do."""
    pairs = all(isinstance(label, tuple) and len(label) == 2 for label in data.classes)
    short = [str(label[1]) if pairs else str(label) for label in data.classes]
    if not pairs or len(set(short)) == len(short):
        return short
    return [" ".join(map(str, label)) for label in data.classes]
