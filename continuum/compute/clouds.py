"""Many point clouds of different sizes, held without padding, and the batches that are drawn from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import InvalidInputError, check_count, rng_for

from .particles import PointCloudBatch

__all__ = ["CloudSet", "clouds_of_images"]


@dataclass(frozen=True, eq=False)
class CloudSet:
    """Point clouds one after the other, cloud i in the rows from `starts[i]` to `starts[i + 1]`.

    Sixty thousand digits take 72 MB in this way, and a batch of 128 of them is gathered in a fraction of a millisecond.

    Args:
        points: the points of all clouds, (t, d), of a floating-point dtype.
        starts: where each cloud starts, and where the last ends, (n + 1,).
        labels: a class for each cloud, (n,), or None.

    Raises:
        InvalidInputError: if shapes do not fit together, or a cloud is empty.

    Example:
        >>> clouds = CloudSet.from_list([np.zeros((1, 2)), np.ones((3, 2))])
        >>> len(clouds), clouds.counts.tolist(), clouds[[1]].points.shape
        (2, [1, 3], torch.Size([1, 3, 2]))
    """

    points: Float[Tensor, "t d"]
    starts: Int[Tensor, " s"]
    labels: Int[Tensor, " n"] | None = None

    def __post_init__(self) -> None:
        points, starts = torch.as_tensor(self.points), torch.as_tensor(self.starts)
        if points.ndim != 2 or not points.is_floating_point():
            raise InvalidInputError(
                f"`points` must be (t, d) of a floating-point dtype, got {tuple(points.shape)} of {points.dtype}."
            )
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "starts", _admit_starts(starts, len(points)))
        object.__setattr__(self, "labels", _admit_labels(self.labels, len(starts) - 1))

    @classmethod
    def from_list(cls, clouds: Sequence[Any] | NDArray[Any], labels: Any = None) -> CloudSet:
        """A set of clouds (m_i, d), arrays or tensors; an array (n, m, d) is such a list too.

        Raises:
            InvalidInputError: if there is no cloud, one is empty, or dimensions differ.
        """
        if not len(clouds):
            raise InvalidInputError("`clouds` is empty; pass at least one point cloud.")
        tensors = [torch.as_tensor(cloud) for cloud in clouds]
        for i, cloud in enumerate(tensors):
            if cloud.ndim != 2 or cloud.shape[1] != tensors[0].shape[-1]:
                raise InvalidInputError(
                    f"cloud {i} has shape {tuple(cloud.shape)}; clouds must be (m, d) of one dimension d, and the "
                    f"first has shape {tuple(tensors[0].shape)}."
                )
        return cls(torch.cat(tensors), _starts(np.array([len(cloud) for cloud in tensors])), labels)

    def __len__(self) -> int:
        """How many clouds."""
        return len(self.starts) - 1

    @property
    def counts(self) -> Int[Tensor, " n"]:
        """Number of points of each cloud."""
        return self.starts.diff()

    @property
    def dimension(self) -> int:
        """d."""
        return self.points.shape[1]

    def __getitem__(self, rows: Any) -> PointCloudBatch:
        """All points of some of the clouds, by a slice, indices or a mask."""
        rows = self._admit_rows(rows)
        return self._picked(rows, int(self.counts[rows].max()))

    def prefix(self, rows: Any, count: int) -> PointCloudBatch:
        """The first `count` points of some of the clouds, or all where there are fewer.

        If the points are `shuffled` these are random subsets, and a smaller one is a part of a larger one.
        """
        check_count("count", count)
        return self._picked(self._admit_rows(rows), count)

    def window(self, rows: Any, count: int, rng: np.random.Generator) -> PointCloudBatch:
        """`count` successive points of some of the clouds, from a random one on and around the end, or all of them.

        If the points are `shuffled` these are random subsets at the price of one number for each cloud.
        """
        check_count("count", count)
        rows = self._admit_rows(rows)
        offsets = rng.integers(0, self.counts[rows].cpu().numpy())
        return self._picked(rows, count, torch.as_tensor(offsets, device=rows.device))

    def batches(self, size: int) -> Iterator[tuple[Int[Tensor, " b"], PointCloudBatch]]:
        """All clouds with all their points, `size` at a time and the smallest first, so that little is padded.

        Yields:
            Which clouds these are, and the clouds.
        """
        check_count("size", size)
        order = self.counts.argsort(stable=True)
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            yield rows, self[rows]

    def shuffled(self, seed: int) -> CloudSet:
        """The same clouds with their points in random order; the first clouds of a larger set come out the same."""
        keys = np.repeat(np.arange(len(self), dtype=np.float64), self.counts.cpu().numpy())
        keys += rng_for(seed, "order of points").random(len(keys))
        # Stable: where a sum rounds up to the next whole number, the point still stays in its own cloud.
        order = torch.as_tensor(np.argsort(keys, kind="stable"), device=self.points.device)
        return replace(self, points=self.points[order])

    def _admit_rows(self, rows: Any) -> Int[Tensor, " b"]:
        picked = torch.arange(len(self), device=self.points.device)[rows]
        if picked.ndim != 1 or not len(picked):
            raise InvalidInputError(f"clouds are picked by a slice, indices or a mask, at least one, got {rows!r}.")
        return picked

    def _picked(self, rows: Tensor, width: int, offsets: Tensor | None = None) -> PointCloudBatch:
        """At most `width` points of each cloud, from `offsets` on."""
        starts, counts = self.starts[rows][:, None], self.counts[rows][:, None]
        places = torch.arange(min(width, int(counts.max())), device=rows.device)
        shifted = places if offsets is None else places + offsets[:, None]
        return PointCloudBatch(self.points[starts + shifted % counts], places < counts)


def clouds_of_images(images: Any, labels: Any = None, *, threshold: float = 0.0, seed: int = 0) -> CloudSet:
    r"""The pixels above a threshold as points of the plane, x to the right and y up.

    Each cloud is centred and divided by one number, $(\frac{1}{2m}\sum_j |p_j|^2)^{1/2}$, so that its mean variance per
    axis is 1 and its shape stays what it is: two numbers, one for each axis, would make the slim digit 1 wide. A single
    pixel lies at the origin.

    Args:
        images: (n, h, w).
        labels: a class for each image, (n,), or None.
        threshold: pixels must be above it.
        seed: of the order of the points within each cloud, which is random; see `CloudSet.prefix`.

    Returns:
        The clouds in float32.

    Raises:
        InvalidInputError: if an image has no pixel above the threshold, or NaN pixels, or `images` are none.

    Example:
        >>> clouds = clouds_of_images([[[0, 9], [0, 9]]])
        >>> sorted(clouds[:].points[0].tolist())  # the points (1, 0) and (1, -1)
        [[0.0, -1.4142135381698608], [0.0, 1.4142135381698608]]
    """
    filled = _admit_images(images) > threshold
    image, row, column = np.nonzero(filled)
    counts = np.bincount(image, minlength=len(filled))
    if not counts.all():
        raise InvalidInputError(
            f"image {int(counts.argmin())} has no pixel above `threshold` {threshold!r}; lower that or leave it out."
        )
    points = _standardized(np.stack([column, -row], 1).astype(np.float64), counts)
    return CloudSet(torch.as_tensor(points.astype(np.float32)), _starts(counts), labels).shuffled(seed)


def _admit_images(given: Any) -> NDArray[Any]:
    try:
        images = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"`images` must be numbers (n, h, w): {error}") from None
    if images.ndim != 3 or images.size == 0 or images.dtype.kind not in "buif":
        raise InvalidInputError(f"`images` must be numbers (n, h, w), got {images.dtype} of shape {images.shape}.")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise InvalidInputError(f"image {np.argwhere(~np.isfinite(images))[0][0]} has NaN or infinite pixels.")
    return images


def _standardized(points: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Clouds one after the other, each centred and divided by the root of its mean variance per axis."""
    first = np.cumsum(counts) - counts
    means = np.add.reduceat(points, first) / counts[:, None]
    points = points - np.repeat(means, counts, axis=0)
    variances = np.add.reduceat(np.square(points).mean(1), first) / counts
    scales = np.sqrt(np.where(variances > 0, variances, 1.0))
    return np.asarray(points / np.repeat(scales, counts)[:, None])


def _starts(counts: NDArray[np.intp]) -> Tensor:
    return torch.as_tensor(np.concatenate([[0], np.cumsum(counts)]))


def _admit_starts(starts: Tensor, total: int) -> Tensor:
    whole = starts.ndim == 1 and len(starts) > 1 and not starts.is_floating_point()
    if not whole or int(starts[0]) != 0 or int(starts[-1]) != total:
        raise InvalidInputError(f"`starts` must be whole numbers from 0 to the {total} points, got {starts!r}.")
    sizes = starts.diff()
    if int(sizes.min()) < 1:
        raise InvalidInputError(f"cloud {int(sizes.argmin())} has no point; leave it out.")
    return starts


def _admit_labels(given: Any, n: int) -> Tensor | None:
    if given is None:
        return None
    labels = torch.as_tensor(given)
    if labels.shape != (n,) or labels.is_floating_point():
        raise InvalidInputError(
            f"`labels` must be a whole number for each of {n} clouds, got {tuple(labels.shape)} of {labels.dtype}."
        )
    return labels.long()
