"""Language models that were trained on editorials and tweets, linked with the weights between the two ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import torch
from links import Reader, apart, links
from peft import PeftModel
from pieces import Lab, Piece, Work
from torch import Tensor, nn
from trainings import folder_of, load, rates, seeds, shares, texts

from continuum import Interval, Metric, PerItem, from_function, transform
from continuum.models.divergence import token_log_probs
from continuum.models.tokens import DOCUMENT, encode
from continuum.models.weights import WeightPath

_HELD_OUT = 16  # sentences of each kind


def work(lab: Lab) -> list[Work]:
    every = [(rate, seed) for rate in rates(lab) for seed in seeds(lab)]
    return [(f"text-{rate}{seed}", partial(_linked, lab, rate, seed)) for rate, seed in every]


def floors(lab: Lab) -> list[Work]:
    return [(f"text-{rate}floor", partial(_floor, lab, rate)) for rate in rates(lab)]


@dataclass(frozen=True, eq=False)
class _Adapted:
    """The base with adapters, and held-out sentences, editorials before tweets."""

    model: Any
    tokenizer: Any
    texts: tuple[str, ...]

    @classmethod
    def of(cls, lab: Lab, folders: Sequence[Path]) -> _Adapted:
        base = load(lab)
        first, *others = folders
        model = PeftModel.from_pretrained(base.model, str(first), adapter_name=_name(first))
        for folder in others:
            model.load_adapter(str(folder), adapter_name=_name(folder))
        return cls(model.eval(), base.tokenizer, tuple(chain(*(side.held_out[:_HELD_OUT] for side in texts(lab)))))

    def predicted(self, model: nn.Module) -> Tensor:
        """Log-probabilities at all positions of the sentences, (n, vocabulary)."""
        return token_log_probs(model, self.tokenizer, self.texts, positions=None, frame=DOCUMENT)

    def predicted_by(self, folder: Path) -> Tensor:
        self.model.set_adapter(_name(folder))
        return self.predicted(self.model)

    @cached_property
    def reader(self) -> Reader:
        """What is read off these: the log-likelihood of a token of tweets, less that of editorials."""
        tokens = [sentence[1:] for sentence in encode(self.tokenizer, self.texts, DOCUMENT)]
        owner = torch.tensor([place for place, sentence in enumerate(tokens) for _ in sentence])
        targets = torch.tensor(list(chain(*tokens)))

        def ratio(log_p: Tensor) -> PerItem:
            found = log_p[torch.arange(len(targets)), targets].double()
            editorials, tweets = (torch.bincount(owner, found) / torch.bincount(owner)).reshape(2, -1)
            return PerItem((tweets - editorials).numpy())

        return Reader(owner, Metric("log-likelihood of the target less the source", ratio, unit="nats/token"))


def _name(folder: Path) -> str:
    """Of an adapter, which may hold no full stop."""
    return folder.name.replace(".", "_")


def _linked(lab: Lab, rate: str, seed: int) -> Piece:
    folders = {share: folder_of(lab, rate, seed, share) for share in shares(lab)}
    held = _Adapted.of(lab, list(folders.values()))
    with held.model.disable_adapter():
        untuned = held.predicted(held.model)
    points = shares(lab)
    trained = from_function(Interval(axis="share"), lambda share: held.predicted_by(folders[share]))
    ends = _name(folders[1.0]), _name(folders[0.0])
    between = transform(WeightPath.from_adapters(held.model, *ends), held.predicted)
    return links(trained, between, untuned, held.reader, points=points, points_b=len(points))


def _floor(lab: Lab, rate: str) -> Piece:
    """How far apart trainings at one point are: of all pairs of seeds, and with other texts alone."""
    folders = {seed: [folder_of(lab, rate, seed, share) for share in shares(lab)] for seed in seeds(lab)}
    others = {seed: folder_of(lab, rate, seed, "other") for seed in seeds(lab)}
    held = _Adapted.of(lab, [*chain(*folders.values()), *others.values()])
    columns = [[held.predicted_by(folder) for folder in column] for column in zip(*folders.values(), strict=True)]
    rows = [[apart(*pair) for pair in combinations(column, 2)] for column in columns]
    middle = columns[len(columns) // 2]
    other = [apart(held.predicted_by(others[seed]), one) for seed, one in zip(seeds(lab), middle, strict=True)]
    return {"a": shares(lab), "other seed": [list(row) for row in zip(*rows, strict=True)], "other texts": other}
