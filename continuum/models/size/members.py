"""The members of a family between a student and its teacher: every way to patch the student's slots."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from continuum.core import InvalidInputError

from ..anatomy import Blocks
from .agreement import check_agreement
from .assembly import Layer, assembled
from .counts import Counts, Sizes
from .layout import Layout

__all__ = ["HeadPolicy", "Members"]

HeadPolicy = Literal["owner", "teacher", "student"]


@dataclass(frozen=True, eq=False)
class Members:
    """All models whose slots are layers of the student, or the blocks of the teacher that these stand for.

    A member is named by the set of its patched slots: the empty set is the student, the full set the teacher.

    Args:
        student: the small model.
        teacher: the large one.
        layout: how they correspond.
        head: whose embedding, and whose final norm and head a member has. "owner": the embedding of the owner of its
            first layer, norm and head of the owner of its last one, as Kangaslahti et al. (2026) do, which unties a
            head where the owners differ; "teacher" or "student": all of one model, which leaves it tied. Then only
            one of the two ends is the model itself.

    Raises:
        InvalidInputError: if `head` is unknown.
        IncompatibleError: if the two models do not fit each other, or do not fit the layout.
    """

    student: Blocks
    teacher: Blocks
    layout: Layout
    head: HeadPolicy = "owner"

    def __post_init__(self) -> None:
        if self.head not in get_args(HeadPolicy):
            raise InvalidInputError(f"`head` must be one of {get_args(HeadPolicy)}, got {self.head!r}.")
        check_agreement(self.student, self.teacher, self.layout)

    def layers(self, patched: Collection[int], /) -> tuple[Layer, ...]:
        """The layers of a member in their order, with their owners."""
        teachers = self.layout.patched(patched)
        return tuple(
            layer
            for i, slot in enumerate(self.layout.slots)
            for layer in ([Layer(self.teacher, k) for k in slot] if i in teachers else [Layer(self.student, i)])
        )

    def ends(self, patched: Collection[int], /) -> tuple[Blocks, Blocks]:
        """Whose embeddings a member has, and whose final norm and head."""
        teachers = self.layout.patched(patched)
        if self.head == "owner":
            first, last = (slot in teachers for slot in (0, len(self.student) - 1))
        else:
            first = last = self.head == "teacher"
        return self.teacher if first else self.student, self.teacher if last else self.student

    def view(self, patched: Collection[int], /) -> Any:
        """The member over the weights of the two models, without a copy; its modules and configuration are its own.

        What changes its weights in place changes them in the student or the teacher as well.
        """
        return assembled(*self.ends(patched), self.layers(patched))

    def copy(self, patched: Collection[int], /) -> Any:
        """The member as an independent model."""
        return copy.deepcopy(self.view(patched))

    def counts(self, patched: Collection[int], /) -> Counts:
        """How large the member is, without building it."""
        first, last = self.ends(patched)
        return self._sizes.of(first, last, self.layers(patched))

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes()
