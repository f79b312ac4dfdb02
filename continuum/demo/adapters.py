"""Between two adapters of a language model: does it say what its coordinate says?

A third of a minute of training each: enough to see a direction. With more training, controls and other attributes the
question is asked by benchmarks/weight_experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from continuum.harness import Results, Texts, evaluate, keep_exhibits
from continuum.models import (
    LanguageModel,
    WeightPath,
    attribute_texts,
    fine_tune_lora,
    generate_texts,
    likelihood_ratio,
    load_language_model,
    perplexity_on,
)
from continuum.models.weights import LoraRecipe

__all__ = ["AdapterScene"]

_RECIPE = LoraRecipe(steps=16, batch_size=8)
_SHORT = 90  # characters of a sentence
_HELD_OUT = 24  # sentences of each end that are measured on
_PROMPTS = ("The movie was", "I bought it and")


class AdapterScene:
    """From an adapter of unfavourable reviews to one of favourable ones."""

    title = "sentiment between two adapters"

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """How much likelier favourable sentences become on the way, and how whole the model stays."""
        found = self._language_model
        model, tokenizer = found.model, found.tokenizer
        ends = {name: _short(texts.train, _RECIPE.texts) for name, texts in self._texts.items()}
        for name, texts in ends.items():
            fine_tune_lora(model, tokenizer, texts, folder / "adapters" / name, recipe=_RECIPE)
        plus, minus = (_short(texts.held_out, _HELD_OUT) for texts in self._texts.values())
        metrics = [
            # Less that of the base, measured before the path takes the model over, on the same pairs of sentences: so
            # the interval is that of what changed.
            likelihood_ratio(plus, minus, tokenizer, base=model, frame=_RECIPE.frame, name="favourable leaning"),
            perplexity_on([*plus, *minus], tokenizer, frame=_RECIPE.frame),
        ]
        path = WeightPath.from_adapters(model, *(folder / "adapters" / name for name in ends), bounds=(-0.5, 1.5))
        # One model is lent and moved along, so the points follow each other in this process.
        results = evaluate(path, metrics, points=9, name=self.title, store=store)
        keep_exhibits(path, self._write, store=store, study=self.title, points=5)
        return results

    def pictures(self) -> Mapping[str, Any]:
        """None: what the models write is shown beside the numbers."""
        return {}

    @cached_property
    def _language_model(self) -> LanguageModel:
        return load_language_model("smollm2")

    @cached_property
    def _texts(self) -> dict[str, Any]:
        return dict(zip(("favourable", "unfavourable"), attribute_texts("sentiment"), strict=True))

    def _write(self, model: Any) -> Texts:
        tokenizer = self._language_model.tokenizer
        written = generate_texts(model, tokenizer, _PROMPTS, seed=0, samples=1, new_tokens=16, temperature=0.7)
        return Texts(tuple(texts[0] for texts in written), _PROMPTS)


def _short(texts: Any, count: int) -> list[str]:
    return [text for text in texts if len(text) <= _SHORT][:count]
