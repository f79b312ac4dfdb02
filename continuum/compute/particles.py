"""Batches of point clouds of different sizes, as the discrete measures that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from continuum.core import InvalidInputError, check_count, rng_for

__all__ = ["PointCloudBatch"]

_TOLERANCE = 1e-4  # by which float32 weights of 10^5 points may miss a sum of 1


@dataclass(frozen=True, eq=False)
class PointCloudBatch:
    r"""Discrete measures $\sum_j w_{bj}\, \delta_{x_{bj}}$, padded to the largest.

    Which rows are points is said by `mask` alone: a point may well lie at the origin. Padded rows are 0 and weigh 0.

    Args:
        points: locations, (b, m, d), of a floating-point dtype; what padded rows hold does not matter.
        mask: which rows are points, (b, m); None for all.
        weights: masses, (b, m), that sum to 1 over the points of each cloud; None for uniform ones.

    Raises:
        InvalidInputError: for an empty cloud, NaN, negative masses, masses that do not sum to 1, or shapes that do not
            fit together.

    Example:
        >>> batch = PointCloudBatch.from_list([torch.zeros(1, 2), torch.ones(3, 2)])
        >>> batch.points.shape, batch.counts.tolist()
        (torch.Size([2, 3, 2]), [1, 3])
    """

    points: Float[Tensor, "b m d"]
    mask: Bool[Tensor, "b m"] = None  # type: ignore[assignment]
    weights: Float[Tensor, "b m"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        points = _admit_points(self.points)
        mask = _admit_mask(self.mask, points)
        points = torch.where(mask[..., None], points, 0)
        _check_finite(points)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "weights", _admit_weights(self.weights, mask, points))

    @classmethod
    def from_list(cls, clouds: Sequence[Any], weights: Sequence[Any] | None = None) -> PointCloudBatch:
        """A batch of clouds (m_i, d), with masses (m_i,) or uniform ones.

        Raises:
            InvalidInputError: if there is no cloud, one is empty, or dimensions differ.
        """
        if not len(clouds):
            raise InvalidInputError("`clouds` is empty; pass at least one point cloud.")
        tensors = [torch.as_tensor(cloud) for cloud in clouds]
        first = tensors[0]
        for i, cloud in enumerate(tensors):
            if cloud.ndim != 2 or cloud.shape[1] != first.shape[-1]:
                raise InvalidInputError(
                    f"cloud {i} has shape {tuple(cloud.shape)}; clouds must be (m, d) of one dimension d, and the "
                    f"first has shape {tuple(first.shape)}."
                )
            if cloud.dtype != first.dtype:
                raise InvalidInputError(f"cloud {i} is {cloud.dtype}, and the first is {first.dtype}; make them one.")
        mask = _padded([torch.ones(len(cloud), dtype=torch.bool, device=first.device) for cloud in tensors])
        if weights is None:
            return cls(_padded(tensors), mask)
        masses = [torch.as_tensor(row, dtype=first.dtype, device=first.device) for row in weights]
        if [len(row) for row in masses] != [len(cloud) for cloud in tensors]:
            raise InvalidInputError("`weights` must have one mass for each point of each cloud.")
        return cls(_padded(tensors), mask, _padded(masses))

    def __len__(self) -> int:
        """How many clouds."""
        return len(self.points)

    def __getitem__(self, rows: Any) -> PointCloudBatch:
        """Some of the clouds, by a slice, indices or a mask; padded no further than these need."""
        picked = self.mask[rows]
        if picked.ndim != 2:
            raise InvalidInputError(f"clouds are picked by a slice, indices or a mask, got {rows!r}.")
        widest = int(picked.any(0).nonzero().max()) + 1 if len(picked) else 0
        return _made(*(part[rows][:, :widest] for part in (self.points, self.mask, self.weights)))

    @property
    def dimension(self) -> int:
        """d."""
        return self.points.shape[-1]

    @property
    def counts(self) -> Tensor:
        """Number of points of each cloud, (b,)."""
        return self.mask.sum(1)

    @property
    def mean(self) -> Float[Tensor, "b d"]:
        """Barycentre of each cloud."""
        return (self.weights[..., None] * self.points).sum(1)

    def clouds(self) -> list[Tensor]:
        """The points of each cloud, (m_i, d), without padding."""
        return [points[mask] for points, mask in zip(self.points, self.mask, strict=True)]

    def moved(self, points: Tensor) -> PointCloudBatch:
        """The same clouds with their points elsewhere, (b, m, d')."""
        return replace(self, points=points)

    def thinned(self, count: int, seed: int = 0) -> PointCloudBatch:
        """Random points of each cloud, `count` of those that have more, with their masses as shares.

        Those of a smaller count are among those of a larger one, and what is taken of a cloud depends on its number of
        points alone.

        Raises:
            InvalidInputError: if the points that are taken have no mass.
        """
        check_count("count", count)
        kept = self.mask.clone()
        for m in sorted(set(self.counts.tolist())):
            order = torch.as_tensor(rng_for(seed, "thinned", m).permutation(m)[:count], device=self.points.device)
            for cloud in (self.counts == m).nonzero()[:, 0].tolist():
                places = self.mask[cloud].nonzero()[:, 0]
                kept[cloud] = False
                kept[cloud, places[order]] = True
        widest = int(kept.sum(1).max())
        first = (~kept).to(torch.uint8).argsort(dim=1, stable=True)[:, :widest]  # points before gaps
        points = self.points.gather(1, first[..., None].expand(-1, -1, self.dimension))
        masses = torch.where(kept, self.weights, 0).gather(1, first)
        totals = masses.sum(1, keepdim=True)
        if not bool((totals > 0).all()):
            raise InvalidInputError(f"the {count} points that are taken of cloud {int(totals.argmin())} have no mass.")
        return PointCloudBatch(points, kept.gather(1, first), masses / totals)

    def to(self, target: torch.device | torch.dtype | str) -> PointCloudBatch:
        """The batch on another device, or in another floating-point dtype."""
        mask = self.mask if isinstance(target, torch.dtype) else self.mask.to(target)
        return _made(self.points.to(target), mask, self.weights.to(target))


def _made(points: Tensor, mask: Tensor, weights: Tensor) -> PointCloudBatch:
    """Parts of what was admitted before, not looked at again."""
    made = object.__new__(PointCloudBatch)
    for name, value in (("points", points), ("mask", mask), ("weights", weights)):
        object.__setattr__(made, name, value)
    return made


def _padded(rows: Sequence[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)


def _admit_points(given: Any) -> Tensor:
    points: Tensor = torch.as_tensor(given)
    if points.ndim != 3 or not points.is_floating_point():
        raise InvalidInputError(
            f"`points` must be (b, m, d) of a floating-point dtype, got {tuple(points.shape)} of {points.dtype}."
        )
    if points.numel() == 0:
        raise InvalidInputError(f"`points` is empty: shape {tuple(points.shape)}.")
    return points


def _admit_mask(given: Any, points: Tensor) -> Tensor:
    if given is None:
        return torch.ones(points.shape[:2], dtype=torch.bool, device=points.device)
    mask: Tensor = torch.as_tensor(given, device=points.device)
    if mask.shape != points.shape[:2] or mask.dtype != torch.bool:
        raise InvalidInputError(
            f"`mask` must be boolean of shape {tuple(points.shape[:2])}, got {tuple(mask.shape)} of {mask.dtype}."
        )
    if not bool(mask.any(1).all()):
        empty = int((~mask.any(1)).nonzero()[0])
        raise InvalidInputError(f"cloud {empty} has no point; leave it out.")
    return mask


def _admit_weights(weights: Any, mask: Tensor, points: Tensor) -> Tensor:
    if weights is None:
        return (mask / mask.sum(1, keepdim=True)).to(points.dtype)
    weights = torch.as_tensor(weights, dtype=points.dtype, device=points.device)
    if weights.shape != mask.shape:
        raise InvalidInputError(f"`weights` must have shape {tuple(mask.shape)}, got {tuple(weights.shape)}.")
    weights = torch.where(mask, weights, 0)
    if not bool((weights >= 0).all()):  # NaN is not
        cloud = int((~(weights >= 0)).any(1).nonzero()[0])
        raise InvalidInputError(f"`weights` must be finite and not negative, and those of cloud {cloud} are not.")
    totals = weights.sum(1, keepdim=True)
    if bool(((totals - 1).abs() > _TOLERANCE).any()):
        cloud = int((totals - 1).abs().argmax())
        raise InvalidInputError(
            f"`weights` must sum to 1 over the points of each cloud, and those of cloud {cloud} sum to "
            f"{float(totals[cloud]):g}; divide them by their sum."
        )
    normalised: Tensor = weights / totals
    return normalised


def _check_finite(points: Tensor) -> None:
    bad = ~torch.isfinite(points)
    if bool(bad.any()):
        cloud, row, _ = (int(i) for i in bad.nonzero()[0])
        raise InvalidInputError(f"`points` has NaN or infinite entries, the first at point {row} of cloud {cloud}.")
