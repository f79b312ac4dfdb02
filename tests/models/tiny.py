"""Tiny random language models and a tokenizer, made on the spot: nothing is downloaded.

from tiny import tiny_llama, tiny_tokenizer
"""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 64
CONTEXT = 128  # longest input of the models, in tokens
END = "<|endoftext|>"  # token 0: it ends a text and pads
UNKNOWN = "<unk>"  # token 1
_WORDS = (
    "the a an this film movie book was is are great good fine bad awful dull not very quite so and but or I you it we "
    "loved liked hated saw read story plot cast end scene day night house river city people time work . , ! ? in on of "
    "to from with he she they what when who never"
)
WORDS = tuple(_WORDS.split())


def tiny_llama(
    seed: int = 0,
    layers: int = 2,
    hidden: int = 32,
    vocab: int = VOCABULARY,
    dtype: torch.dtype = torch.float32,
) -> LlamaForCausalLM:
    """A random Llama with grouped queries and an untied head, in evaluation mode."""
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        **_COMMON,
    )
    return _seeded(LlamaForCausalLM, config, seed, dtype)


def tiny_gpt2(
    seed: int = 0,
    layers: int = 2,
    hidden: int = 32,
    vocab: int = VOCABULARY,
    dtype: torch.dtype = torch.float32,
) -> GPT2LMHeadModel:
    """A random GPT-2 with absolute positions, a tied head, dropout and transposed weights, in evaluation mode."""
    config = GPT2Config(
        vocab_size=vocab, n_embd=hidden, n_inner=2 * hidden, n_layer=layers, n_head=4, n_positions=CONTEXT, **_COMMON
    )
    return _seeded(GPT2LMHeadModel, config, seed, dtype)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each of 62 words and marks, split at spaces and punctuation; all other words are `UNKNOWN`."""
    vocabulary = {token: place for place, token in enumerate((END, UNKNOWN, *WORDS))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END, unk_token=UNKNOWN)


# Weights of the usual size give nearly the same logits for all tokens, which would hide errors.
_COMMON: dict[str, Any] = {
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}


def _seeded(family: Any, config: Any, seed: int, dtype: torch.dtype) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family(config).to(dtype).eval()
