"""The continuous family of model sizes between a student and its teacher."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from continuum.core import InvalidInputError, LazyEndpoints, LeaseError, Levels, Point, PointLike

from ..anatomy import blocks
from ..lending import Loan, lent, loan_of
from ..weights.identity import digest_of
from .bert import in_class_of
from .budget import largest_within
from .correspondence import layout_between
from .export import export_member
from .layout import KeepRule, Layout
from .members import HeadPolicy, Members
from .mergekit import passthrough
from .orders import ORDERS, Order, name_of, order_of, steps
from .stage import Stage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PatchPath"]


@dataclass(frozen=True, eq=False)
class PatchPath:
    r"""Models of all sizes between a student and its teacher, of which only the student is ever trained.

    Each layer of the student stands for a block of the teacher's layers (a slot, see `Layout`). A member has some slots
    *patched*: the teacher's block in place of the student's layer. Along an order of the slots sizes grow step by step.
    The coordinate is the fraction of the parameters that were added,

    $$t = \frac{P - P_\mathrm{student}}{P_\mathrm{teacher} - P_\mathrm{student}},$$

    with parameters counted as for inference (`Counts.inference`); a number between two sizes is snapped to the nearer.
    At 0 it is the student and at 1 the teacher, bit for bit. Kangaslahti et al. (2026), boomerang distillation.

    `at` builds an independent model. `lease` lends a model over the weights of the two, without copying any, and
    `switch` moves that to another size in well under a millisecond. One model is lent at a time; another path over the
    same two models costs no memory.

    Args:
        student: the small model, such as `initialize_student` makes; not changed.
        teacher: the large one, of the same class; not changed.
        keep: the teacher's layers that the student was made of, or the rule; None to take them from the provenance of
            the student.
        order: in which order slots are patched: "last_to_first", "first_to_last", a list of slots, or an object with a
            method `slots`. Neutral slots that it does not name go with the nearest size slot.
        head: whose embedding and head a member has, see `Members`.

    Raises:
        InvalidInputError: if `keep` is unknown or no layout, `order` does not name all slots once, or no slot has more
            than one layer.
        IncompatibleError: if the two models do not fit each other, or the student was made of another teacher.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from continuum.models import initialize_student
        >>> teacher = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=6))
        >>> path = PatchPath(initialize_student(teacher), teacher)
        >>> path.domain.values
        (0.0, 0.5, 1.0)
        >>> with path.lease(0.5) as model:
        ...     model.config.num_hidden_layers
        5
    """

    student: Any
    teacher: Any
    keep: Sequence[int] | KeepRule | None = None
    order: str | Sequence[int] | Order = "last_to_first"
    head: HeadPolicy = "owner"

    def __post_init__(self) -> None:
        if not self.members.layout.size_slots:
            raise InvalidInputError(
                f"student and teacher both have {len(self.members.student)} layers: there is no size between them."
            )
        self.domain  # noqa: B018 -- an order that has to be found is found now, so that reading the domain is cheap

    @cached_property
    def members(self) -> Members:
        """All models that patching can make, also those off this path."""
        teacher = blocks(self.teacher)
        layout = layout_between(self.student, teacher, self.keep)
        return Members(blocks(in_class_of(self.student, self.teacher)), teacher, layout, self.head)

    @property
    def layout(self) -> Layout:
        """The slots, and the teacher's layers of each."""
        return self.members.layout

    @cached_property
    def slots(self) -> tuple[int, ...]:
        """The order: slots as they are patched, from the student to the teacher."""
        return order_of(self.order, self.members)

    @property
    def orders(self) -> Mapping[str, tuple[int, ...]]:
        """Orders that need no texts, and the one of this path, with their slots.

        `dataclasses.replace(path, order=...)` takes another one.
        """
        return {name: order_of(name, self.members) for name in ORDERS} | {name_of(self.order): self.slots}

    @cached_property
    def domain(self) -> Levels:
        return Levels(tuple(self._levels), "t")

    def patched_at(self, point: PointLike, /) -> frozenset[int]:
        """The patched slots of the member at a point."""
        (t,) = self.domain.point(point)
        return self._levels[t]

    def at(self, point: PointLike, /) -> Any:
        """An independent model at a point, in evaluation mode."""
        return self.members.copy(self.patched_at(point))

    def subset(self, slots: Collection[int], /) -> Any:
        """An independent model with any slots patched, also one that is not on the path."""
        return self.members.copy(slots)

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[Any]:
        """Borrow a model at a point, over the weights of the student and the teacher: none is copied.

        It refuses caches of keys and values that another member has filled. What changes its weights in place, such as
        `.to(dtype)` or an optimizer, changes them in the two models.

        Raises:
            LeaseError: if this path has lent a model already.
        """
        with self._lent(self.patched_at(point)) as model:
            yield model

    @contextmanager
    def lease_subset(self, slots: Collection[int], /) -> Iterator[Any]:
        """Borrow the model with any slots patched; see `lease`."""
        with self._lent(self.layout.patched(slots)) as model:
            yield model

    def switch(self, point: PointLike, /) -> None:
        """Make the model that is lent another member: no weight moves. Start with a fresh cache afterwards.

        Raises:
            LeaseError: outside a lease of this path.
        """
        self._switch(self.patched_at(point))

    def switch_subset(self, slots: Collection[int], /) -> None:
        """Make the model that is lent the member with these slots patched; see `switch`."""
        self._switch(self.layout.patched(slots))

    @property
    def endpoints(self) -> Mapping[Point, Any]:
        """The student at 0 and the teacher at 1, as independent models."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def at_budget(
        self,
        *,
        params: str | float | None = None,
        bytes: str | float | None = None,
        layers: int | None = None,
    ) -> Point:
        """The point of the largest member within a budget.

        Args:
            params: most weights that are stored, `Counts.unique`: a number, or such as "90M" or "1.5B".
            bytes: most memory for them: a number, or such as "300MB" or "2GiB".
            layers: most layers.

        Raises:
            InvalidInputError: if not exactly one budget is given, or even the smallest member does not fit.

        Example:
            >>> from transformers import GPT2Config, GPT2LMHeadModel
            >>> from continuum.models import initialize_student
            >>> teacher = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=6))
            >>> PatchPath(initialize_student(teacher), teacher).at_budget(layers=5)
            (0.5,)
        """
        sizes = {t: self.members.counts(patched) for t, patched in self._levels.items()}
        return (largest_within(sizes, params=params, bytes=bytes, layers=layers),)

    def export(self, point: PointLike, folder: str | os.PathLike[str]) -> Path:
        """Write the model at a point into a new folder, from which plain `from_pretrained` loads it bit for bit.

        Weights are written a tensor at a time, from where they are. That the folder gives the same model is checked: a
        few architectures depend on the number of a layer, which loading counts anew.

        Raises:
            IncompatibleError: if it would not be the same model when loaded.
            StoreError: if there is something at `folder` already, or it cannot be written.
            ResourceError: if the disk is too full.
        """
        (t,) = self.domain.point(point)
        patched = self._levels[t]
        view, (_, last) = self.members.view(patched), self.members.ends(patched)
        record = {"t": t, "patched": sorted(patched), "kept": list(self.layout.kept)}
        return export_member(
            view, Path(folder), origin=last.model.name_or_path or self.teacher.name_or_path, record=record
        )

    def to_mergekit(self, point: PointLike, *, student: str = "", teacher: str = "") -> str:
        """The member at a point as a "passthrough" recipe of mergekit, in YAML.

        Args:
            point: where.
            student: folder or name of the student; what it was loaded from if empty.
            teacher: folder or name of the teacher; what it was loaded from if empty.

        Raises:
            InvalidInputError: if a model has no such name.
            IncompatibleError: if the head does not go with the owners of the first and the last layer, which is the one
                way that mergekit knows.
        """
        names = {
            id(self.members.student): student or self.student.name_or_path,
            id(self.members.teacher): teacher or self.teacher.name_or_path,
        }
        patched = self.patched_at(point)
        return passthrough(self.members.layers(patched), self.members.ends(patched), names)

    def table(self) -> pd.DataFrame:
        """The members of the path: t, the patched slots, and their sizes in each way of counting."""
        import pandas as pd

        rows = [
            {"t": t, "patched": tuple(sorted(patched)), **vars(self.members.counts(patched))}
            for t, patched in self._levels.items()
        ]
        return pd.DataFrame(rows)

    @property
    def fingerprint(self) -> str:
        """Digest of both models as they are now, the layout, the order and the head, for result stores."""
        names = repr((self.layout, self.slots, self.head))
        return digest_of(names, self.student.state_dict().items(), self.teacher.state_dict().items())

    @cached_property
    def _levels(self) -> Mapping[float, frozenset[int]]:
        """The patched slots by t."""
        family = steps(self.layout, self.slots)
        sizes = [self.members.counts(patched).inference for patched in family]
        return {(size - sizes[0]) / (sizes[-1] - sizes[0]): one for size, one in zip(sizes, family, strict=True)}

    @cached_property
    def _stage(self) -> Stage:
        return Stage(self.members)

    @contextmanager
    def _lent(self, patched: frozenset[int]) -> Iterator[Any]:
        with lent(self._stage.model, Loan(self)):
            self._stage.put(patched)
            yield self._stage.model

    def _switch(self, patched: frozenset[int]) -> None:
        if loan_of(self._stage.model) is None:
            raise LeaseError("`switch` moves a model that this path has lent; call it within `with path.lease(point)`.")
        self._stage.put(patched)

    def __getstate__(self) -> dict[str, Any]:
        """Without the views, which each process makes anew."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_stage", "members")}

    def __repr__(self) -> str:
        return (
            f"PatchPath({type(self.teacher).__name__}, layers={len(self.members.student)} to "
            f"{len(self.members.teacher)}, slots={list(self.slots)}, head={self.head!r})"
        )
