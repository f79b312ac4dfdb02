"""A tiny random language model and made-up sentences: the experiment without texts, in seconds."""

from __future__ import annotations

from pathlib import Path

from made_up import write_model

from continuum.core import rng_for

_SHARED = "the a this that was is very and but in of with we they saw had found one day"
_OWN = {"nyt": "senate policy minister economy therefore nation", "tweets": "lol omg haha gonna thx u"}


def made_up_texts(name: str, count: int) -> tuple[str, ...]:
    """Sentences of one kind."""
    rng, own, shared = rng_for(0, "made up", name), _OWN[name].split(), _SHARED.split()
    lengths = rng.integers(6, 14, count)
    words = [[str(rng.choice(own if rng.random() < 0.4 else shared)) for _ in range(n)] for n in lengths]
    return tuple(" ".join(sentence) for sentence in words)


def made_up_model(folder: Path) -> Path:
    """A folder with a random Llama of two layers, and a tokenizer of the words above."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return write_model(folder, [*_SHARED.split(), *" ".join(_OWN.values()).split()], sizes)
