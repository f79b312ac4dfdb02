"""A cell of the experiment: a target with five labelled images a class, and the sources to mix for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from continuum.core import rng_for
from continuum.datasets import (
    Convolutional,
    GeneralizedGeodesic,
    LabelledDataset,
    Matching,
    concatenate,
    load,
    pseudo_labels,
    resize,
)
from continuum.datasets.maps import TransportMap, map_of_plan
from continuum.measures import Sinkhorn, Solver

SOURCES = ("mnist", "fashion-mnist", "animals", "optdigits")
TEXTURED = "textured-mnist (made here)"
TARGETS = (*SOURCES, TEXTURED)
SHOTS = 5


@dataclass(frozen=True)
class Settings:
    """What is varied.

    Attributes:
        n: images of the base and of each source; sources that have fewer are drawn with repetition.
        tests: test images of the target.
        space: where the ground cost lives: "pixels"; "pca", 100 principal components of the pixels of base and sources;
            or "learned", as many of the features of a network that was trained on the pooled sources.
        label_weight: weight of label distances.
        blur: epsilon of Sinkhorn in multiples of the mean cost; 0 for exact plans.
        steps: gradient steps of pre-training.
        map_steps: steps of the critic of neural maps.
        version: to be raised when what is built from these changes, since a store knows values by their settings.
    """

    n: int = 6000
    tests: int = 2000
    space: str = "pca"
    label_weight: float = 1.0
    blur: float = 0.0
    steps: int = 400
    map_steps: int = 400
    version: int = 3


@dataclass(frozen=True, eq=False)
class Cell:
    """All data of one target and seed; `path` mixes images, its maps and weights come from the space of the cost."""

    target: str
    seed: int
    shots: LabelledDataset
    test: LabelledDataset
    base: LabelledDataset
    sources: dict[str, LabelledDataset]
    path: GeneralizedGeodesic

    @property
    def weights(self) -> tuple[float, ...]:
        return self.path.project().weights


def images(name: str, split: str) -> LabelledDataset:
    """Images of 28 x 28, grey."""
    if name == TEXTURED:
        return _textured(load("mnist", split=split), rng_for(0, "texture", split))
    data = load(name, split=split)
    return LabelledDataset(resize(data.x, 28), data.y, classes=data.classes)


def _textured(digits: LabelledDataset, rng: np.random.Generator) -> LabelledDataset:
    """|smooth noise - digit| of the second half of MNIST, clipped to [0, 1].

    Mean and standard deviation of the noise are uniform in [0, 0.5] and [0.05, 0.25]. With stronger noise the nearest
    of the shots in pixels knows next to nothing; this choice was made by that number, on two seeds.
    """
    digits = digits.subset(slice(len(digits) // 2, None))
    noise = gaussian_filter(rng.standard_normal(digits.x.shape, dtype=np.float32), (0, 2, 2))
    noise /= noise.std((1, 2), keepdims=True)
    mean, deviation = (rng.uniform(low, high, (len(digits), 1, 1)) for low, high in ((0, 0.5), (0.05, 0.25)))
    return LabelledDataset(np.abs(noise * deviation + mean - digits.x).clip(0, 1).astype(np.float32), digits.y)


@lru_cache(maxsize=4)
def target_data(target: str, seed: int, settings: Settings) -> tuple[LabelledDataset, LabelledDataset, LabelledDataset]:
    """The labelled shots, unlabelled images for the base, and the test images."""
    pool, rng = images(target, "train"), rng_for(seed, target, "shots")
    order = rng.permutation(len(pool))
    shots = np.concatenate([order[pool.codes[order] == k][:SHOTS] for k in range(len(pool.classes))])
    rest = np.setdiff1d(order, shots)
    test = images(target, "test")
    chosen = rng.permutation(len(test))[: settings.tests]
    return pool.subset(shots), pool.subset(_drawn(rest, settings.n, rng)), test.subset(chosen)


def _drawn(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` of the rows, again and again all of them where there are fewer."""
    return np.concatenate([rng.permutation(rows) for _ in range(-(-n // len(rows)))])[:n]


@lru_cache(maxsize=2)
def build(target: str, seed: int, settings: Settings) -> Cell:
    shots, unlabelled, test = target_data(target, seed, settings)
    base = pseudo_labels(shots, unlabelled)
    sources = {}
    for name in SOURCES:
        if name != target:
            pool = images(name, "train")
            if name == "mnist":  # its second half is the textured target's
                pool = pool.subset(slice(0, len(pool) // 2))
            rows = _drawn(np.arange(len(pool)), settings.n, rng_for(seed, target, name))
            sources[name] = pool.subset(rows)
    seen = _embedded(base, sources, seed, settings.space)
    solver = Sinkhorn(settings.blur, "mean", tolerance=1e-3) if settings.blur else None
    path = GeneralizedGeodesic.fit(
        seen["base"],
        {name: seen[name] for name in sources},
        solver=solver,
        label_weight=settings.label_weight,
    )
    return Cell(target, seed, shots, test, base, sources, _in_pixels(path, base, sources, solver))


def _embedded(
    base: LabelledDataset, sources: dict[str, LabelledDataset], seed: int, space: str
) -> dict[str, LabelledDataset]:
    """All sets in the space of the ground cost."""
    sets = {"base": base, **sources}
    vectors = {name: data.features() for name, data in sets.items()}
    if space == "pixels":
        return sets
    if space == "learned":
        pooled = concatenate([_named(name, data) for name, data in sources.items()])
        body = Convolutional().train(pooled, rng_for(seed, "learned space"))
        with torch.no_grad():
            vectors = {name: body(torch.as_tensor(data.x)) for name, data in sets.items()}
    pool = torch.cat(list(vectors.values())).double()
    centre = pool.mean(0)
    axes = torch.linalg.eigh((pool - centre).T @ (pool - centre)).eigenvectors[:, -100:]
    return {
        name: LabelledDataset(((x - centre) @ axes).numpy(), sets[name].y, classes=sets[name].classes)
        for name, x in vectors.items()
    }


def _named(name: str, data: LabelledDataset) -> LabelledDataset:
    return LabelledDataset(data.x, [(name, label) for label in data.y.tolist()])


def pooled(cell: Cell) -> LabelledDataset:
    """All sources side by side, nothing mixed, labels told apart."""
    return concatenate([_named(name, data) for name, data in cell.sources.items()])


def _in_pixels(
    path: GeneralizedGeodesic, base: LabelledDataset, sources: dict[str, LabelledDataset], blur: Solver | None
) -> GeneralizedGeodesic:
    """The same maps between images."""
    maps: list[TransportMap] = []
    for k, (place, source) in enumerate(zip(path.maps, sources.values(), strict=True), start=1):
        if isinstance(place, Matching):
            maps.append(Matching(source, place.indices))
        else:
            maps.append(map_of_plan(path.anchors.plan(path.base, k, blur), source))
    return replace(path, base=base, maps=tuple(maps))
