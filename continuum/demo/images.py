"""Datasets in between, on real images.

A target of which only five images a class are labelled is the base. The geodesic mixes two or three other labelled
image sets as seen from it. Along the way: what does a network learn from the mixtures that helps on the target, how far
are they from it, and how do they look? Beside it stand Mixup, the best single source, and training on the shots alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import Interpolant, along
from continuum.datasets import (
    GeneralizedGeodesic,
    LabelledDataset,
    Mixup,
    available,
    linear_probe,
    load,
    nearest_neighbour,
    otdd_to,
    resize,
)
from continuum.datasets.sources import Split
from continuum.harness import Images, Results, evaluate, keep_exhibits

__all__ = ["ImageScene", "draw_strip", "image_scenes"]

_SIDE = 16  # pixels; a size that all sets are brought to
_SHOTS = 5  # labelled target images a class, as in the paper
_SEED = 0


@dataclass(frozen=True)
class ImageScene:
    """A target with few labels, and the labelled sets that may help.

    Args:
        target: name of the target set.
        sources: names of two or three other sets.
        n: images of the base and of each source.
        seeds: random initialisations of the network.
    """

    target: str
    sources: tuple[str, ...]
    n: int = 600
    seeds: int = 3

    @property
    def title(self) -> str:
        return f"geodesic to {self.target}"

    @cached_property
    def shots(self) -> LabelledDataset:
        """The labelled images of the target: the first five of each class in a random order."""
        pool = _images(self.target, "train", None)
        rows = [np.flatnonzero(pool.codes == code)[:_SHOTS] for code in range(len(pool.classes))]
        return pool.subset(np.concatenate(rows))

    @cached_property
    def base(self) -> LabelledDataset:
        """Target images whose labels are guessed from the shots: each has the label of the nearest."""
        images = _images(self.target, "train", self.n)
        distances = np.square(_rows(images)[:, None] - _rows(self.shots)[None]).sum(2)
        return LabelledDataset(images.x, self.shots.y[distances.argmin(1)])

    @cached_property
    def test(self) -> LabelledDataset:
        """Held-out images of the target with their true labels."""
        return _images(self.target, "test", None).subset(slice(0, 1000))

    @cached_property
    def joined(self) -> dict[str, LabelledDataset]:
        """The sources by name."""
        known = {image.tobytes() for image in _images(self.target, "all", None).x}
        pools = {name: _without(_images(name, "train", None), known) for name in self.sources}
        return {name: pool.subset(slice(0, self.n)) for name, pool in pools.items()}

    @cached_property
    def geodesic(self) -> GeneralizedGeodesic:
        """The mixtures of the sources as seen from the base."""
        return GeneralizedGeodesic.fit(self.base, self.joined)

    @property
    def rival(self) -> Mixup:
        """Random pairs of the same sources."""
        return Mixup(self.joined, seed=_SEED)

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """What networks learn from the mixtures, and how far these are from the target."""
        line = len(self.sources) == 2
        path = _first_edge(self.geodesic) if line else self.geodesic
        baselines = {"Mixup": _first_edge(self.rival) if line else self.rival}
        results = evaluate(
            path,
            [
                linear_probe(self.shots, self.test),
                nearest_neighbour(self.shots, self.test),
                otdd_to(_images(self.target, "train", self.n)),
            ],
            points=9 if line else 5,
            name=self.title,
            baselines=baselines,
            references={"few shots only": self.shots, "base with guessed labels": self.base},
            seeds=self.seeds,
            store=store,
            n_jobs=n_jobs,
        )
        keep_exhibits(path, _first_images, store=store, study=self.title, baselines=baselines)
        return results

    def pictures(self) -> Mapping[str, Any]:
        """A strip of images along the way."""
        first, second, *_ = self.sources
        caption = f"{self.title}: images from {first} (t = 0) to {second} (t = 1)"
        return {caption: draw_strip(self.geodesic, self.rival)}


def image_scenes() -> list[ImageScene]:
    """What can be shown with the data on this machine; the first scene needs pip only."""
    first = ImageScene("digits", ("animals", "optdigits"))
    second = ImageScene("mnist", ("fashion-mnist", "animals", "optdigits"))
    return [first, second] if {second.target, *second.sources} <= set(available()) else [first]


def _first_edge(path: Interpolant[LabelledDataset]) -> Interpolant[LabelledDataset]:
    """From the first source to the second."""
    start, end, *_ = path.domain.vertices()
    return along(path, start, end)


def draw_strip(path: GeneralizedGeodesic, rival: Mixup) -> Any:
    """The same three points of each path at t = 0, 1/4, ... 1."""
    from continuum.report import image_strip

    steps = [0.0, 0.25, 0.5, 0.75, 1.0]
    rows: dict[str, NDArray[Any]] = {}
    for name, line in {"geodesic": _first_edge(path), "Mixup": _first_edge(rival)}.items():
        sets = [line.at(t).to_numpy()[0][:3] for t in steps]
        rows[name] = np.stack(sets, axis=1)  # (examples, steps, h, w)
    return image_strip(rows, columns=[f"t = {t:g}" for t in steps])


def _first_images(data: LabelledDataset) -> Images:
    return Images(data.to_numpy()[0][:8])


def _images(name: str, split: Split, n: int | None) -> LabelledDataset:
    data = load(name, split=split, n=n, seed=_SEED)
    return LabelledDataset(resize(data.to_numpy()[0], _SIDE), data.y)


def _without(data: LabelledDataset, known: set[bytes]) -> LabelledDataset:
    """`data` less the images that the target has too: `digits` is a part of `optdigits`."""
    return data.subset([image.tobytes() not in known for image in data.x])


def _rows(data: LabelledDataset) -> NDArray[Any]:
    return data.features().numpy()
