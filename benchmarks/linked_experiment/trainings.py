"""The language models: adapters of one base, trained on editorials and tweets in seven proportions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from pieces import Lab, Piece, Work
from small import made_up_model, made_up_texts

from continuum.models.corpora import attribute_texts
from continuum.models.sources import LanguageModel, load_language_model
from continuum.models.texts import Texts
from continuum.models.weights import LoraRecipe, fine_tune_lora
from continuum.models.weights.mixtures import mixture

RATES = {"": 1e-3, "gentle-": 5e-4}
"""Highest rates of AdamW, by what is said of them in names; the first is the default of the recipe."""

_SIXTHS = 6
_WORDS = 16  # of the longest sentence
_OTHER = 1000  # added to a seed: other texts, and the same first values of the adapter


def shares(lab: Lab) -> tuple[float, ...]:
    """Shares of tweets, the rest are editorials."""
    steps = 2 if lab.small else _SIXTHS
    return tuple(step / steps for step in range(steps + 1))


def seeds(lab: Lab) -> range:
    return range(2 if lab.small else 3)


def rates(lab: Lab) -> list[str]:
    return list(RATES)[: 1 if lab.small else None]


def folder_of(lab: Lab, rate: str, seed: int, share: float | str) -> Path:
    """Where an adapter is; "other" is half and half of other texts."""
    name = share if isinstance(share, str) else f"{share:.3f}"
    return lab.folder / "adapters" / f"{rate}{seed}-{name}"


def work(lab: Lab) -> list[Work]:
    every = [(rate, seed, kind) for rate in rates(lab) for seed in seeds(lab) for kind in (*shares(lab), "other")]
    return [(_name(*one), partial(_trained, lab, *one)) for one in every]


def load(lab: Lab) -> LanguageModel:
    """The base model, with its tokenizer."""
    torch.set_num_threads(1)
    return load_language_model(made_up_model(lab.folder / "base") if lab.small else "smollm2")


_base = lru_cache(maxsize=1)(load)  # that of this process, to train on


@lru_cache(maxsize=1)
def texts(lab: Lab) -> tuple[Texts, ...]:
    """Short sentences of editorials and of tweets, each with a part held out."""
    if lab.small:
        made = {name: made_up_texts(name, 80) for name in ("nyt", "tweets")}
        return tuple(Texts(train=part[8:], held_out=part[:8]) for part in made.values())
    return tuple(Texts(_short(part.train), _short(part.held_out)) for part in attribute_texts("register"))


def _short(sentences: Sequence[str]) -> tuple[str, ...]:
    return tuple(sentence for sentence in sentences if len(sentence.split()) <= _WORDS)


def _name(rate: str, seed: int, kind: float | str) -> str:
    share = kind if isinstance(kind, str) else f"{kind:.3f}"
    return f"text-{rate}training-{seed}-{share}"


def _trained(lab: Lab, rate: str, seed: int, kind: float | str) -> Piece:
    size = {"steps": 5, "batch_size": 4} if lab.small else {"steps": 24, "batch_size": 10}
    recipe = LoraRecipe(init_seed=seed, data_seed=seed, learning_rate=RATES[rate], **size)
    share, draw = (0.5, _OTHER + seed) if kind == "other" else (float(kind), seed)
    editorials, tweets = (side.train for side in texts(lab))
    chosen = mixture(tweets, editorials, share, recipe.texts, seed=draw)
    model = _base(lab)
    found = fine_tune_lora(model.model, model.tokenizer, chosen, folder_of(lab, rate, seed, kind), recipe=recipe)
    return {"share": share, "loss": float(np.mean(found.losses[-8:])), "tokens": found.tokens}
