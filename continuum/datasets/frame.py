"""What the networks of a learned map see of two datasets: principal components, batches, and a cost of their own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .labelled import LabelledDataset

__all__ = ["Batch", "Frame", "GameCost", "Sample", "joint"]

Batch = tuple[Tensor, Tensor]  # components (b, k) and labels (b, c)

_LABEL_SCALE = 3.0  # of one-hot labels beside features of unit variance, so that the critic does not overlook them


@dataclass(frozen=True, eq=False)
class Frame:
    """Principal components of two centred datasets of equal mass, scaled to variance 1 on average."""

    start: Tensor  # mean of the base, (d,)
    stop: Tensor  # mean of the source, (d,)
    axes: Tensor  # (d, k)
    scale: float
    explained: float

    @classmethod
    def fit(cls, base: LabelledDataset, source: LabelledDataset, components: int | None) -> Frame:
        x, y = base.features().double(), source.features().to(base.device).double()
        a, b = (torch.as_tensor(data.weights).to(x) for data in (base, source))
        start, stop = a @ x, b @ y
        first, second = a.sqrt()[:, None] * (x - start), b.sqrt()[:, None] * (y - stop)
        axes = _axes(torch.cat([first, second]), components)
        kept, whole = (second @ axes).square().sum(), second.square().sum()
        variance = ((first @ axes).square().sum() + kept) / 2 / axes.shape[1]
        # Of constant features only the rounding of their means is left, which must not be scaled up.
        scale = float(torch.maximum(variance, 1e-20 * (start.square().sum() + stop.square().sum())).sqrt()) or 1.0
        return cls(start, stop, axes, scale, float(kept / whole) if whole > 0 else 1.0)

    def reduce(self, x: Tensor, mean: Tensor) -> Tensor:
        """Components of `x` around a mean, in the float32 of the networks."""
        return ((x - mean) @ self.axes / self.scale).float()

    def restore(self, image: Tensor) -> Tensor:
        return self.stop + self.scale * image @ self.axes.T


@dataclass(frozen=True, eq=False)
class Sample:
    """Points as the networks see them."""

    x: Tensor  # (n, k)
    p: Tensor  # (n, c)
    weights: Tensor  # (n,), on the CPU, where batches are drawn

    @classmethod
    def of(cls, data: LabelledDataset, frame: Frame, mean: Tensor) -> Sample:
        x = frame.reduce(data.features().to(mean), mean)
        return cls(x, torch.as_tensor(data.probabilities).to(x), torch.as_tensor(data.weights))

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """A batch with replacement, each point by its weight."""
        mass = self.weights.cumsum(0)
        places = mass[-1] * torch.rand(size, generator=generator, dtype=torch.float64)
        rows = torch.searchsorted(mass[:-1], places, right=True).to(self.x.device)
        return self.x[rows], self.p[rows]


@dataclass(frozen=True, eq=False)
class GameCost:
    r"""Cost between centred points in units of its own, so that rates of learning suit all data.

    Centring takes $\lambda_x |m - m'|^2$ from the cost of every plan, m and m' the means.
    """

    feature: float
    table: Tensor  # (k, l)
    unit: float
    shift: float

    @classmethod
    def of(cls, frame: Frame, table: Tensor, feature_weight: float, label_weight: float) -> GameCost:
        feature, label = feature_weight * frame.scale**2, label_weight * table
        unit = max(feature * frame.axes.shape[1], float(label.std(correction=0))) or 1.0
        shift = feature_weight * float((frame.start - frame.stop).square().sum())
        return cls(feature / unit, (label / unit).float(), unit, shift)

    def __call__(self, x: Tensor, p: Tensor, image: Tensor, labels: Tensor) -> Tensor:
        return self.feature * (image - x).square().sum(1) + ((p @ self.table) * labels).sum(1)


def joint(x: Tensor, labels: Tensor) -> Tensor:
    return torch.cat([x, _LABEL_SCALE * labels], 1)


def _axes(rooted: Tensor, components: int | None) -> Tensor:
    """Leading right singular vectors, (d, k), at least one; none of a direction in which nothing varies."""
    tall = rooted.shape[0] >= rooted.shape[1]
    # eigh of the smaller Gram matrix: much faster than an SVD of thousands of images.
    values, vectors = torch.linalg.eigh(rooted.T @ rooted if tall else rooted @ rooted.T)
    kept = max(1, int((values > 1e-10 * values[-1]).sum()))
    leading = vectors.flip(1)[:, : min(kept, components or kept)]
    axes: Tensor = leading if tall else torch.linalg.qr(rooted.T @ leading).Q
    return axes
