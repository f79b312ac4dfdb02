"""Tiny random models of many families, each a student and its teacher, with unequal weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

VOCABULARY, HIDDEN, HEADS, CONTEXT = 64, 16, 4, 64
KEPT = (0, 2, 3, 6)  # blocks of two, one, three and one layers
LAYERS = 7

_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
_PLAIN = _COMMON | {
    "hidden_size": HIDDEN,
    "num_attention_heads": HEADS,
    "max_position_embeddings": CONTEXT,
}
_WIDE = _PLAIN | {"intermediate_size": 2 * HIDDEN}
_GROUPED = _WIDE | {"num_key_value_heads": 2}
_SLIDING = ["sliding_attention", "full_attention"]


def _types(layers: int) -> list[str]:
    return (_SLIDING * layers)[:layers]


def llama(layers: int, **options: Any) -> Any:
    return hf.LlamaForCausalLM(hf.LlamaConfig(**(_GROUPED | options), num_hidden_layers=layers))


def tied_llama(layers: int) -> Any:
    return llama(layers, tie_word_embeddings=True)


def qwen2(layers: int) -> Any:
    sliding = {"use_sliding_window": True, "sliding_window": 4, "layer_types": _types(layers)}
    return hf.Qwen2ForCausalLM(hf.Qwen2Config(**_GROUPED, num_hidden_layers=layers, **sliding))


def qwen3(layers: int) -> Any:
    config = hf.Qwen3Config(**_GROUPED, num_hidden_layers=layers, head_dim=4, tie_word_embeddings=True)
    return hf.Qwen3ForCausalLM(config)


def mistral(layers: int) -> Any:
    return hf.MistralForCausalLM(hf.MistralConfig(**_GROUPED, num_hidden_layers=layers, sliding_window=4))


def gemma3(layers: int) -> Any:
    sizes = {"num_hidden_layers": layers, "head_dim": 4, "sliding_window": 4, "layer_types": _types(layers)}
    return hf.Gemma3ForCausalLM(hf.Gemma3TextConfig(**_GROUPED, **sizes))


def gpt2(layers: int, **options: Any) -> Any:
    sizes = {"n_embd": HIDDEN, "n_head": HEADS, "n_layer": layers, "n_positions": CONTEXT}
    return hf.GPT2LMHeadModel(hf.GPT2Config(**_COMMON, **sizes, **options))


def gpt_neox(layers: int) -> Any:
    return hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(**_WIDE, num_hidden_layers=layers))


def opt(layers: int) -> Any:
    sizes = {"num_hidden_layers": layers, "ffn_dim": 2 * HIDDEN, "word_embed_proj_dim": HIDDEN, "init_std": 0.3}
    return hf.OPTForCausalLM(hf.OPTConfig(**_PLAIN, **sizes))


def phi(layers: int) -> Any:
    return hf.PhiForCausalLM(hf.PhiConfig(**_WIDE, num_hidden_layers=layers))


def bert(layers: int) -> Any:
    return hf.BertForMaskedLM(hf.BertConfig(**_WIDE, num_hidden_layers=layers))


def distilbert(layers: int) -> Any:
    sizes = {"dim": HIDDEN, "n_heads": HEADS, "hidden_dim": 2 * HIDDEN, "n_layers": layers}
    return hf.DistilBertForMaskedLM(hf.DistilBertConfig(**_COMMON, **sizes, max_position_embeddings=CONTEXT))


CAUSAL: dict[str, Callable[[int], Any]] = {
    "llama": llama,
    "llama-tied": tied_llama,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "mistral": mistral,
    "gemma3": gemma3,
    "gpt2": gpt2,
    "gpt_neox": gpt_neox,
    "opt": opt,
    "phi": phi,
}
TEACHERS = CAUSAL | {"bert": bert, "distilbert-bert": bert}


def teacher_of(family: str) -> Any:
    """A random teacher, in evaluation mode, in which not even biases and the weights of norms are equal."""
    return _random(TEACHERS[family], LAYERS, 0)


def pair(family: str) -> tuple[Any, Any]:
    """A student with the layout `KEPT` and its teacher; no weight of the one is in the other."""
    from continuum.models import initialize_student

    teacher = teacher_of(family)
    if family == "distilbert-bert":
        return _random(distilbert, len(KEPT), 1), teacher
    return perturbed(initialize_student(teacher, KEPT)), teacher


@torch.no_grad()
def perturbed(model: Any, seed: int = 1) -> Any:
    """The model with some noise on all weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return model


def _random(make: Callable[[int], Any], layers: int, seed: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return perturbed(make(layers).eval(), seed)
