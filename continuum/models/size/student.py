"""Students made of some layers of their teacher."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

from ..anatomy import blocks
from .assembly import Layer, assembled
from .layout import EveryNth, KeepRule, layout_of
from .lowest_drop import LowestDrop
from .own_words import own_words
from .provenance import Provenance

__all__ = ["initialize_student"]

_EVERY_OTHER = EveryNth()


def initialize_student(teacher: Any, keep: Sequence[int] | KeepRule | Literal["auto"] = _EVERY_OTHER) -> Any:
    """A smaller model of copies of some of the teacher's layers, with its embedding, final norm and head.

    It is independent of the teacher, of the same class and type of numbers, in evaluation mode, and not yet trained:
    this is naive pruning until it is distilled. Kangaslahti et al. (2026), boomerang distillation. It knows where it
    came from: `provenance_of(student)`.

    Args:
        teacher: a model of the `transformers` library.
        keep: the layers to copy, 0-based, increasing from 0; or a rule. `EveryNth()` takes every other one and the
            last, `PUBLISHED[teacher.config.model_type]` is that of the paper, `LowestDrop` measures on texts which
            layers can be spared, and "auto" does so on what a causal language model says by itself, see `own_words`.

    Raises:
        InvalidInputError: if the layers do not increase from 0, or go beyond the teacher.
        IncompatibleError: if the layers of the teacher cannot be found, see `blocks`.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> teacher = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=4))
        >>> student = initialize_student(teacher, keep=[0, 2])
        >>> student.config.num_hidden_layers, student.provenance.kept
        (2, (0, 2))
    """
    found = blocks(teacher)
    layout = layout_of(found, LowestDrop(own_words(teacher)) if isinstance(keep, str) and keep == "auto" else keep)
    student = copy.deepcopy(assembled(found, found, [Layer(found, layer) for layer in layout.kept]))
    student.provenance = Provenance.of(teacher, layout, tied=found.is_tied)
    return student
