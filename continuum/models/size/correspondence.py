"""Which layers of a teacher a student stands for, as its provenance or the caller says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from continuum.core import IncompatibleError, InvalidInputError

from ..anatomy import Blocks
from ..weights.identity import base_fingerprint
from .layout import KeepRule, Layout, layout_of
from .provenance import Provenance, provenance_of

__all__ = ["layout_between"]


def layout_between(student: Any, teacher: Blocks, keep: Sequence[int] | KeepRule | None) -> Layout:
    """The layout of a student and its teacher.

    Args:
        student: a model.
        teacher: the layers of its teacher.
        keep: the teacher's layers that the student was made of, or the rule; None for what its provenance says.

    Raises:
        InvalidInputError: if nothing says which layers they were.
        IncompatibleError: if the student was made of another teacher.
    """
    known = provenance_of(student)
    if known is not None:
        _check_teacher(known, teacher.model)
    if keep is not None:
        return layout_of(teacher, keep)
    if known is None:
        raise InvalidInputError(
            "`keep` is needed: nothing says which of the teacher's layers the student was made of; pass them as a list."
        )
    return Layout(known.kept, len(teacher))


def _check_teacher(known: Provenance, teacher: Any) -> None:
    found = base_fingerprint(teacher)
    if known.teacher_fingerprint and known.teacher_fingerprint != found:
        raise IncompatibleError(
            f"the student was made of the teacher {known.teacher!r} ({known.teacher_fingerprint[:12]}), and this one, "
            f"{teacher.name_or_path!r} ({found[:12]}), has other weights."
        )
