"""Compute a random part of stored numbers again, and say what changed."""

from __future__ import annotations

import math
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd

from continuum.core import IncompatibleError, InvalidInputError, check_share, rng_for

from .audit import Place, audit, place_of
from .provenance import noted
from .records import Record, Row, Study
from .sqlite import explained
from .store import Store

__all__ = ["Verification", "verify"]

Word: TypeAlias = Literal["same", "differs", "fails now", "gone"]

_LOOKED_AT = ("continuum", "python", "commit")  # of the provenance, beside packages and contents


@dataclass(frozen=True, eq=False)
class Verification:
    """What became of numbers that were computed again.

    Attributes:
        frame: one row for each: study, label, role, point, metric, seed, stored, now, verdict. "same" within the
            tolerance, "differs", "fails now" (there is no number any more), "gone" (the study no longer plans it).
        changes: what else is not as it was in the runs that made the numbers: functions, data, versions.
    """

    frame: pd.DataFrame
    changes: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether every number came out as it is stored."""
        return bool((self.frame["verdict"] == "same").all())


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The numbers of one study that are to be computed again."""

    study: Study
    rows: tuple[Row, ...]
    records: Mapping[str, Record]

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(map(place_of, self.rows))


def verify(
    store: str | os.PathLike[str],
    run: Callable[[Path], object],
    *,
    studies: Iterable[str] | None = None,
    share: float = 0.01,
    seed: int = 0,
    tolerance: float = 1e-6,
) -> Verification:
    """Compute a random part of the numbers in a store again, and compare.

    The store is not touched: the study runs on a copy, in which the drawn numbers are missing, and computes them alone.
    Where its path, data or metrics have changed since, numbers are compared all the same, and `changes` says what is
    not as it was.

    Args:
        store: the file.
        run: calls the study with another store, such as ``lambda store: halves(store=store)``.
        studies: names of the studies that it makes; all in the store by default.
        share: part of the numbers of each study; at least one is drawn.
        seed: of the draw.
        tolerance: largest relative difference that rounding may make, on another machine or with other threads.

    Raises:
        InvalidInputError: if `share` is no part, or there is nothing to verify.
        IncompatibleError: if `run` makes none of the studies: it belongs to another store.
        StoreError: if the store cannot be read.
        Exception: what `run` raises before it comes to any study.

    Example:
        >>> import tempfile
        >>> from continuum import Interval, evaluate, from_function
        >>> path = from_function(Interval(), lambda t: t)
        >>> def study(store, power=2):
        ...     return evaluate(path, {"power": lambda x: x**power}, points=5, store=store, name="powers")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = study(f"{folder}/a.db")
        ...     same = verify(f"{folder}/a.db", study, share=1.0)
        ...     other = verify(f"{folder}/a.db", lambda store: study(store, power=3), share=1.0)
        >>> same.is_same, other.is_same, other.changes
        (True, False, ('metric power is not what it was',))
    """
    check_share("share", share)
    with Store.read(store) as db:
        names = db.names() if studies is None else tuple(studies)
        drawn = [_drawn(db, db.study(name), share, seed) for name in names]
        before = {one.study.name: db.runs({record.run for record in one.records.values()}) for one in drawn}
    drawn = [one for one in drawn if one.rows]
    if not drawn:
        raise InvalidInputError(f"there is no number to verify in {store}; `continuum status` says what it holds.")
    with tempfile.TemporaryDirectory(prefix="continuum-") as folder:
        copy = Path(folder) / "copy.db"
        _copied(Path(store), copy, [row.key for one in drawn for row in one.rows])
        failure = _run(run, copy, drawn)
        with Store.read(copy) as db:
            last = {one.study.name: _last(db, one.study.name) for one in drawn}
            if not any(last.values()):
                raise failure or IncompatibleError(
                    f"what was called makes none of the studies {list(last)}; name the function that does."
                )
            rows = [row for one in drawn for row in _compared(db, one, tolerance, made=last[one.study.name] != {})]
        changes = [f"the study raised {type(failure).__name__}: {failure}"] if failure else []
        changes += [line for name, now in last.items() for line in _changes(before[name], now)]
    return Verification(pd.DataFrame(rows), tuple(dict.fromkeys(changes)))


def _drawn(db: Store, study: Study, share: float, seed: int) -> _Drawn:
    records = {key: record for key, record in db.records(study.keys).items() if record.error is None}
    known = [row for row in study.rows if row.key in records]
    count = min(len(known), max(1, math.ceil(share * len(known))))
    chosen = sorted(rng_for(seed, "verify", study.name).choice(len(known), count, replace=False)) if known else []
    rows = tuple(known[i] for i in chosen)
    return _Drawn(study, rows, {row.key: records[row.key] for row in rows})


def _copied(store: Path, copy: Path, without: Iterable[str]) -> None:
    address = f"{store.resolve().as_uri()}?mode=ro"
    with (
        explained(str(store)),
        closing(sqlite3.connect(address, uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.executemany("DELETE FROM record WHERE key = ?", [(key,) for key in without])
        target.commit()


def _run(run: Callable[[Path], object], copy: Path, drawn: Iterable[_Drawn]) -> Exception | None:
    """Call the study; what it raises is returned, since some numbers may be there by then."""
    try:
        with audit({one.study.name: one.places for one in drawn}), noted(verifies=True):
            run(copy)
    except Exception as error:  # noqa: BLE001 -- studies of other people fail in any way they like
        return error
    return None


def _compared(db: Store, drawn: _Drawn, tolerance: float, *, made: bool) -> Iterator[dict[str, Any]]:
    """A row for each number; `made` is whether the study came to be planned again."""
    plan = {place_of(row): row.key for row in db.study(drawn.study.name).rows} if made else {}
    now = db.records(tuple(plan[place] for place in drawn.places if place in plan))
    for row in drawn.rows:
        stored, key = drawn.records[row.key].value, plan.get(place_of(row))
        record = now.get(key or "")
        yield {
            "study": drawn.study.name,
            "label": row.label,
            "role": row.role,
            "point": row.point,
            "metric": row.metric,
            "seed": row.seed,
            "stored": stored,
            "now": math.nan if record is None else record.value,
            "verdict": _verdict(stored, record, tolerance, is_planned=key is not None),
        }


def _verdict(stored: float, record: Record | None, tolerance: float, *, is_planned: bool) -> Word:
    if not is_planned:
        return "gone"
    if record is None or record.error is not None:
        return "fails now"
    now = record.value
    if math.isnan(stored) and math.isnan(now):
        return "same"
    return "same" if stored == now or math.isclose(stored, now, rel_tol=tolerance, abs_tol=1e-12) else "differs"


def _last(db: Store, study: str) -> Mapping[str, Any]:
    """The provenance of the run that this verification made of a study; empty if it made none."""
    runs = [run for run in db.runs() if run.get("study") == study and run.get("verifies")]
    return runs[-1] if runs else {}


def _changes(before: Iterable[Mapping[str, Any]], now: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was in the earlier runs."""
    if not now:
        return
    for run in before:
        old, new = run.get("contents", {}), now.get("contents", {})
        yield from (f"{name} is not what it was" for name in old if name in new and old[name] != new[name])
        for name in _LOOKED_AT:
            if run.get(name) != now.get(name):
                yield f"{name} is {now.get(name)}, it was {run.get(name)}"
        packages = now.get("packages", {})
        for name, version in run.get("packages", {}).items():
            if packages.get(name, version) != version:
                yield f"{name} is {packages[name]}, it was {version}"
