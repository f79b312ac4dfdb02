"""A task whose accuracy after each number of steps is known beforehand: which points hang together with the seed?

News of the seed has to travel from point to point. A network that looks no further than a radius in one step knows
after K steps what lies within K hops of a point, and no more; how well one can answer with that is found by
breadth-first search, without a network. So there is a curve of accuracy against computation that nothing can beat, and
reaching it means that every step was used. The task is a search in a graph, which union-find solves exactly: it shows
and tests the axis of computation, and is no evidence that other tasks need iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from continuum.core import InvalidInputError, check_count, check_positive

from .particles import PointCloudBatch

__all__ = ["Propagation"]


@dataclass(frozen=True, eq=False)
class Propagation:
    """Clouds in which some points are seeds, and the points that belong to the same part as these.

    Args:
        clouds: points (b, m, d + 1); the last feature is 1 at a seed and 0 elsewhere.
        labels: whether a point belongs to the part of a seed, (b, m).
        radius: points no further apart than this are neighbours; a network for this task must look no further.

    Raises:
        InvalidInputError: if a flag is neither 0 nor 1, a cloud has no seed, or `labels` do not fit.

    Example:
        >>> line = torch.tensor([[[0.0, 1], [1, 0], [2, 0], [9, 0]]])
        >>> task = Propagation(PointCloudBatch(line), torch.tensor([[True, True, True, False]]), radius=1.5)
        >>> task.hops.tolist(), task.ceiling(1), task.ceiling(2)
        ([[0, 1, 2, -1]], 0.75, 1.0)
    """

    clouds: PointCloudBatch
    labels: Bool[Tensor, "b m"]
    radius: float

    def __post_init__(self) -> None:
        check_positive("radius", self.radius)
        flags, labels = self.clouds.points[..., -1], torch.as_tensor(self.labels)
        if labels.shape != flags.shape or labels.dtype != torch.bool:
            raise InvalidInputError(
                f"`labels` must be boolean of shape {tuple(flags.shape)}, got {tuple(labels.shape)} of {labels.dtype}."
            )
        if not bool(((flags == 0) | (flags == 1)).all()):
            raise InvalidInputError("the last feature of a point must be 1 at a seed and 0 elsewhere.")
        if not bool((flags == 1).any(1).all()):
            raise InvalidInputError(f"cloud {int((flags == 0).all(1).nonzero()[0])} has no seed.")
        object.__setattr__(self, "labels", labels & self.clouds.mask)

    def __len__(self) -> int:
        """How many clouds."""
        return len(self.clouds)

    def __getitem__(self, rows: Any) -> Propagation:
        """Some of the clouds, by a slice, indices or a mask."""
        clouds = self.clouds[rows]
        return Propagation(clouds, self.labels[rows][:, : clouds.points.shape[1]], self.radius)

    def to(self, target: torch.device | torch.dtype | str) -> Propagation:
        """The task on another device, or in another floating-point dtype."""
        clouds = self.clouds.to(target)
        return Propagation(clouds, self.labels.to(clouds.mask.device), self.radius)

    @cached_property
    def hops(self) -> Int[Tensor, "b m"]:
        """How many steps from neighbour to neighbour a point is away from a seed; -1 if there is no way."""
        points, mask, some = self.clouds.points, self.clouds.mask, 256  # clouds at a time: each takes m^2 numbers
        parts = (slice(first, first + some) for first in range(0, len(points), some))
        return torch.cat([_hops(points[part], mask[part], self.radius) for part in parts])

    @property
    def hops_needed(self) -> Int[Tensor, " b"]:
        """Steps after which no point of a cloud can learn more: its largest number of hops."""
        return self.hops.amax(1)

    def known(self, steps: int) -> Bool[Tensor, "b m"]:
        """The best answer after some steps: yes for points within as many hops of a seed, no for others.

        A point that has not heard from a seed is more likely in another part, provided that a seed falls into each part
        with equal probability.
        """
        check_count("steps", steps, least=0)
        return (self.hops >= 0) & (self.hops <= steps)

    def ceiling(self, steps: int) -> float:
        """Accuracy of the best answer after some steps, see `known`; no network that looks no further does better.

        The bound holds in expectation over tasks, since guesses may be lucky.
        """
        return self.accuracy(self.known(steps))

    def exact_ceiling(self, steps: int) -> float:
        """Share of clouds that the best answer has right as a whole."""
        return self.exact(self.known(steps))

    def accuracies(self, answers: Tensor) -> Float[Tensor, " b"]:
        """Share of the points of each cloud that are answered rightly.

        Args:
            answers: (b, m), yes or no, or logits, of which positive ones mean yes. What padded rows hold does not
                matter. Of probabilities pass `p > 0.5`.

        Raises:
            InvalidInputError: if `answers` have another shape, or hold NaN for a point.
        """
        right = (self._decided(answers) == self.labels) & self.clouds.mask
        return right.sum(1) / self.clouds.counts

    def accuracy(self, answers: Tensor) -> float:
        """Mean of `accuracies`: every cloud counts the same."""
        return float(self.accuracies(answers).mean())

    def exact(self, answers: Tensor) -> float:
        """Share of clouds of which all points are answered rightly; for `answers` see `accuracies`."""
        wrong = (self._decided(answers) != self.labels) & self.clouds.mask
        return float((~wrong.any(1)).float().mean())

    def _decided(self, answers: Tensor) -> Bool[Tensor, "b m"]:
        if answers.shape != self.labels.shape:
            raise InvalidInputError(
                f"`answers` must have one entry for each point, {tuple(self.labels.shape)}, got {tuple(answers.shape)}."
            )
        if bool((answers.isnan() & self.clouds.mask).any()):
            raise InvalidInputError("`answers` hold NaN.")
        return answers if answers.dtype == torch.bool else answers > 0


def _hops(points: Tensor, mask: Tensor, radius: float) -> Tensor:
    """Breadth-first search in all clouds at once: each round marks the neighbours of the last one."""
    places = points[..., :-1]
    # Distances as such: by way of products they would be off by 1e-3, and neighbours with them.
    near = torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist") <= radius
    near &= mask[:, None, :] & mask[:, :, None]
    front = (points[..., -1] == 1) & mask
    hops = torch.where(front, 0, -1)
    step = 0
    while bool(front.any()):
        step += 1
        front = (near & front[:, None, :]).any(-1) & (hops < 0)
        hops[front] = step
    return hops
