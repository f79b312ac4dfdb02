"""The texts of the experiment: to train on, to calibrate on, and two kinds that are held out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from models import language_model
from pieces import Lab
from small import made_up_texts
from torch import Tensor

from continuum.artifacts import cache_path
from continuum.models.corpora import sentences
from continuum.models.recipes import TEXTS
from continuum.models.size import Calibration
from continuum.models.texts import shuffled
from continuum.models.tokens import Frame, encode

FRAME = Frame("<|endoftext|>")
KINDS = ("brown", "tweets")
LENGTH = 128  # tokens of a row, in training and after

_APART = 13  # every so many-eth file of the Brown corpus is held out
_WORDS = 90  # of the shortest passage
_TOGETHER = 12  # sentences of a document: alone they are too short
_MIXED = 3  # passages for each document of sentences
_CALIBRATION = 24  # documents at the end, for calibration: nothing is trained or evaluated on them
_ROWS = {"brown": 36, "tweets": 12}
_SMALL_LENGTH = 32
_SMALL_ROWS = {"brown": 6, "tweets": 4}


@dataclass(frozen=True)
class Corpus:
    """Documents of the experiment.

    Attributes:
        train: passages of the Brown corpus and sentences of reviews and editorials, three tokens to two.
        calibration: documents of both kinds, for layouts and orders.
        held_out: beginnings of other files of the Brown corpus, and tweets, which nothing is trained on.
        sentences: the sentences of these files.
    """

    train: tuple[str, ...]
    calibration: tuple[str, ...]
    held_out: dict[str, tuple[str, ...]]
    sentences: tuple[str, ...]

    def part(self, number: int) -> tuple[str, ...]:
        """The texts to train on, from the beginning or from the middle: two seeds share no text."""
        middle = number * len(self.train) // 2
        return self.train[middle:] + self.train[:middle]


@lru_cache(maxsize=1)
def corpus(lab: Lab) -> Corpus:
    if lab.small:
        train = made_up_texts("train", 120)
        tweets = made_up_texts("tweets", 8)
        brown = made_up_texts("brown", 8, words=200)
        short = made_up_texts("sentences", 12, words=10)
        return Corpus(train, made_up_texts("calibration", 12), {"brown": brown, "tweets": tweets}, short)
    files = _brown()
    held_out = files[::_APART]
    passages = shuffled(
        passage for place, file in enumerate(files) if place % _APART for passage in _passages(file, _WORDS)
    )
    documents = _joined([s.text for s in sentences() if s.domain != "tweets"])
    mixed = [
        text for k, document in enumerate(documents) for text in (*passages[_MIXED * k : _MIXED * (k + 1)], document)
    ]
    tweets = _joined([s.text for s in sentences("tweets")])
    return Corpus(
        tuple(mixed[:-_CALIBRATION]),
        tuple(mixed[-_CALIBRATION:]),
        {"brown": tuple(" ".join(file) for file in held_out), "tweets": tweets},
        tuple(sentence for file in held_out for sentence in file),
    )


def held_out_rows(lab: Lab, kind: str) -> Tensor:
    """The beginnings of held-out documents, one row of tokens each, (rows, 128)."""
    return _beginnings(lab, corpus(lab).held_out[kind], (_SMALL_ROWS if lab.small else _ROWS)[kind])


def calibration(lab: Lab, chunks: int = 8, positions: int = 1024) -> Calibration:
    """Chunks of both kinds of texts, on which nothing is trained or evaluated."""
    length = _SMALL_LENGTH if lab.small else LENGTH
    return Calibration(
        corpus(lab).calibration, language_model(lab).tokenizer, length=length, chunks=chunks, positions=positions
    )


def _beginnings(lab: Lab, documents: Sequence[str], count: int) -> Tensor:
    length = _SMALL_LENGTH if lab.small else LENGTH
    encoded = encode(language_model(lab).tokenizer, documents, FRAME)
    return torch.tensor([tokens[:length] for tokens in encoded if len(tokens) >= length][:count])


def _brown() -> list[list[str]]:
    """The sentences of each file of the Brown corpus."""
    with cache_path("brown", TEXTS).open(encoding="utf-8") as file:
        return [json.loads(line)["sentences"] for line in file]


def _passages(file: Sequence[str], words: int) -> Iterator[str]:
    passage: list[str] = []
    for sentence in file:
        passage += sentence.split()
        if len(passage) >= words:
            yield " ".join(passage)
            passage = []


def _joined(texts: Sequence[str]) -> tuple[str, ...]:
    chosen = shuffled(texts)
    return tuple(" ".join(chosen[k : k + _TOGETHER]) for k in range(0, len(chosen) - _TOGETHER + 1, _TOGETHER))
