"""Networks that read digits: trained on points of three dataset paths, and linked with the weights in between."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from data_paths import KINDS, dataset_path, examples, start_images, test_images, training_images
from links import Reader, apart, links
from networks import network, predicted, trained
from pieces import Lab, Piece, Work
from torch import Tensor, nn

from continuum import Metric, PerItem, tabulate, transform
from continuum.core import whole_file
from continuum.models import CheckpointPath

STARTS = {"": 10, "weak-": 2}
"""Epochs of the network from which all are trained, by what is said of it in names."""

_ALPHAS = 17
_EPOCHS = 10


def points(lab: Lab) -> tuple[float, ...]:
    steps = 2 if lab.small else 8
    return tuple(step / steps for step in range(steps + 1))


def seeds(lab: Lab) -> range:
    return range(2 if lab.small else 5)


def _starts(lab: Lab) -> list[str]:
    return list(STARTS)[: 1 if lab.small else None]


def work(lab: Lab) -> list[Work]:
    every = [(start, kind, seed) for start in _starts(lab) for kind in KINDS for seed in seeds(lab)]
    return [(f"image-{start}{kind}-{seed}", partial(_linked, lab, start, kind, seed)) for start, kind, seed in every]


def floors(lab: Lab) -> list[Work]:
    every = [f"{start}{kind}" for start in _starts(lab) for kind in KINDS]
    return [(f"image-{name}-floor", partial(_floor, lab, name)) for name in every]


@cache
def _start(lab: Lab, start: str) -> nn.Module:
    """The network from which all are trained: it has seen some images of both sets."""
    return trained(network(0), start_images(lab), epochs=STARTS[start], seed=0)


@cache
def _test(lab: Lab) -> tuple[Tensor, Tensor]:
    """Test images of the source and of the target, and their classes."""
    source, target = map(examples, test_images(lab))
    return torch.cat([source.x, target.x]), torch.cat([source.y, target.y]).argmax(1)


def _linked(lab: Lab, start: str, kind: str, seed: int) -> Piece:
    """Trainings at all points, and their links."""
    first = _start(lab, start)
    data, (x, y) = dataset_path(kind, training_images(lab, seed), seed), _test(lab)
    models = {a: trained(first, data.at(a), epochs=_EPOCHS, seed=seed) for a in points(lab)}
    known = {a: predicted(model, x) for a, model in models.items()}
    ends = [models[a].state_dict() for a in (0.0, 1.0)]
    between = transform(CheckpointPath(ends).as_models(first), lambda model: predicted(model, x))
    reader = Reader(torch.arange(len(x)), Metric("accuracy on the target less the source", partial(_lean, y)))
    untuned = predicted(first, x)
    alphas = 5 if lab.small else _ALPHAS
    found = links(tabulate(known), between, untuned, reader, points=points(lab), points_b=alphas)
    _keep(_file(lab, f"{start}{kind}", seed), known.values())
    accuracy = {"trained": known.values(), "weights": map(between.at, points(lab)), "untuned": [untuned]}
    return {**found, "accuracy": {name: [_accuracy(y, one) for one in rows] for name, rows in accuracy.items()}}


def _floor(lab: Lab, name: str) -> Piece:
    """How far apart trainings at one point are, with other images in another order."""
    known = [torch.from_numpy(np.load(_file(lab, name, seed))) for seed in seeds(lab)]
    rows = [[apart(*point) for point in zip(*pair, strict=True)] for pair in combinations(known, 2)]
    return {"a": points(lab), "other seed": rows}


def _lean(y: Tensor, log_p: Tensor) -> PerItem:
    source, target = _right(y, log_p)
    return PerItem((target - source).numpy())


def _accuracy(y: Tensor, log_p: Tensor) -> list[float]:
    return _right(y, log_p).mean(1).tolist()


def _right(y: Tensor, log_p: Tensor) -> Tensor:
    """1 for images that are read right, the source above the target."""
    return (log_p.argmax(1) == y).double().reshape(2, -1)


def _file(lab: Lab, name: str, seed: int) -> Path:
    return lab.folder / "predictions" / f"{name}-{seed}.npy"


def _keep(path: Path, known: Iterable[Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        np.save(file, torch.stack(list(known)).numpy())
