"""A tiny random teacher and made-up texts: the experiment without data, in seconds."""

from __future__ import annotations

from pathlib import Path

from made_up import write_model

from continuum.core import rng_for

LAYERS = 8
_SPOKEN = (
    "the a this that was is very and but in of with we they saw had found one day house tree river stone bird "
    "horse road night light song child hand door fire water bread green old small white long walked came said went "
    "stood looked took gave knew thought heard told left turned lol omg haha u r gonna thx"
)
_WORDS = _SPOKEN.split()


def made_up_texts(name: str, count: int, words: int = 60) -> tuple[str, ...]:
    """Texts in which each word has few that may follow it, so that there is something to learn."""
    rng = rng_for(0, "made up", name)
    places = [int(rng.integers(len(_WORDS)))]
    for step in rng.integers(1, 4, count * words - 1):
        places.append((places[-1] * 5 + int(step)) % len(_WORDS))
    spoken = [_WORDS[place] for place in places]
    return tuple(" ".join(spoken[k * words : (k + 1) * words]) for k in range(count))


def made_up_model(folder: Path) -> Path:
    """A folder with a random Llama of eight layers, and a tokenizer of the words above."""
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
    return write_model(folder, dict.fromkeys(_WORDS), {**sizes, "tie_word_embeddings": True, "initializer_range": 0.3})
