"""The rows of the table: what a network is pre-trained on, for one target and seed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from cells import SOURCES, Cell, Settings, build, pooled, target_data

from continuum import Levels, Simplex
from continuum.core import ConvergenceWarning, PointLike
from continuum.datasets import LabelledDataset, Mixup, NeuralMap, concatenate
from continuum.datasets.maps import Averages, mix

_BATCH = 64  # of pre-training: with the steps it says how many pairs "unlimited" are
_CONCENTRATION = 6.0


def barycentric(cell: Cell, _: Settings) -> LabelledDataset:
    return cell.path.at(cell.weights)


def learned(cell: Cell, settings: Settings) -> LabelledDataset:
    """Matched by the features of a network, mixed in pixels all the same."""
    other = build(cell.target, cell.seed, replace(settings, space="learned"))
    return other.path.at(other.weights)


def uniform(cell: Cell, _: Settings) -> LabelledDataset:
    return cell.path.at([1 / len(cell.sources)] * len(cell.sources))


def dirichlet(cell: Cell, settings: Settings) -> LabelledDataset:
    """Weights of its own for each point, drawn anew each time that it comes up in training."""
    drawn = []
    for seed in range(_rounds(settings)):
        lazy = cell.path.lazily(cell.weights, concentration=_CONCENTRATION, seed=seed)
        x, y = lazy[np.arange(len(lazy))]
        drawn.append(LabelledDataset(x.numpy(), y.numpy(), classes=cell.path.classes))
    return concatenate(drawn)


def neural(cell: Cell, settings: Settings) -> LabelledDataset:
    """Maps of images on 64 components; labels are as far apart as in the space of the ground cost."""
    maps, anchors = [], cell.path.anchors
    for place, source in enumerate(cell.sources.values(), start=1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a row of the table, however good the map is
            table = None if anchors.table is None else anchors.table.block(0, place)
            fitted = NeuralMap(steps=settings.map_steps).fit(
                cell.base, source, table, feature_weight=1.0, label_weight=settings.label_weight
            )
        x, y = fitted.push(cell.base)
        maps.append(Averages(x.float(), y))
    a, whole = np.array(cell.weights), slice(None)
    x = mix(maps, a, whole).numpy().reshape(cell.base.x.shape)
    y = np.concatenate([w * place.labels(whole) for w, place in zip(a, maps, strict=True)], 1)
    return LabelledDataset(x, y / y.sum(1, keepdims=True), classes=cell.path.classes)


def mixup_fixed(cell: Cell, _: Settings) -> LabelledDataset:
    return Mixup(cell.sources).at(cell.weights)


def mixup_unlimited(cell: Cell, settings: Settings) -> LabelledDataset:
    """No pair twice in all of training."""
    return concatenate([Mixup(cell.sources, seed=seed).at(cell.weights) for seed in range(_rounds(settings))])


def _rounds(settings: Settings) -> int:
    """How often training meets each of the n points."""
    return -(-settings.steps * _BATCH // settings.n)


def side_by_side(cell: Cell, _: Settings) -> LabelledDataset:
    return pooled(cell)


def base(cell: Cell, _: Settings) -> LabelledDataset:
    return cell.base


def few_shot(cell: Cell, _: Settings) -> LabelledDataset:
    return cell.shots


def only(name: str) -> Callable[[Cell, Settings], LabelledDataset]:
    """A single source; that of the target itself stands for no row and is never asked for."""
    return lambda cell, _: cell.sources[name]


ROWS: dict[str, Callable[[Cell, Settings], LabelledDataset]] = {
    "barycentric, a*": barycentric,
    "barycentric, a*, learned space": learned,
    "barycentric, uniform": uniform,
    "barycentric, Dirichlet (ours)": dirichlet,
    "neural map, a*": neural,
    "Mixup, unlimited pairs": mixup_unlimited,
    "Mixup, fixed pairs": mixup_fixed,
    "pooled sources": side_by_side,
    "base with 1-NN labels": base,
    "few-shot only": few_shot,
    **{f"only {name}": only(name) for name in SOURCES},
}


@dataclass(frozen=True)
class Rows:
    """The values of a cell by the number of their row: built when a metric asks for them."""

    target: str
    seed: int
    settings: Settings

    @property
    def domain(self) -> Levels:
        return Levels(tuple(range(len(ROWS))), axis="row")

    def numbers(self, names: tuple[str, ...] | None = None) -> list[int]:
        """Rows that make sense for the target, or those of the names."""
        return [k for k, name in enumerate(ROWS) if name != f"only {self.target}" and (not names or name in names)]

    def at(self, point: PointLike, /) -> LabelledDataset:
        (k,) = self.domain.point(point)
        return list(ROWS.values())[int(k)](build(self.target, self.seed, self.settings), self.settings)


@dataclass(frozen=True)
class Mixtures:
    """All mixtures of a cell."""

    target: str
    seed: int
    settings: Settings

    @property
    def domain(self) -> Simplex:
        return Simplex(tuple(name for name in SOURCES if name != self.target))

    def at(self, point: PointLike, /) -> LabelledDataset:
        return build(self.target, self.seed, self.settings).path.at(self.domain.point(point))


@dataclass(frozen=True)
class Distances(Mixtures):
    """Squared distance of each mixture to the base, along the generalized geodesic."""

    def at(self, point: PointLike, /) -> float:  # type: ignore[override]
        return build(self.target, self.seed, self.settings).path.distance_to_base(self.domain.point(point)) ** 2


@dataclass(frozen=True)
class Facts:
    """Numbers that describe a cell: what its weights and distances are, and how good the labels of its base."""

    target: str
    seed: int
    settings: Settings

    @property
    def names(self) -> tuple[str, ...]:
        sources = [name for name in SOURCES if name != self.target]
        return (
            "share of right labels",
            *(f"a*: {name}" for name in sources),
            *(f"squared: {name}" for name in sources),
        )

    @property
    def domain(self) -> Levels:
        return Levels(tuple(range(len(self.names))), axis="fact")

    def at(self, point: PointLike, /) -> float:
        (k,) = self.domain.point(point)
        cell = build(self.target, self.seed, self.settings)
        right = float(np.mean(cell.base.y == target_data(self.target, self.seed, self.settings)[1].y))
        return [right, *cell.weights, *np.diag(cell.path.gram).tolist()][int(k)]
