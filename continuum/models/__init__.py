"""The model axes: language models, what they say, and continuous families of their weights.

Modules load on first use (PEP 562): importing this package imports neither transformers nor peft.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .anatomy import Blocks, blocks, register_blocks
    from .corpora import Exchange, Sentence, attribute_texts, exchanges, genre_texts, sentences
    from .distributions import arithmetic_mixture, geometric_mixture, jensen_shannon, kullback_leibler
    from .divergence import TokenDivergence, agreement_with, js_to, token_divergence, token_log_probs
    from .ensemble import Ensemble
    from .generation import Scorer, generate_texts, generation_score, generation_scores
    from .language import (
        LogLikelihoods,
        likelihood_ratio,
        log_likelihood_on,
        log_likelihoods,
        perplexity,
        perplexity_on,
        sentence_scores,
    )
    from .lm_eval_harness import harness_task
    from .paired import PairedDifference, paired_difference
    from .readability import (
        AUTOMATED_READABILITY,
        COLEMAN_LIAU,
        FLESCH_KINCAID_GRADE,
        FLESCH_READING_EASE,
        GUNNING_FOG,
        SMOG,
        Readability,
    )
    from .representations import HiddenState, SentenceEmbedding
    from .sentiment import Vader
    from .size import DistillRecipe, PatchPath, distill, initialize_student
    from .sources import Encoder, LanguageModel, available_models, load_encoder, load_language_model, model_path
    from .text_classifier import AttributeClassifier
    from .texts import Texts, hold_out
    from .token_loss import TextInputs, mean_token_loss
    from .tokens import DOCUMENT, Frame
    from .weights import CheckpointPath, WeightPath, fine_tune_lora
    from .windows import Windows

_HOMES = {
    "AUTOMATED_READABILITY": "readability",
    "AttributeClassifier": "text_classifier",
    "Blocks": "anatomy",
    "COLEMAN_LIAU": "readability",
    "CheckpointPath": "weights",
    "DOCUMENT": "tokens",
    "DistillRecipe": "size",
    "Encoder": "sources",
    "Ensemble": "ensemble",
    "Exchange": "corpora",
    "FLESCH_KINCAID_GRADE": "readability",
    "FLESCH_READING_EASE": "readability",
    "Frame": "tokens",
    "GUNNING_FOG": "readability",
    "HiddenState": "representations",
    "LanguageModel": "sources",
    "LogLikelihoods": "language",
    "PairedDifference": "paired",
    "PatchPath": "size",
    "Readability": "readability",
    "SMOG": "readability",
    "Scorer": "generation",
    "Sentence": "corpora",
    "SentenceEmbedding": "representations",
    "TextInputs": "token_loss",
    "Texts": "texts",
    "TokenDivergence": "divergence",
    "Vader": "sentiment",
    "WeightPath": "weights",
    "Windows": "windows",
    "agreement_with": "divergence",
    "arithmetic_mixture": "distributions",
    "attribute_texts": "corpora",
    "available_models": "sources",
    "blocks": "anatomy",
    "distill": "size",
    "exchanges": "corpora",
    "fine_tune_lora": "weights",
    "generate_texts": "generation",
    "generation_score": "generation",
    "generation_scores": "generation",
    "genre_texts": "corpora",
    "geometric_mixture": "distributions",
    "hold_out": "texts",
    "initialize_student": "size",
    "harness_task": "lm_eval_harness",
    "jensen_shannon": "distributions",
    "js_to": "divergence",
    "kullback_leibler": "distributions",
    "likelihood_ratio": "language",
    "load_encoder": "sources",
    "load_language_model": "sources",
    "log_likelihood_on": "language",
    "log_likelihoods": "language",
    "mean_token_loss": "token_loss",
    "model_path": "sources",
    "paired_difference": "paired",
    "perplexity": "language",
    "perplexity_on": "language",
    "register_blocks": "anatomy",
    "sentence_scores": "language",
    "sentences": "corpora",
    "token_divergence": "divergence",
    "token_log_probs": "divergence",
}

__all__ = [
    "AUTOMATED_READABILITY",
    "COLEMAN_LIAU",
    "DOCUMENT",
    "FLESCH_KINCAID_GRADE",
    "FLESCH_READING_EASE",
    "GUNNING_FOG",
    "SMOG",
    "AttributeClassifier",
    "Blocks",
    "CheckpointPath",
    "DistillRecipe",
    "Encoder",
    "Ensemble",
    "Exchange",
    "Frame",
    "HiddenState",
    "LanguageModel",
    "LogLikelihoods",
    "PairedDifference",
    "PatchPath",
    "Readability",
    "Scorer",
    "Sentence",
    "SentenceEmbedding",
    "TextInputs",
    "Texts",
    "TokenDivergence",
    "Vader",
    "WeightPath",
    "Windows",
    "agreement_with",
    "arithmetic_mixture",
    "attribute_texts",
    "available_models",
    "blocks",
    "distill",
    "exchanges",
    "fine_tune_lora",
    "generate_texts",
    "generation_score",
    "generation_scores",
    "genre_texts",
    "geometric_mixture",
    "harness_task",
    "hold_out",
    "initialize_student",
    "jensen_shannon",
    "js_to",
    "kullback_leibler",
    "likelihood_ratio",
    "load_encoder",
    "load_language_model",
    "log_likelihood_on",
    "log_likelihoods",
    "mean_token_loss",
    "model_path",
    "paired_difference",
    "perplexity",
    "perplexity_on",
    "register_blocks",
    "sentence_scores",
    "sentences",
    "token_divergence",
    "token_log_probs",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
