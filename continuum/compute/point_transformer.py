"""Point Transformer, a baseline: vector attention among the nearest points, on fewer and fewer of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from continuum.core import InvalidInputError, check_count, rng_for, torch_generator

from .admission import admit_clouds
from .layers import initialise, mlp
from .particles import PointCloudBatch
from .pooling import pooled_mean, support

__all__ = ["PointTransformer"]

_RATIO = 4  # points of a stage for each point of the next


class PointTransformer(nn.Module):
    r"""Classifier of point clouds by vector attention among nearest points (Zhao et al. 2021), of any size.

    A stage keeps a quarter of the points, those farthest from one another, each with the largest features of its
    nearest ones before; then points attend to their nearest ones, with a weight for each feature (eq. 3):
    $y_i = \sum_j \mathrm{softmax}_j\, \gamma(\varphi(x_i) - \psi(x_j) + \delta_{ij}) \odot (\alpha(x_j) +
    \delta_{ij})$ with $\delta_{ij} = \theta(p_i - p_j)$. The mean of what is left is classified.

    LayerNorm takes the place of batch normalisation, so that a cloud does not depend on those beside it. The farthest
    points are counted from that farthest from the mean, so that nothing is random and the order of points does not
    matter, but for ties.

    Nearest points are counted, so this is a function of the set of points: of masses it only sees which are 0.

    Args:
        dimension: of the points.
        classes: how many.
        widths: of the features, one for each stage; the first has all points.
        neighbours: nearest points that a point attends to, itself included.
        seed: of the weights.

    Example:
        >>> PointTransformer(2, 10, widths=(8, 16))(PointCloudBatch(torch.ones(3, 5, 2))).shape
        torch.Size([3, 10])
    """

    def __init__(
        self,
        dimension: int,
        classes: int,
        *,
        widths: Sequence[int] = (32, 64, 128),
        neighbours: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value in (("dimension", dimension), ("classes", classes), ("neighbours", neighbours)):
            check_count(name, value)
        if isinstance(widths, str) or not isinstance(widths, Sequence) or not widths:
            raise InvalidInputError(f"`widths` must be one width for each stage, got {widths!r}.")
        for width in widths:
            check_count("widths", width)
        self.dimension = dimension
        self.neighbours = neighbours
        last = widths[-1]
        with torch.device("meta"):
            self.first = nn.Sequential(_layer(dimension, widths[0]), nn.Linear(widths[0], widths[0]))
            self.blocks = nn.ModuleList(_Block(dimension, width) for width in widths)
            self.narrow = nn.ModuleList(_layer(before, after) for before, after in itertools.pairwise(widths))
            self.classify = nn.Sequential(_layer(last, last), nn.Linear(last, classes))
        initialise(self, torch_generator(rng_for(seed, "PointTransformer")))

    def forward(self, clouds: PointCloudBatch) -> Float[Tensor, "b c"]:
        """Logits."""
        clouds = admit_clouds(clouds, self.dimension, self)
        places, within = clouds.points, support(clouds)
        x = self.blocks[0](self.first(places), places, _nearest(places, places, within, self.neighbours))
        for narrow, block in zip(self.narrow, list(self.blocks)[1:], strict=True):
            kept, still = _farthest(places, within)
            here = _gathered(places, kept)
            near = _nearest(here, places, within, self.neighbours)
            x = near.among(narrow(x)).masked_fill(~near.real[..., None], -torch.inf).amax(2)
            places, within = here, still
            x = block(x, places, _nearest(places, places, within, self.neighbours))
        logits: Tensor = self.classify(pooled_mean(x, _equal(within, x)))
        return logits


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """For each point those nearest to it, (b, n, k), the nearest first; not all are real where a cloud has few."""

    rows: Int[Tensor, "b n k"]
    real: Bool[Tensor, "b n k"]

    def among(self, x: Float[Tensor, "b m c"]) -> Float[Tensor, "b n k c"]:
        """Features of the neighbours."""
        return _gathered(x, self.rows)


class _Block(nn.Module):
    """Linear, vector attention, linear, added to what came in."""

    def __init__(self, dimension: int, width: int) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU())
        self.queries, self.keys, self.values = (nn.Linear(width, width) for _ in range(3))
        self.offset = mlp(dimension, width, width)
        self.weigh = mlp(width, width, width)
        self.after = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width))
        self.norm = nn.Sequential(nn.LayerNorm(width), nn.ReLU())

    def forward(
        self, x: Float[Tensor, "b n c"], places: Float[Tensor, "b n d"], near: _Neighbours
    ) -> Float[Tensor, "b n c"]:
        y = self.before(x)
        offset = self.offset(places[:, :, None] - near.among(places))
        scores = self.weigh(self.queries(y)[:, :, None] - near.among(self.keys(y)) + offset)
        share = scores.masked_fill(~near.real[..., None], -torch.inf).softmax(2)
        found = (share * (near.among(self.values(y)) + offset)).sum(2)
        out: Tensor = self.norm(x + self.after(found))
        return out


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU())


def _nearest(
    queries: Float[Tensor, "b n d"], places: Float[Tensor, "b m d"], within: Bool[Tensor, "b m"], count: int
) -> _Neighbours:
    distance = torch.cdist(queries, places, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance.masked_fill(~within[:, None], torch.inf)
    found = distance.topk(min(count, places.shape[1]), dim=2, largest=False)
    # There is one real point in each cloud, and it is the first that is found.
    return _Neighbours(found.indices, found.values.isfinite())


def _farthest(
    places: Float[Tensor, "b m d"], within: Bool[Tensor, "b m"]
) -> tuple[Int[Tensor, "b n"], Bool[Tensor, "b n"]]:
    """Rows of a quarter of the points of each cloud, each the farthest from those before, and which rows are real."""
    wanted = -(-within.sum(1) // _RATIO)
    mean = pooled_mean(places, _equal(within, places))
    distance = (places - mean[:, None]).norm(dim=2).masked_fill(~within, -1)
    rows, samples = [distance.argmax(1)], torch.arange(len(places), device=places.device)
    distance = torch.where(within, torch.inf, distance)
    for _ in range(int(wanted.max()) - 1):
        last = places[samples, rows[-1]]
        distance = torch.minimum(distance, (places - last[:, None]).norm(dim=2).masked_fill(~within, -1))
        rows.append(distance.argmax(1))
    return torch.stack(rows, 1), torch.arange(len(rows), device=places.device) < wanted[:, None]


def _equal(within: Bool[Tensor, "b n"], like: Tensor) -> Float[Tensor, "b n"]:
    """Equal masses of the real points."""
    return within.to(like) / within.sum(1, keepdim=True)


def _gathered(x: Tensor, rows: Tensor) -> Tensor:
    """Rows (b, ...) of x (b, m, c), as (b, ..., c)."""
    samples = torch.arange(len(x), device=x.device).reshape(-1, *[1] * (rows.ndim - 1))
    return x[samples, rows]
