"""The control of boomerang distillation: a student that has nothing of its teacher's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from continuum.core import check_count

from ..anatomy import blocks
from .layout import EveryNth, KeepRule
from .student import initialize_student

__all__ = ["random_student"]

_EVERY_OTHER = EveryNth()


def random_student(teacher: Any, keep: Sequence[int] | KeepRule = _EVERY_OTHER, *, seed: int = 0) -> Any:
    """A student of the same sizes as `initialize_student` makes, with random layers.

    Embedding, final norm and head are the teacher's. Distilled like the other one it is a control: patching it makes
    it worse, since its hidden states are not those that the teacher's layers know.

    Args:
        teacher: a model of the `transformers` library.
        keep: the layers that it stands for.
        seed: of the layers, which are drawn as the family does before training.

    Raises:
        InvalidInputError: if the layers do not increase from 0, or go beyond the teacher.
        IncompatibleError: if the layers of the teacher cannot be found, see `blocks`.
    """
    check_count("seed", seed, least=0)
    student = initialize_student(teacher, keep)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(student)(student.config)
    for layer, other in zip(blocks(student), blocks(fresh), strict=True):
        layer.load_state_dict(other.state_dict())
    return student
