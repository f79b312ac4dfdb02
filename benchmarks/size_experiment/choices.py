"""Two tasks of choice by likelihood, made of the held-out files of the Brown corpus: neither is a known benchmark.

Continuation: 16 tokens from inside a file, then the 8 that follow there, or the 8 that follow at three other places of
the same file; the likeliest is chosen, and chance is a quarter. Word order: a sentence of 8 to 16 words, or the same
with two neighbouring words in its middle exchanged; the likelier is chosen, and chance is a half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from models import language_model, teacher
from pieces import Lab
from reader import Reader, Stack
from texts import FRAME, corpus
from torch import Tensor

from continuum.core import rng_for
from continuum.models.tokens import Tokens, encode, padded

CHANCE = {"continuation": 1 / 4, "word order": 1 / 2}

_CONTEXT, _NEXT = 16, 8  # tokens
_PLACES = 4  # of a file, far from its beginning and from each other
_ASKED = 2  # of these places, how many are questions
_STRIDE = 200  # tokens from one place to the next
_SENTENCES = 100
_SHORTEST, _LONGEST = 8, 16  # words
_TOGETHER = 16  # rows


@dataclass(frozen=True, eq=False)
class Task:
    """Questions of one kind.

    Attributes:
        rows: all choices of all questions, the right one first, (questions * choices, tokens).
        scored: which tokens count, of the same shape.
        choices: of each question.
    """

    rows: Tensor
    scored: Tensor
    choices: int


def accuracies(lab: Lab, stacks: Mapping[str, Stack]) -> dict[str, dict[str, list[int]]]:
    """For each model and task, whether each question was answered right."""
    found: dict[str, dict[str, list[int]]] = {name: {} for name in stacks}
    for task_name, task in tasks(lab).items():
        for name, sums in _sums(lab, task, stacks).items():
            right = sums.reshape(-1, task.choices).argmax(1) == 0
            found[name][task_name] = right.astype(int).tolist()
    return found


def _sums(lab: Lab, task: Task, stacks: Mapping[str, Stack]) -> dict[str, np.ndarray]:
    reader = Reader(teacher(lab), task.rows)
    found: dict[str, list[float]] = {name: [] for name in stacks}
    for start in range(0, len(task.rows), _TOGETHER):
        ids, scored = (part[start : start + _TOGETHER] for part in (task.rows, task.scored))
        for name, log_p in reader.log_probs(ids, stacks):
            of_token = log_p[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
            found[name] += of_token.where(scored[:, 1:], 0).double().sum(1).tolist()
    return {name: np.array(sums) for name, sums in found.items()}


@lru_cache(maxsize=1)
def tasks(lab: Lab) -> dict[str, Task]:
    return {"continuation": _continuations(lab), "word order": _word_orders(lab)}


def _continuations(lab: Lab) -> Task:
    span = _CONTEXT + _NEXT
    rows: list[Tokens] = []
    for start, *file in encode(language_model(lab).tokenizer, corpus(lab).held_out["brown"], FRAME):
        stride = min(_STRIDE, len(file) // (_PLACES + 1))
        places = [file[k * stride : k * stride + span] for k in range(1, _PLACES + 1)]
        for asked in range(_ASKED):
            order = [asked, *(k for k in range(_PLACES) if k != asked)]
            rows += [(start, *places[asked][:_CONTEXT], *places[k][_CONTEXT:]) for k in order]
    ids = torch.tensor(rows)
    return Task(ids, (torch.arange(ids.shape[1]) > _CONTEXT).expand_as(ids), _PLACES)


def _word_orders(lab: Lab) -> Task:
    rng = rng_for(0, "word order")
    usable = [s.split() for s in corpus(lab).sentences if _SHORTEST <= len(s.split()) <= _LONGEST]
    texts = []
    for place in rng.permutation(len(usable))[:_SENTENCES]:
        words = usable[place]
        k = int(rng.integers(2, len(words) - 2))
        if words[k] != words[k + 1]:
            exchanged = [*words[:k], words[k + 1], words[k], *words[k + 2 :]]
            texts += [" ".join(words), " ".join(exchanged)]
    ids, mask = padded(encode(language_model(lab).tokenizer, texts, FRAME))
    return Task(ids, mask.bool(), 2)
