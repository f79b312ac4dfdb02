"""Exchanges on many topics as the pool, one topic as the task, and a language model fine-tuned on the choice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pieces import Lab, Piece, Work, needed

from continuum.core import rng_for
from continuum.models import load_language_model
from continuum.models.corpora import exchanges
from continuum.models.representations import HiddenState, SentenceEmbedding
from continuum.models.token_loss import TextInputs, mean_token_loss
from continuum.models.weights import LoraRecipe, fine_tune_lora
from continuum.selection import (
    CountSketch,
    GradientFeatures,
    MeanSimilarity,
    Random,
    RoundRobin,
    SoftmaxUOT,
    TfidfSVD,
)
from continuum.selection.representation import embeddings

TOPICS = ("ai", "coding", "psychology", "trivia")
BUDGETS = (32, 96)
DEPTHS = (8, 16, 32, 64)
"""How many of the first are looked at for their topic."""

RULES = {"round robin": RoundRobin(), "soft-max UOT": SoftmaxUOT(), "mean similarity": MeanSimilarity()}

_QUERY, _TEST, _LENGTH, _WARM = 16, 24, 64, 72
_SKETCH = 2048
_BATCH = 4
_DRAWS = 2  # random choices of each topic and budget


@cache
def parts() -> dict[str, list[tuple[str, str]]]:
    """Texts with their topics: the pool, and of every topic a query and a test that are not in it."""
    distinct = list(dict.fromkeys((one.text, one.topic) for one in exchanges()))
    order = [distinct[k] for k in rng_for(0, "texts").permutation(len(distinct))]
    found: dict[str, list[tuple[str, str]]] = {}
    for topic in TOPICS:
        mine = [one for one in order if one[1] == topic]
        found[f"query {topic}"], found[f"test {topic}"] = mine[:_QUERY], mine[_QUERY : _QUERY + _TEST]
    held = {one for part in found.values() for one in part}
    return {**found, "pool": [one for one in order if one not in held]}


def texts(part: str) -> list[str]:
    return [text for text, _ in parts()[part]]


def orders(lab: Lab) -> list[Work]:
    return [] if lab.small else [("text-orders", _ordered)]


def work(lab: Lab) -> list[Work]:
    return [] if lab.small else [(f"text-{topic}", partial(_measured, lab, topic)) for topic in TOPICS]


def _ordered() -> Piece:
    """Orderings of the pool for each topic, by representation and rule, and how many of the first are on the topic.

    Gradients are those of an adapter that was trained on a tenth of the pool.
    """
    base, pool = load_language_model("smollm2"), texts("pool")
    first = rng_for(0, "warm").choice(len(pool), _WARM, replace=False)
    found = {}
    for name, representation in (
        ("TF-IDF", TfidfSVD()),
        ("MiniLM", SentenceEmbedding.load()),
        ("hidden state", HiddenState(base.model, base.tokenizer, length=_LENGTH)),
    ):
        found |= _by_topic(name, representation, pool)
    with _adapted(base, _cut(base, [pool[k] for k in first])) as warm:
        found |= _by_topic("gradient", _gradients(warm, base), pool)
    return {"orders": found, "share": {t: float(_on(t).mean()) for t in TOPICS}, "pool": len(pool), "depths": DEPTHS}


def _on(topic: str) -> np.ndarray:
    """Which texts of the pool are on a topic."""
    return np.array([mine == topic for _, mine in parts()["pool"]])


def _by_topic(name: str, representation: Any, pool: list[str]) -> dict[str, Any]:
    found, kept = {}, _Kept(name, representation.fit(pool))
    for topic in TOPICS:
        sides = embeddings(kept, pool, texts(f"query {topic}"))
        for rule, selector in RULES.items():
            order = selector.order(*sides).indices
            precision = [float(_on(topic)[order[:k]].mean()) for k in DEPTHS]
            found[f"{topic}, {name}, {rule}"] = {"order": order[: max(BUDGETS)].tolist(), "precision": precision}
    return found


class _Kept:
    """A representation of texts whose vectors are computed once."""

    def __init__(self, name: str, of: Any) -> None:
        self.name, self._of, self._known = name, of, {}

    def fit(self, pool: Any, query: Any = None) -> _Kept:
        return self

    def encode(self, items: Sequence[str]) -> np.ndarray:
        return self._vectors(tuple(items), self._of.encode)

    def encode_query(self, items: Sequence[str]) -> np.ndarray:
        return self._vectors(tuple(items), getattr(self._of, "encode_query", self._of.encode))

    def _vectors(self, items: tuple[str, ...], encode: Any) -> np.ndarray:
        if items not in self._known:
            self._known[items] = encode(list(items))
        return self._known[items]


@contextmanager
def _adapted(base: Any, chosen: list[str]) -> Iterator[Any]:
    """The language model with an adapter that was trained on texts; without it afterwards."""
    from peft import PeftModel

    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder) / "adapter"
        fine_tune_lora(base.model, base.tokenizer, chosen, adapter, recipe=_recipe(len(chosen)))
        model = PeftModel.from_pretrained(base.model, adapter)
    model.eval()
    try:
        yield model
    finally:
        model.unload()


def _gradients(model: Any, base: Any) -> GradientFeatures:
    inputs, sketch = TextInputs(base.tokenizer, _LENGTH), CountSketch(_SKETCH)
    return GradientFeatures(model, mean_token_loss, inputs, "lora_", projection=sketch, batch_size=1)


def _recipe(count: int) -> LoraRecipe:
    return LoraRecipe(batch_size=_BATCH, steps=count // _BATCH, learning_rate=5e-4)


def _cut(base: Any, chosen: Sequence[str]) -> list[str]:
    """Texts as long as they are in the experiment: the first tokens."""
    return [base.tokenizer.decode(base.tokenizer(text)["input_ids"][:_LENGTH]) for text in chosen]


def _measured(lab: Lab, topic: str) -> Piece:
    """Loss on the topic without a training, and after one on what each ordering puts first."""
    made = needed(lab, "text-orders")
    base, pool, test = load_language_model("smollm2"), texts("pool"), texts(f"test {topic}")
    choices = {
        f"{name}, {rule}": made["orders"][f"{topic}, {name}, {rule}"]["order"]
        for name, rule in (
            *((name, "round robin") for name in ("TF-IDF", "MiniLM", "hidden state", "gradient")),
            ("gradient", "soft-max UOT"),
        )
    }
    for draw in range(_DRAWS):
        choices[f"random {draw}"] = Random().order(np.eye(len(pool), 2), np.eye(2), seed=draw).indices.tolist()
    losses = {
        name: [_after(base, _cut(base, [pool[i] for i in order[:k]]), test) for k in BUDGETS]
        for name, order in choices.items()
    }
    return {"zero-shot": _losses(base, base.model, test), "losses": losses, "budgets": BUDGETS}


def _after(base: Any, chosen: list[str], test: list[str]) -> list[float]:
    with _adapted(base, chosen) as model:
        return _losses(base, model, test)


@torch.no_grad()
def _losses(base: Any, model: Any, test: list[str]) -> list[float]:
    """Mean loss of a token of each text, in nats."""
    inputs = TextInputs(base.tokenizer, _LENGTH)
    return [float(mean_token_loss(model, *inputs([text]))) for text in test]
