"""A language model with ever fewer layers: which ones go matters more than how many.

Nothing is trained here. What a distillation adds is measured by benchmarks/size_experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from continuum.harness import Results, evaluate
from continuum.models import agreement_with, genre_texts, load_language_model, token_log_probs
from continuum.models.size import OneShot, PrunedPath

__all__ = ["SizeScene"]

# Layers of SmolLM2 from the one without which it says most nearly the same: from the single-drop divergences in
# docs/results/size_experiment.md.
_CHEAPEST = (17, 14, 16, 18, 5, 12)
_EVENLY = (4, 8, 12, 16, 20, 24)
_PASSAGES, _POSITIONS = 6, 300


class SizeScene:
    """Up to six of thirty layers dropped: the cheapest first, and evenly spread ones."""

    title = "layers of a language model"

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """How alike the smaller models are to the whole one."""
        found = load_language_model("smollm2")
        passages = genre_texts("lore", words=60).held_out[:_PASSAGES]
        paths = {name: PrunedPath(found.model, OneShot(order)) for name, order in _ORDERS.items()}
        first, *others = paths
        whole = token_log_probs(found.model, found.tokenizer, passages, positions=_POSITIONS)
        metrics = [agreement_with(whole, passages, found.tokenizer, positions=_POSITIONS)]
        baselines = {name: paths[name] for name in others}
        return evaluate(paths[first], metrics, points=7, name=self.title, baselines=baselines, store=store)

    def pictures(self) -> Mapping[str, Any]:
        """None."""
        return {}


_ORDERS = {"cheapest first": _CHEAPEST, "evenly spread": _EVENLY}
