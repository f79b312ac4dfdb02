r"""Sizes between two members, by mixing what parts say: an extension of ours.

The papers define no model between two sizes. Averaging weights is not meant: a layer and a block of layers have none in
common. Their outputs can be mixed; so a gate runs both, and is slower than either.
"""

from __future__ import annotations

import bisect
import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from continuum.core import IncompatibleError, Interval, Point, PointLike

from .members import Members
from .path import PatchPath

__all__ = ["Gate", "GatedPath"]


class Gate(nn.Module):
    r"""Two parts of a model in the place of one: $(1 - a)\, s(h) + a\, b(h)$.

    Args:
        before: modules in sequence, s.
        after: modules in sequence, b.
        weight: the weight a.
    """

    def __init__(self, before: list[nn.Module], after: list[nn.Module], weight: float) -> None:
        super().__init__()
        self.before, self.after, self.weight = nn.ModuleList(before), nn.ModuleList(after), weight

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        _refuse_caches((*args, *kwargs.values()))
        one, other = (_in_sequence(part, args, kwargs) for part in (self.before, self.after))
        return one + self.weight * (other - one)


@dataclass(frozen=True, eq=False)
class GatedPath:
    """A `PatchPath` made continuous: between two sizes, the parts that differ are mixed by their outputs.

    At the sizes of the path it is the path, bit for bit. In between, each slot that the step patches runs the student's
    layer and the teacher's block; where the step changes the owner of the embedding or of norm and head, these are
    mixed alike. Models in between run without a cache of keys and values, are for study, and cannot be exported.

    Args:
        path: the path.

    Raises:
        IncompatibleError: on use, if a block mixes kinds of attention, such as sliding and full.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from continuum.models import initialize_student
        >>> teacher = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=6))
        >>> path = GatedPath(PatchPath(initialize_student(teacher), teacher))
        >>> with path.lease(0.2) as model:
        ...     [type(layer).__name__ for layer in model.transformer.h]
        ['GPT2Block', 'Gate', 'Gate', 'Gate']
    """

    path: PatchPath

    @property
    def domain(self) -> Interval:
        return Interval(0.0, 1.0, "t")

    def at(self, point: PointLike, /) -> Any:
        """An independent model at a point, in evaluation mode."""
        return copy.deepcopy(self._view(point))

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[Any]:
        """Borrow a model at a point, over the weights of the student and the teacher; several at a time may be lent."""
        yield self._view(point)

    @property
    def endpoints(self) -> Mapping[Point, Any]:
        """The student at 0 and the teacher at 1, as independent models."""
        return self.path.endpoints

    def _view(self, point: PointLike) -> Any:
        (t,) = self.domain.point(point)
        levels = self.path.domain.values
        place = bisect.bisect_left(levels, t)
        after = self.path.patched_at(levels[place])
        if levels[place] == t:
            return self.path.members.view(after)
        low, high = levels[place - 1 : place + 1]
        return _gated(self.path.members, self.path.patched_at(low), after, (t - low) / (high - low))


def _gated(members: Members, before: frozenset[int], after: frozenset[int], weight: float) -> Any:
    """The member `before`, with gates to those parts of the member `after` in which the two differ."""
    model, other = members.view(before), members.view(after)
    layers, others = model.get_submodule(members.teacher.name), other.get_submodule(members.teacher.name)
    for slot in sorted(after - before):
        place = members.layout.place(before, slot)
        start = members.layout.place(after, slot)
        block = list(others)[start : start + len(members.layout.slots[slot])]
        _check_kinds(members, slot)
        layers[place] = Gate([layers[place]], block, weight)
    for name in _differing_ends(members, before, after):
        _put(model, name, Gate([model.get_submodule(name)], [other.get_submodule(name)], weight))
    settings: list[Any] = [model.config, model.config.get_text_config(), getattr(model, "generation_config", None)]
    for config in settings:
        if hasattr(config, "use_cache"):
            config.use_cache = False
    return model.eval()


def _differing_ends(members: Members, before: frozenset[int], after: frozenset[int]) -> list[str]:
    names = (members.teacher.first, members.teacher.last)
    pairs = zip(names, members.ends(before), members.ends(after), strict=True)
    return [
        name
        for part, old, new in pairs
        if old is not new
        for name in part
        if any(True for _ in old.model.get_submodule(name).parameters())
    ]


def _check_kinds(members: Members, slot: int) -> None:
    """The mask that a layer is given depends on its kind, and a gate is given one mask."""
    ours, theirs = (getattr(owner.config, "layer_types", None) for owner in (members.student, members.teacher))
    if ours and theirs and len(kinds := {ours[slot], *(theirs[k] for k in members.layout.slots[slot])}) > 1:
        raise IncompatibleError(
            f"slot {slot} mixes the kinds of attention {sorted(kinds)}, which one gate cannot hold."
        )


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    above, _, own = name.rpartition(".")
    setattr(model.get_submodule(above), own, module)


def _in_sequence(part: nn.ModuleList, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What modules say one after the other, where each takes what the one before says in its first place."""
    first, *others = part
    hidden = first(*args, **kwargs)
    for module in others:
        hidden = module(hidden, *args[1:], **kwargs)
    return hidden


def _refuse_caches(values: Any) -> None:
    from transformers import Cache

    if any(isinstance(value, Cache) for value in values):
        raise IncompatibleError("a model between two sizes keeps no keys and values; call it with use_cache=False.")
