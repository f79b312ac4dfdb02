"""The labelled clouds: digits of MNIST, small digits, furniture; made-up ones where it is only to be seen what runs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from pieces import Lab

from continuum.compute import Augmentation, CloudSet, clouds_of_images, load_furniture
from continuum.core import rng_for
from continuum.datasets import load

CLASSES = {"mnist": 10, "digits": 10, "furniture": 11}
DIMENSIONS = {"mnist": 2, "digits": 2, "furniture": 3}
SHOWN = {"mnist": 64, "digits": 64, "furniture": 128}
"""Points of a cloud in a training step."""

CHANGES = {
    "mnist": Augmentation(),
    "digits": Augmentation(),
    "furniture": Augmentation(rotation=180, scale=0.15, shear=0.0, jitter=0.01),
}
_DARK = 4 / 16  # pixels of the small digits are points from here on


@lru_cache(maxsize=4)
def clouds(lab: Lab, name: str, split: str) -> CloudSet:
    """All clouds of a split, their points in random order, with labels."""
    if lab.small:
        return _made_up(name, split)
    if name == "furniture":
        objects = load_furniture("train" if split == "train" else "test")
        scaled = objects.points / np.sqrt(np.square(objects.points).sum(2).mean(1) / 3)[:, None, None]
        return CloudSet.from_list(torch.as_tensor(scaled), torch.as_tensor(objects.labels)).shuffled(0)
    data = load(name, split="train" if split == "train" else "test")
    return clouds_of_images(data.x, np.asarray(data.y), threshold=0 if name == "mnist" else _DARK)


def _made_up(name: str, split: str) -> CloudSet:
    """Blobs whose number says their class: easy, and of the right shape."""
    rng = rng_for(0, name, split)
    n, d = 64, DIMENSIONS[name]
    labels = rng.integers(CLASSES[name], size=n)
    points = []
    for label in labels:
        angles = 2 * np.pi * rng.random(48) * (1 + label) / 12
        rows = np.stack([np.cos(angles), np.sin(angles), angles / 6][:d], 1) + 0.05 * rng.normal(size=(48, d))
        centred = rows - rows.mean(0)
        points.append(torch.as_tensor(centred / np.sqrt(np.square(centred).mean()), dtype=torch.float32))
    return CloudSet.from_list(points, torch.as_tensor(labels))
