"""How far apart models are in what they predict: token by token, beside two ways to mix predictions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anchors import Anchor
from lab import Lab, tokenizer_of
from readings import BLOCKS, CPU, Reading, Rows, name_of, path_of
from texts import ATTRIBUTES, held_out
from torch import Tensor

from continuum import Interpolant, Levels, from_function
from continuum.core import deferred, lease
from continuum.models.distributions import arithmetic_mixture, geometric_mixture, jensen_shannon
from continuum.models.divergence import token_log_probs
from continuum.models.tokens import DOCUMENT
from continuum.models.weights import WeightPath

_TEXTS = 32  # of each class


@dataclass(frozen=True)
class Scene:
    """Models to be compared at one alpha.

    Attributes:
        alpha: the weight of "plus" in the mixtures of what "plus" and "minus" predict.
        attribute: whose held-out texts they are compared on.
        anchors: adapters.
        models: coefficients of the adapters by name of the model; "plus" and "minus" are among them.
        pairs: which models are compared; "geometric" and "arithmetic" are the mixtures of predictions.
    """

    alpha: float
    attribute: str
    anchors: tuple[Anchor | str, ...]
    models: tuple[tuple[str, tuple[float, ...]], ...]
    pairs: tuple[tuple[str, str], ...]


def agreements(lab: Lab, scenes: tuple[Scene, ...]) -> Interpolant[Reading]:
    """Jensen-Shannon divergence of each pair, by alpha."""
    return deferred(_agreements, lab, scenes, domain=_domain(scenes))


def groups(scenes: Sequence[Scene]) -> dict[str, int]:
    """Blocks of each pair; the pairs must be the same in all scenes."""
    return {f"{one} | {other}": BLOCKS for one, other in scenes[0].pairs}


def _domain(scenes: Sequence[Scene]) -> Levels:
    return Levels(tuple(scene.alpha for scene in scenes), axis="alpha")


def _agreements(lab: Lab, scenes: tuple[Scene, ...]) -> Interpolant[Reading]:
    by_alpha = {scene.alpha: scene for scene in scenes}
    return from_function(_domain(scenes), lambda alpha: _compared(lab, by_alpha[alpha]))


def _compared(lab: Lab, scene: Scene) -> Reading:
    start = time.process_time()
    labels, rows = zip(*scene.models, strict=True)
    path = path_of(lab, tuple(map(name_of, scene.anchors)), Rows(tuple(map(float, range(len(rows)))), rows))
    plus, minus = (held_out(lab, name, _TEXTS) for name in ATTRIBUTES[scene.attribute])
    texts = [text for pair in zip(plus, minus, strict=True) for text in pair]
    found: dict[str, list[float]] = {f"{one} | {other}": [] for one, other in scene.pairs}
    for block in np.array_split(np.array(texts, dtype=object), BLOCKS):
        predicted = {label: _predicted(lab, path, k, block.tolist()) for k, label in enumerate(labels)}
        for name, mixture in (("geometric", geometric_mixture), ("arithmetic", arithmetic_mixture)):
            predicted[name] = mixture(predicted["plus"], predicted["minus"], scene.alpha)
        for one, other in scene.pairs:
            found[f"{one} | {other}"].append(float(jensen_shannon(predicted[one], predicted[other]).mean()))
    return {**{pair: np.array(means) for pair, means in found.items()}, CPU: np.array([time.process_time() - start])}


def _predicted(lab: Lab, path: WeightPath, level: int, texts: Sequence[str]) -> Tensor:
    with lease(path, level) as model:
        return token_log_probs(model, tokenizer_of(lab), texts, positions=None, frame=DOCUMENT)
