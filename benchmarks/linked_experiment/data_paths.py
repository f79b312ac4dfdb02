"""Three paths from one set of digits to another: samples in proportion, along optimal transport, and Mixup."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from pieces import Lab
from torch import Tensor, from_numpy

from continuum import Interpolant, Interval, along, from_function, transform
from continuum.core import rng_for
from continuum.datasets import LabelledDataset, McCann, Mixup, load, resize

KINDS = ("pooled", "geodesic", "Mixup")
SIDE = 14  # pixels
CLASSES = 10

_SETS = ("mnist", "optdigits")


class Examples(NamedTuple):
    """Images (n, 1, side, side), distributions over classes (n, 10), and weights (n,) that sum to 1."""

    x: Tensor
    y: Tensor
    weights: Tensor


class Sides(NamedTuple):
    """The two ends of a dataset path, or what they are tested on."""

    source: LabelledDataset
    target: LabelledDataset


class Sizes(NamedTuple):
    """How many images of each set: to draw from, to start with, to train on, and to test on."""

    pool: int
    start: int
    training: int
    test: int


def sizes(lab: Lab) -> Sizes:
    return Sizes(90, 30, 40, 40) if lab.small else Sizes(3500, 500, 1000, 1000)


def start_images(lab: Lab) -> Examples:
    """Images of both sets, which no training has."""
    rows = slice(sizes(lab).start)
    source, target = (examples(_images(name, "train", sizes(lab).pool, lab.small).subset(rows)) for name in _SETS)
    joined = (torch.cat(columns) for columns in zip(source, target, strict=True))
    x, y, weights = joined
    return Examples(x, y, weights / 2)


def training_images(lab: Lab, seed: int) -> Sides:
    """A draw of images of each set."""
    pool, start, count, _ = sizes(lab)
    rows = start + rng_for(seed, "images").permutation(pool - start)[:count]
    return Sides(*(_images(name, "train", pool, lab.small).subset(rows) for name in _SETS))


def test_images(lab: Lab) -> Sides:
    return Sides(*(_images(name, "test", sizes(lab).test, lab.small) for name in _SETS))


def dataset_path(kind: str, ends: Sides, seed: int) -> Interpolant[Examples]:
    """A path from the source (0) to the target (1); a class is one class in both."""
    if kind == "pooled":
        path: Interpolant[LabelledDataset] = from_function(Interval(), lambda a: _pooled(ends, a, seed))
    elif kind == "geodesic":
        path = McCann(*ends)
    else:
        path = along(Mixup(ends._asdict(), seed=seed), (1.0, 0.0), (0.0, 1.0))
    return transform(path, examples)


def examples(data: LabelledDataset) -> Examples:
    """As tensors; where the classes of both sets are apart, they are made one."""
    y = data.probabilities
    if y.shape[1] > CLASSES:
        y = y.reshape(len(y), 2, CLASSES).sum(1)
    x = np.asarray(data.x, np.float32)[:, None]
    return Examples(from_numpy(x), from_numpy(y.astype(np.float32)), from_numpy(data.weights.astype(np.float32)))


def _pooled(ends: Sides, share: float, seed: int) -> LabelledDataset:
    """A share of the places holds an image of the target: as the share grows, no image of the target goes."""
    n = len(ends.source)
    from_target = rng_for(seed, "pooled").permutation(n) < round(share * n)
    x = np.where(from_target[:, None, None], ends.target.x, ends.source.x)
    return LabelledDataset(x, np.where(from_target, ends.target.y, ends.source.y))


@lru_cache
def _images(name: str, split: str, n: int, small: bool) -> LabelledDataset:
    """Images of a set at one size, or made-up ones: patterns of classes that both sets share in part."""
    if not small:
        drawn = load(name, split=split, n=n, seed=0)  # type: ignore[arg-type]
        return LabelledDataset(resize(drawn.x, SIDE), drawn.y)
    shared, own = (rng_for(0, "patterns", *of).random((CLASSES, SIDE, SIDE)) for of in ((), (name,)))
    noise = rng_for(0, "noise", name, split).normal(size=(n, SIDE, SIDE))
    y = np.arange(n) % CLASSES
    return LabelledDataset((0.5 * (shared + own)[y] + 0.1 * noise).astype(np.float32), y)
