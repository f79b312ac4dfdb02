"""Units of work: one value of one label, borrowed once, and every number that is still missing there."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from continuum.core import Interpolant, Metric, PerItem, Point, SupportsEndpoints, WorkerError, lease, rng_for
from continuum.core.version import __version__

from .items import pack
from .provenance import without_home
from .records import Record, Role, Row, Study

__all__ = [
    "OnError",
    "Outcome",
    "Paths",
    "Task",
    "Unit",
    "Yardstick",
    "carry_out",
    "carry_out_away",
    "lost",
    "study_of",
    "units",
]

OnError = Literal["raise", "record"]


@dataclass(frozen=True, eq=False)
class Task:
    """One number to compute."""

    metric: Metric
    seed: int
    key: str


@dataclass(frozen=True, eq=False)
class Unit:
    """One value and the numbers to compute on it.

    Args:
        label: whose value it is.
        role: what the label is for.
        point: its coordinates; empty if it lies on no path.
        borrow: opens a context that lends the value. Picklable where the path is.
        tasks: the numbers.
    """

    label: str
    role: Role
    point: Point
    borrow: Callable[[], AbstractContextManager[Any]]
    tasks: tuple[Task, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(task.key for task in self.tasks)

    def without(self, done: AbstractSet[str]) -> Unit:
        """The same unit without the tasks whose keys are in `done`."""
        return replace(self, tasks=tuple(task for task in self.tasks if task.key not in done))

    def __str__(self) -> str:
        return f"{self.role} {self.label!r}" + (f" at {self.point}" if self.point else "")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a unit: the finished records, and the exception that stopped it, if any."""

    records: tuple[Record, ...]
    error: BaseException | None = None


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Metrics and seeds, run on every value alike.

    Args:
        metrics: each metric with the identity of its function.
        seeds: for the stochastic metrics; a deterministic one runs once, recorded under seed 0.
    """

    metrics: tuple[tuple[Metric, str], ...]
    seeds: tuple[int, ...]

    def tasks(self, kind: str, identity: str, point: Point) -> tuple[Task, ...]:
        """All tasks on one value, which is told apart by `kind`, `identity` and `point`."""
        where = (kind, identity, [x.hex() for x in point])
        return tuple(
            Task(metric, seed, _key(*where, metric.name, metric.version, metric.stochastic, function, seed))
            for metric, function in self.metrics
            for seed in (self.seeds if metric.stochastic else (0,))
        )


@dataclass(frozen=True, eq=False)
class Paths:
    """Everything that one study measures; each thing with the identity under which the store knows it.

    Args:
        label: name of the path.
        path: the path and its identity.
        points: where it is evaluated.
        baselines: by label, a path, its identity, and its points.
        references: by label, a value and its identity.
    """

    label: str
    path: tuple[Interpolant[Any], str]
    points: tuple[Point, ...]
    baselines: Mapping[str, tuple[Interpolant[Any], str, tuple[Point, ...]]]
    references: Mapping[str, tuple[Any, str]]


def units(paths: Paths, yardstick: Yardstick) -> Iterator[Unit]:
    """All units of a study, in the order of its table: path, endpoints, baselines, references."""
    path, identity = paths.path
    yield from _along(paths.label, "path", path, identity, paths.points, yardstick)
    for key in path.endpoints if isinstance(path, SupportsEndpoints) else ():
        point = path.domain.point(key)  # whoever writes 0 for (0.0,) is understood here too
        tasks = yardstick.tasks("endpoint", identity, point)
        yield Unit(paths.label, "endpoint", point, partial(_endpoint, path, key), tasks)
    for label, (baseline, name, points) in paths.baselines.items():
        yield from _along(label, "baseline", baseline, name, points, yardstick)
    for label, (value, name) in paths.references.items():
        yield Unit(label, "reference", (), partial(nullcontext, value), yardstick.tasks("value", name, ()))


def study_of(name: str, axes: Sequence[str], planned: Iterable[Unit]) -> Study:
    """The table that a list of units fills."""
    rows = (
        Row(
            task.key, unit.label, unit.role, unit.point, task.metric.name, task.seed, task.metric.goal, task.metric.unit
        )
        for unit in planned
        for task in unit.tasks
    )
    return Study(name, tuple(axes), tuple(rows))


def carry_out(unit: Unit, on_error: OnError) -> Outcome:
    """Borrow the value of `unit` and compute its numbers; never raises."""
    records: list[Record] = []
    try:
        _measure(unit, on_error == "record", records)
    except BaseException as error:  # noqa: BLE001 -- Ctrl-C too: the caller stores the finished records, then raises it
        return Outcome(tuple(records), error)
    return Outcome(tuple(records))


def carry_out_away(unit: Unit, on_error: OnError) -> Outcome:
    """`carry_out` for another process: what stopped it comes home even if it cannot be pickled."""
    outcome = carry_out(unit, on_error)
    return outcome if outcome.error is None else replace(outcome, error=_portable(outcome.error))


def lost(unit: Unit, on_error: OnError, reason: Exception) -> Outcome:
    """The outcome of a unit that was given up, since it ended every worker that it was sent to."""
    error = WorkerError(
        f"{unit} ended each worker that it was sent to ({reason}). Was memory short there, or a module absent?"
    )
    if on_error == "raise":
        return Outcome((), error)
    return Outcome(tuple(_failure(task, error, build_s=0.0) for task in unit.tasks))


def _along(
    label: str, role: Role, path: Interpolant[Any], identity: str, points: Iterable[Point], yardstick: Yardstick
) -> Iterator[Unit]:
    for point in points:
        # Path and baseline share a kind: a fact does not depend on the part that it plays in a study.
        yield Unit(label, role, point, partial(lease, path, point), yardstick.tasks("at", identity, point))


def _endpoint(path: Any, key: Any) -> AbstractContextManager[Any]:
    return nullcontext(path.endpoints[key])


def _measure(unit: Unit, keep_going: bool, records: list[Record]) -> None:
    """Append the records of `unit` to `records` one by one, so that they survive what may come."""
    with ExitStack() as stack:
        start = time.perf_counter()
        try:
            value = stack.enter_context(unit.borrow())
        except Exception as error:
            error.add_note(f"while building {unit}")
            if not keep_going:
                raise
            seconds = time.perf_counter() - start
            records.extend(_failure(task, error, build_s=seconds) for task in unit.tasks)
            return
        build_s = time.perf_counter() - start
        for task in unit.tasks:
            records.append(_number(unit, task, value, keep_going, build_s))


def _number(unit: Unit, task: Task, value: Any, keep_going: bool, build_s: float) -> Record:
    rng = rng_for(task.seed, task.metric.name) if task.metric.stochastic else None
    start = time.perf_counter()
    try:
        measured = task.metric.measure(value, rng)
    except Exception as error:
        error.add_note(f"while computing metric {task.metric.name!r} (seed {task.seed}) on {unit}")
        if not keep_going:
            raise
        return _failure(task, error, build_s=build_s, metric_s=time.perf_counter() - start)
    seconds = time.perf_counter() - start
    items = pack(measured) if isinstance(measured, PerItem) else None
    return Record(task.key, float(measured), build_s=build_s, metric_s=seconds, items=items)


def _failure(task: Task, error: Exception, build_s: float, metric_s: float = 0.0) -> Record:
    text = without_home(f"{type(error).__name__}: {error}")
    trace = without_home("".join(traceback.format_exception(error)))
    return Record(task.key, math.nan, text, trace, build_s, metric_s)


def _portable(error: BaseException) -> BaseException:
    """`error`, or a stand-in if it does not survive pickling; its traceback, which never does, goes into a note."""
    error.add_note("in a worker:\n" + "".join(traceback.format_tb(error.__traceback__)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 -- made on the line itself
    except Exception as reason:  # noqa: BLE001 -- classes of other people fail in any way they like
        stand_in = RuntimeError(f"{type(error).__name__}: {error} (the exception itself cannot be pickled: {reason})")
        stand_in.__notes__ = list(error.__notes__)
        return stand_in
    return error


def _key(*parts: Any) -> str:
    # The major version: results of an older generation of algorithms are not mixed with ours.
    text = json.dumps([__version__.split(".")[0], *parts], allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
