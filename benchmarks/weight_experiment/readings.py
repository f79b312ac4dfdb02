"""What is measured on a model: numbers of single texts, whose means over blocks go into the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from anchors import Anchor
from lab import Lab, adapted, tokenizer_of
from numpy.typing import NDArray
from texts import HELD_OUT, held_out, neutral_texts, prompts
from torch import nn

from continuum import Interpolant, Levels, Metric, transform
from continuum.core import deferred
from continuum.models.generation import generation_scores
from continuum.models.language import sentence_scores
from continuum.models.sentiment import Vader
from continuum.models.tokens import DOCUMENT
from continuum.models.weights import WeightPath
from continuum.models.weights.coefficients import Coordinates

Reading = Mapping[str, NDArray[np.float64]]

BLOCKS = 16  # of the held-out texts of a class
CPU = "cpu seconds"


@dataclass(frozen=True)
class Block:
    """Mean of a reading over one of `of` runs of texts."""

    group: str
    place: int
    of: int

    def __call__(self, reading: Reading) -> float:
        return float(np.array_split(reading[self.group], self.of)[self.place].mean())


@dataclass(frozen=True)
class Likelihoods:
    """Negative log-likelihood per token of held-out texts of some classes, and of neutral text."""

    classes: tuple[str, ...]
    count: int = HELD_OUT
    neutral: bool = True

    def groups(self, lab: Lab) -> dict[str, int]:
        """Blocks of each group of numbers."""
        return dict.fromkeys(self.classes, BLOCKS) | ({"neutral": len(neutral_texts(lab))} if self.neutral else {})

    def read(self, lab: Lab, model: nn.Module) -> Reading:
        texts = {name: held_out(lab, name, self.count) for name in self.classes}
        if self.neutral:
            texts["neutral"] = neutral_texts(lab)
        return {
            name: -sentence_scores(model, tokenizer_of(lab), part, frame=DOCUMENT, batch_size=16)
            for name, part in texts.items()
        }


@dataclass(frozen=True)
class Sentiments:
    """VADER score of a continuation of each prompt, with common random numbers."""

    new_tokens: int = 18

    def groups(self, lab: Lab) -> dict[str, int]:
        return {"vader": len(prompts(lab))}

    def read(self, lab: Lab, model: nn.Module) -> Reading:
        scores = generation_scores(
            model,
            Vader(),
            tokenizer_of(lab),
            prompts(lab),
            seed=0,
            samples=1,
            new_tokens=self.new_tokens,
            frame=DOCUMENT,
            batch_size=64,
        )
        return {"vader": scores[:, 0]}


Reader = Likelihoods | Sentiments


@dataclass(frozen=True)
class Rows:
    """Models that lie on no line: named rows of coefficients, at levels of an axis."""

    levels: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]
    axis: str = "row"

    @property
    def domain(self) -> Levels:
        return Levels(self.levels, axis=self.axis)

    def coefficients(self, x, /):  # type: ignore[no-untyped-def]
        places = (x == x.new_tensor(self.levels)).int().argmax(-1)
        return x.new_tensor(self.rows)[places]


def path_of(lab: Lab, names: tuple[str, ...], coordinates: Coordinates) -> WeightPath:
    return WeightPath(adapted(lab, names), names, coordinates, "merged")


def readings(
    lab: Lab, anchors: tuple[Anchor | str, ...], coordinates: Coordinates, reader: Reader
) -> Interpolant[Reading]:
    """The path of readings along a path of models, built once in each process."""
    return deferred(_readings, lab, anchors, coordinates, reader, domain=coordinates.domain)


def _readings(
    lab: Lab, anchors: tuple[Anchor | str, ...], coordinates: Coordinates, reader: Reader
) -> Interpolant[Reading]:
    return transform(path_of(lab, tuple(map(name_of, anchors)), coordinates), partial(timed, reader, lab))


def name_of(anchor: Anchor | str) -> str:
    return anchor if isinstance(anchor, str) else anchor.name


def timed(reader: Reader, lab: Lab, model: nn.Module) -> Reading:
    start = time.process_time()
    found = reader.read(lab, model)
    return {**found, CPU: np.array([time.process_time() - start])}


def metrics(groups: Mapping[str, int]) -> list[Metric]:
    """One for each block, so that points are paired by block."""
    blocks = [(name, place, of) for name, of in {**groups, CPU: 1}.items() for place in range(of)]
    return [Metric(f"{name} {place:03d}", Block(name, place, of)) for name, place, of in blocks]
