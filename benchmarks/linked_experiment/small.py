"""A tiny random language model and made-up sentences: the experiment without texts, in seconds."""

from __future__ import annotations

from pathlib import Path

import torch

from continuum.core import rng_for, whole_folder

_SHARED = "the a this that was is very and but in of with we they saw had found one day"
_OWN = {"nyt": "senate policy minister economy therefore nation", "tweets": "lol omg haha gonna thx u"}
_END = "<|endoftext|>"


def made_up_texts(name: str, count: int) -> tuple[str, ...]:
    """Sentences of one kind."""
    rng, own, shared = rng_for(0, "made up", name), _OWN[name].split(), _SHARED.split()
    lengths = rng.integers(6, 14, count)
    words = [[str(rng.choice(own if rng.random() < 0.4 else shared)) for _ in range(n)] for n in lengths]
    return tuple(" ".join(sentence) for sentence in words)


def made_up_model(folder: Path) -> Path:
    """A folder with a random Llama of two layers, and a tokenizer of the words above."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    if folder.exists():
        return folder
    words = [_END, "<unk>", *_SHARED.split(), *" ".join(_OWN.values()).split()]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=len(words), max_position_embeddings=128, bos_token_id=0, eos_token_id=0, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    with whole_folder(folder) as made:
        model.save_pretrained(made)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, unk_token="<unk>").save_pretrained(made)
    return folder
