"""Keep what the values of a study look like, beside its numbers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from continuum.core import IncompatibleError, Interpolant, InvalidInputError, Point, PointLike, lease

from .exhibit_table import Kept, KeptRow
from .exhibits import Exhibit, admit_exhibits, packed_exhibits
from .identity import Identities
from .records import Study
from .store import Store

__all__ = ["Draw", "keep_exhibits", "kept_exhibits"]

Draw = Callable[[Any], Exhibit | Sequence[Exhibit]]


def keep_exhibits(
    interpolant: Interpolant[Any],
    draw: Draw,
    *,
    store: str | os.PathLike[str],
    study: str,
    points: int | Sequence[PointLike] | None = None,
    baselines: Mapping[str, Interpolant[Any]] | None = None,
    references: Mapping[str, Any] | None = None,
) -> int:
    """Draw what values of a study look like, and keep it in its store, for reports.

    What was drawn already of the same value by the same function is not drawn again.

    Args:
        interpolant: the path of the study.
        draw: what to show of a value: `Images`, `Texts`, `Clouds` or `Facts`, or several of these.
        store: the store of the study.
        study: its name.
        points: where; None for every point of the study. A number means so many of its points, spread evenly.
        baselines: paths by label, as in the study.
        references: values by label, as in the study.

    Returns:
        How many values were drawn.

    Raises:
        InvalidInputError: if there is no such study, no such point in it, or `draw` returns something else.
        IncompatibleError: if a label is not one of the study.
        StoreError: if the store cannot be written.

    Example:
        >>> import tempfile
        >>> from continuum import Interval, evaluate, from_function
        >>> from continuum.harness import Images, kept_exhibits
        >>> path = from_function(Interval(), lambda t: np.full((4, 4), t))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = f"{folder}/squares.db"
        ...     _ = evaluate(path, {"grey": np.mean}, points=3, store=store, name="squares")
        ...     keep_exhibits(path, lambda x: Images(x[None]), store=store, study="squares")
        ...     [kept.point for kept in kept_exhibits(store)]
        3
        [(0.0,), (0.5,), (1.0,)]
    """
    identify = Identities()
    with Store.create(store) as db:
        plan = db.study(study)
        known = {at: identity for at, (identity, _) in db.exhibits(plan).items()}
        by = identify("function", "draw", draw)
        values = list(_values(plan, identify, interpolant, points, baselines or {}, references or {}))
        names = [hashlib.sha256(f"{value.identity} {by} {value.point}".encode()).hexdigest() for value in values]
        new = [pair for pair in zip(values, names, strict=True) if known.get((pair[0].label, pair[0].point)) != pair[1]]
        try:
            for value, name in new:
                db.keep(_drawn(plan, value, name, draw))
        finally:
            identify.remember()
    return len(new)


def kept_exhibits(store: str | os.PathLike[str], *, study: str | None = None) -> tuple[Kept, ...]:
    """What the values of the studies in a store look like, as far as it was kept, in the order of their plans.

    Args:
        store: the file.
        study: name of one study; all by default.
    """
    with Store.read(store) as db:
        plans = db.studies() if study is None else (db.study(study),)
        return tuple(kept for plan in plans for _, kept in db.exhibits(plan).values())


@dataclass(frozen=True, eq=False)
class _Value:
    """A value to draw: whose it is, where, what the store knows it by, and what lends it."""

    label: str
    point: Point
    identity: str
    borrow: Callable[[], AbstractContextManager[Any]]


def _drawn(plan: Study, value: _Value, name: str, draw: Draw) -> KeptRow:
    with value.borrow() as borrowed:
        content = packed_exhibits(admit_exhibits(draw(borrowed)))
    keys = tuple(row.key for row in plan.rows if (row.label, row.point) == (value.label, value.point))
    return KeptRow(plan.name, value.label, value.point, name, keys, content)


def _values(
    plan: Study,
    identify: Identities,
    path: Interpolant[Any],
    points: int | Sequence[PointLike] | None,
    baselines: Mapping[str, Interpolant[Any]],
    references: Mapping[str, Any],
) -> Iterator[_Value]:
    _check_labels(plan, {**baselines, **references})
    own = next((row.label for row in plan.rows if row.role == "path"), plan.name)
    for label, line in {own: path, **baselines}.items():
        identity = identify("path", label, line)
        for point in _points(plan, label, line, points):
            yield _Value(label, point, identity, partial(lease, line, point))
    for label, value in references.items():
        yield _Value(label, (), identify("reference", label, value), partial(nullcontext, value))


def _points(plan: Study, label: str, path: Interpolant[Any], points: Any) -> tuple[Point, ...]:
    """The points of a label at which to draw."""
    roles = ("path", "baseline")
    planned = tuple(dict.fromkeys(row.point for row in plan.rows if row.label == label and row.role in roles))
    if points is None:
        return planned
    if isinstance(points, int):
        if points < 1:
            raise InvalidInputError(f"`points` must be at least 1, got {points}.")
        last = len(planned) - 1
        return tuple(dict.fromkeys(planned[round(i * last / max(points - 1, 1))] for i in range(points)))
    chosen = tuple(dict.fromkeys(path.domain.point(point) for point in points))
    if absent := [point for point in chosen if point not in planned]:
        raise InvalidInputError(f"study {plan.name!r} has no point {absent[0]} of {label!r}; it has {planned[:9]}.")
    return chosen


def _check_labels(plan: Study, given: Mapping[str, Any]) -> None:
    known = {row.label for row in plan.rows if row.role in ("baseline", "reference")}
    if unknown := sorted(set(given) - known):
        raise IncompatibleError(f"study {plan.name!r} has no label {unknown}; it has {sorted(known)}.")
