"""Drawings without an image, and tasks of propagation cloud by cloud."""

from __future__ import annotations

import numpy as np

from continuum.compute.clouds import CloudSet


def blobs(count=30, points=40, seed=0):
    """Drawings like those of digits: random walks with small steps."""
    rng = np.random.default_rng(seed)
    return CloudSet.from_list([rng.normal(0, 0.25, (points + i % 3, 2)).cumsum(0) for i in range(count)])


def one_by_one(task):
    """Coordinates, flags, labels and hops of each cloud without padding."""
    for points, mask, labels, hops in zip(task.clouds.points, task.clouds.mask, task.labels, task.hops, strict=True):
        rows = points[mask].double().numpy()
        yield rows[:, :-1], rows[:, -1] == 1, labels[mask].numpy(), hops[mask].numpy()
