"""Tasks of propagation: arms of spirals, and pairs of digits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from continuum.core import InvalidInputError, check_count, check_positive, check_weight, rng_for

from .clouds import CloudSet
from .particles import PointCloudBatch
from .propagation import Propagation

__all__ = ["digit_pairs", "spiral_arms"]

_GAP = 1.7  # between two arms
_START = 2.0  # the angle at which arms start, far enough from each other


def spiral_arms(
    count: int,
    *,
    seed: int,
    least: int = 6,
    most: int = 32,
    radius: float = 1.1,
    spacing: float = 0.5,
    jitter: float = 0.06,
) -> Propagation:
    r"""Two Archimedean spirals $r = 1 + b t$ wound into each other: which points are on the arm of the seed?

    The second arm is the first one turned by $\pi$, so that arms are $\pi b = 1.7$ apart; each has its own length. The
    whole is turned and mirrored at random, its points are jittered and shuffled. A fair coin decides on the arm of the
    seed, which is one of its points: without news of the seed a point is on its arm with probability 1/2 at most.

    With the defaults the points of one arm hang together and no two arms do, unless jitter exceeds six of its standard
    deviations.

    Args:
        count: how many clouds. With one seed the first ones of a larger number are the same.
        seed: of the clouds.
        least: fewest points of an arm.
        most: most points of an arm; longer arms need more steps.
        radius: points no further apart than this are neighbours.
        spacing: of the points along an arm.
        jitter: standard deviation of a coordinate.

    Raises:
        InvalidInputError: if an option is out of its range.

    Example:
        >>> task = spiral_arms(64, seed=0)
        >>> task.clouds.points.shape, [round(task.ceiling(steps), 2) for steps in (1, 4, 16)]
        (torch.Size([64, 64, 3]), [0.64, 0.85, 1.0])
    """
    check_count("count", count)
    check_count("least", least)
    check_count("most", most, least=int(least))
    check_positive("spacing", spacing)
    check_weight("jitter", jitter)
    arm = _spiral(most, spacing)
    streams = (rng_for(seed, "spiral arms", i) for i in range(count))
    return _task((_arms(arm, least, jitter, rng) for rng in streams), count, 2 * most, radius)


def digit_pairs(
    clouds: CloudSet, count: int, *, seed: int, points: int = 40, radius: float = 0.85, clearance: float = 1.2
) -> Propagation:
    """Two drawings side by side: which points are on that of the seed?

    Random points of two random clouds, the second shifted in a random direction by the first of 1.5, 2, 2.5, ... that
    brings it further away than `clearance` radii, together centred and shuffled. A fair coin decides on the drawing of
    the seed, which is one of its points. Thinned out a drawing may fall apart, so some of its points cannot be reached.

    Args:
        clouds: drawings to choose from, such as `clouds_of_images` of digits; those with fewer points are left out.
        count: how many pairs. With one seed the first ones of a larger number are the same.
        seed: of the pairs.
        points: how many points of a drawing are taken.
        radius: points no further apart than this are neighbours.
        clearance: least distance of the two drawings, in radii; more than 1 keeps them apart.

    Raises:
        InvalidInputError: if fewer than two clouds have enough points, clouds are not in the plane, or an option is out
            of its range.
    """
    check_count("count", count)
    check_count("points", points)
    check_positive("radius", radius)
    check_positive("clearance", clearance)
    if clouds.dimension != 2:
        raise InvalidInputError(f"`clouds` must be of the plane, got dimension {clouds.dimension}.")
    enough = (clouds.counts >= points).nonzero()[:, 0]
    if len(enough) < 2:
        raise InvalidInputError(f"{len(enough)} of {len(clouds)} clouds have {points} points; two at least must have.")
    streams = (rng_for(seed, "digit pairs", i) for i in range(count))
    pairs = (_pair(clouds, enough, points, clearance * radius, rng) for rng in streams)
    return _task(pairs, count, 2 * points, radius)


def _spiral(count: int, spacing: float) -> NDArray[np.float64]:
    """Points of one arm, as far apart as `spacing` along it."""
    angles, pitch = [_START], _GAP / math.pi
    for _ in range(count - 1):
        angles.append(angles[-1] + spacing / math.hypot(1 + pitch * angles[-1], pitch))
    t = np.array(angles)
    return np.asarray((1 + pitch * t)[:, None] * np.stack([np.cos(t), np.sin(t)], 1))


def _arms(arm: NDArray[np.float64], least: int, jitter: float, rng: np.random.Generator) -> NDArray[np.float64]:
    first, second = rng.integers(least, len(arm), 2, endpoint=True).tolist()
    both = np.concatenate([arm[:first], -arm[:second]]) * (1, rng.choice([-1, 1]))
    turned = both @ _turn(rng.uniform(0, 2 * math.pi))
    return _seeded(turned + jitter * rng.standard_normal(both.shape), first, rng)


def _pair(
    clouds: CloudSet, enough: torch.Tensor, points: int, least: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    chosen = enough[torch.as_tensor(rng.choice(len(enough), 2, replace=False))]
    one, two = (_some(cloud.cpu().numpy(), points, rng) for cloud in clouds[chosen].clouds())
    direction = np.array([1.0, 0.0]) @ _turn(rng.uniform(0, 2 * math.pi))
    shifted = (two + distance * direction for distance in itertools.count(1.5, 0.5))
    two = next(moved for moved in shifted if cdist(one, moved).min() > least)
    both = np.concatenate([one, two])
    return _seeded(both - both.mean(0), points, rng)


def _some(cloud: NDArray[np.floating], points: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(cloud[rng.permutation(len(cloud))[:points]], np.float64)


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def _seeded(points: NDArray[np.float64], first: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points, of which the first ones are one part and the others another, shuffled, with flag and label: (m, 4)."""
    parts = np.arange(len(points)) >= first
    side = bool(rng.integers(2))
    flags = np.zeros(len(points))
    flags[rng.choice(np.flatnonzero(parts == side))] = 1
    return rng.permutation(np.column_stack([points, flags, parts == side]))


def _task(rows: Iterable[NDArray[np.float64]], count: int, width: int, radius: float) -> Propagation:
    """A task of `count` clouds of points with flag and label, padded to `width`."""
    table = np.zeros((count, width, 4), np.float32)
    mask = np.zeros((count, width), bool)
    for i, cloud in enumerate(rows):
        table[i, : len(cloud)], mask[i, : len(cloud)] = cloud, True
    clouds = PointCloudBatch(torch.as_tensor(table[..., :3]), torch.as_tensor(mask))
    return Propagation(clouds, torch.as_tensor(table[..., 3] == 1), radius)
