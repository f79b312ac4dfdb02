"""A random language model of a few words, so that experiments run in small without one that was fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from continuum.core import whole_folder

_END = "<|endoftext|>"


def write_model(folder: Path, words: Iterable[str], sizes: Mapping[str, Any]) -> Path:
    """A folder with a random Llama, and a tokenizer of the words; what is there stays.

    Args:
        folder: where.
        words: that the tokenizer knows.
        sizes: options of `LlamaConfig`.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    if folder.exists():
        return folder
    known = [_END, "<unk>", *words]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    config = LlamaConfig(vocab_size=len(known), max_position_embeddings=128, bos_token_id=0, eos_token_id=0, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    with whole_folder(folder) as made:
        model.save_pretrained(made)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, unk_token="<unk>").save_pretrained(made)
    return folder
