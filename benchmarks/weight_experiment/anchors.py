"""The models that are trained: ends of paths, references between them, noise floors, and ends that are over-trained."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from joblib import Parallel, delayed
from lab import Lab, adapted, base
from texts import ATTRIBUTES, texts_of

from continuum.models.weights.fine_tune import fine_tune_lora
from continuum.models.weights.lora_recipe import LoraRecipe

SHARES = (0.25, 0.5, 0.75)  # of positive sentences in mixtures
_NORMAL = LoraRecipe()
_GENRES = LoraRecipe(steps=40)
_SECOND = LoraRecipe(init_seed=1, data_seed=1)
_TOO_MUCH = LoraRecipe(steps=40, learning_rate=3e-3)


@dataclass(frozen=True)
class Anchor:
    """An adapter and what it is trained on.

    Attributes:
        name: its name in the model.
        shares: share of the texts from each class.
        part: 0 for the first texts of the classes, 1 for others.
        repeats: how often each text is seen.
        recipe: how it is trained.
    """

    name: str
    shares: tuple[tuple[str, float], ...]
    part: int = 0
    repeats: int = 1
    recipe: LoraRecipe = _NORMAL

    def at_scale(self, small: bool) -> LoraRecipe:
        return replace(self.recipe, steps=5, batch_size=4) if small else self.recipe

    def texts(self, small: bool) -> list[str]:
        """All texts, classes interleaved, each class from its beginning or after what the first part may take."""
        count = self.at_scale(small).texts // self.repeats
        start = self.part * count
        placed = [
            ((place + 0.5) / share, text)
            for name, share in self.shares
            for place, text in enumerate(texts_of(name, small).train[start : start + round(share * count)])
        ]
        return [text for _, text in sorted(placed, key=lambda item: item[0])] * self.repeats


def _of(name: str, kind: str = "", **options: object) -> Anchor:
    return Anchor(f"{name}{kind}", ((name, 1.0),), **options)  # type: ignore[arg-type]


def _mixture(share: float, kind: str = "", **options: object) -> Anchor:
    plus, minus = ATTRIBUTES["sentiment"]
    return Anchor(f"mixture-{100 * share:.0f}{kind}", ((plus, share), (minus, 1 - share)), **options)  # type: ignore[arg-type]


PAIRS = {
    attribute: (_of(plus, recipe=recipe), _of(minus, recipe=recipe))
    for (attribute, (plus, minus)), recipe in zip(
        ATTRIBUTES.items(), (_NORMAL, _NORMAL, _GENRES, _GENRES, _GENRES), strict=True
    )
}
MIXTURES = {share: _mixture(share) for share in SHARES}
OTHER_SENTENCES = _mixture(0.5, "-other-sentences", part=1)
SECOND_PAIR = tuple(_of(name, "-second-seed", part=1, recipe=_SECOND) for name in ATTRIBUTES["sentiment"])
SECOND_MIXTURE = _mixture(0.5, "-second-seed", part=1, recipe=_SECOND)
OVER_TRAINED = tuple(_of(name, "-over-trained", repeats=10, recipe=_TOO_MUCH) for name in ATTRIBUTES["sentiment"])

SENTIMENT = (*PAIRS["sentiment"], *MIXTURES.values(), OTHER_SENTENCES, *SECOND_PAIR, SECOND_MIXTURE, *OVER_TRAINED)
OTHERS = tuple(anchor for attribute, pair in PAIRS.items() if attribute != "sentiment" for anchor in pair)


def train(lab: Lab, anchors: Sequence[Anchor]) -> list[dict[str, Any]]:
    """Train what is not there yet; loss at the end, tokens, wall and CPU seconds of each."""
    work = (delayed(_train)(lab, anchor) for anchor in anchors)
    return list(Parallel(lab.jobs, inner_max_num_threads=1)(work))


def _train(lab: Lab, anchor: Anchor) -> dict[str, Any]:
    start, model = time.process_time(), base(lab)
    recipe = anchor.at_scale(lab.small)
    found = fine_tune_lora(
        model.model, model.tokenizer, anchor.texts(lab.small), lab.adapter(anchor.name), recipe=recipe
    )
    note = lab.adapter(anchor.name) / "cpu_seconds.json"
    if not note.exists():
        note.write_text(json.dumps(time.process_time() - start))
    seconds = {"wall": found.seconds, "cpu": float(json.loads(note.read_text()))}
    last = found.losses[-8:]
    return {"name": anchor.name, "tokens": found.tokens, "loss": sum(last) / len(last), **seconds}


FACTORS = {share: f"factors-{100 * share:.0f}" for share in SHARES}


def average_factors(lab: Lab) -> None:
    """What averaging factors, PEFT's "linear", makes of the two sentiment adapters."""
    names = [anchor.name for anchor in PAIRS["sentiment"]]
    for share, name in FACTORS.items():
        if not (lab.adapter(name) / "adapter_model.safetensors").exists():
            model = adapted(lab, names)
            model.add_weighted_adapter(names, [share, 1 - share], name, combination_type="linear")
            model.save_pretrained(str(lab.folder / "adapters"), selected_adapters=[name])
            model.delete_adapter(name)
