"""While stored numbers are verified, a study computes these alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeAlias

from continuum.core import Point

from .records import Row, Study
from .units import Task, Unit

__all__ = ["Place", "audit", "audited", "place_of"]

Place: TypeAlias = tuple[str, str, Point, str, int]  # label, role, point, metric, seed

_WANTED: ContextVar[Mapping[str, Collection[Place]] | None] = ContextVar("audit", default=None)


@contextmanager
def audit(wanted: Mapping[str, Collection[Place]]) -> Iterator[None]:
    """In this block `evaluate` computes only the numbers at these places, by study; it plans all of them."""
    token = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(token)


def audited(study: Study, planned: Sequence[Unit]) -> Sequence[Unit]:
    """The units of a study that may be computed: all of them outside an audit."""
    wanted = _WANTED.get()
    if wanted is None:
        return planned
    places = set(wanted.get(study.name, ()))
    left = [replace(unit, tasks=tuple(t for t in unit.tasks if _place(unit, t) in places)) for unit in planned]
    return [unit for unit in left if unit.tasks]


def place_of(row: Row) -> Place:
    """What tells a planned number from the others of its study."""
    return row.label, row.role, row.point, row.metric, row.seed


def _place(unit: Unit, task: Task) -> Place:
    return unit.label, unit.role, unit.point, task.metric.name, task.seed
