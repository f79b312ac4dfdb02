"""The one harness: numbers along a path, beside baselines, endpoints and references."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from continuum.core import (
    Domain,
    DomainError,
    IncompatibleError,
    Interpolant,
    InvalidInputError,
    Metric,
    Point,
    PointLike,
)
from continuum.core import metric as as_metric

from .audit import audited
from .identity import Identities, contents_of
from .progress import progress_bar
from .provenance import provenance
from .results import Results
from .store import Store
from .table import COLUMNS_AFTER, COLUMNS_BEFORE
from .units import OnError, Outcome, Paths, Unit, Yardstick, study_of, units
from .workers import check_travel, outcomes

__all__ = ["MetricLike", "MetricsLike", "evaluate"]

MetricLike = Metric | Callable[..., Any]
MetricsLike = MetricLike | Sequence[MetricLike] | Mapping[str, MetricLike]
Identify = Callable[[str, str, Any], str]

_MAX_SEED = 2**63  # what an integer column holds


def evaluate(
    interpolant: Interpolant[Any],
    metrics: MetricsLike,
    *,
    points: int | Sequence[PointLike] = 17,
    name: str | None = None,
    baselines: Mapping[str, Interpolant[Any]] | None = None,
    references: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] = 1,
    store: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    progress: bool = True,
    on_error: OnError = "raise",
    retry_errors: bool = False,
) -> Results:
    """Evaluate metrics at points of a path, and on what the path has to beat.

    The numbers depend on the arguments only: not on `n_jobs`, on the order of the work, or on how often it was killed
    and started again. Everything is checked before the first value is built.

    Args:
        interpolant: the path. If it has `endpoints`, each of them is measured too (role "endpoint"): the honest
            baseline of just choosing the best one, and what the ends of the path are compared with.
        metrics: one, several, or by name. A plain function is taken as `metric(fn)`: neither more nor less is better.
        points: how many points of the domain's grid, or the points. Grids of 5, 9, 17, 33 share their points.
        name: label of the path and name of the study in the store, in the place of an older study of that name. The
            name of its class by default, with a number if that is the study of another path.
        baselines: other paths by label, evaluated at the same points (role "baseline").
        references: values by label that lie on no path (role "reference"); their coordinates are NaN.
        seeds: how many (0, 1, ...), or which. A stochastic metric runs once for each, with the same draws at every
            point of every path, so that differences are paired; a deterministic one runs once, under seed 0.
        store: file that keeps the numbers, made if absent. The same call computes only what is missing there. A number
            is known by the content of path, point, metric function and seed, but not by the functions that these call:
            raise `Metric.version` when such a function changes.
        n_jobs: parallel jobs as joblib counts them; 1 is a plain loop. `joblib.parallel_config` chooses the backend,
            such as a Dask cluster, all of whose workers are used. Path and metrics are pickled for each unit: send a
            big model as `deferred`.
        progress: whether to show a progress bar if the error stream is a terminal.
        on_error: "raise" stops at the first failure, once the units under way are stored; "record" stores the failure,
            with the value NaN, and goes on.
        retry_errors: whether stored failures are computed again. They always are if `on_error` is "raise".

    Returns:
        One row for each label, point, metric and seed.

    Raises:
        InvalidInputError: if an argument makes no sense, such as two metrics of one name, or cannot be sent to workers.
        DomainError: if a point is outside the domain.
        IncompatibleError: if a baseline is not defined at the points, or two things have one label.
        StoreError: if the store cannot be read or written. What was stored before is intact.
        WorkerError: if workers or a cluster are lost. What was stored before is intact.
        Exception: with "raise", whatever a path or metric raised, with a note that tells where.

    Example:
        >>> from continuum import Interval, from_function, metric
        >>> square = from_function(Interval(), lambda t: t**2)
        >>> evaluate(square, {"twice": lambda x: 2 * x}, points=3).frame[["t", "metric", "value"]]
             t metric  value
        0  0.0  twice    0.0
        1  0.5  twice    0.5
        2  1.0  twice    2.0
    """
    _check_options(n_jobs, on_error)
    # In memory nothing outlives the call, and labels are enough to tell things apart.
    identify = _by_label if store is None else Identities()
    yardstick = Yardstick(
        tuple((item, identify("metric", item.name, item.fn)) for item in _metrics(metrics)), _seeds(seeds)
    )
    paths = _paths(interpolant, name, points, baselines or {}, references or {}, identify)
    planned = tuple(units(paths, yardstick))
    with Store.create(store) as db:
        study = study_of(paths.label, interpolant.domain.axes, planned)
        if name is None:  # two paths of one class are two studies
            study = replace(study, name=db.name_for(study))
        contents = {} if store is None else {"contents": contents_of(paths, yardstick)}
        run = db.plan(study, provenance(study=study.name, seeds=list(yardstick.seeds), **contents))
        work = _Work(db, audited(study, planned), retry=retry_errors or on_error == "raise")
        check_travel(work.units, n_jobs)
        try:
            with progress_bar(len(work.units), title=study.name, shown=progress) as bar:
                _fill(db, run, work, outcomes(work.still_missing(), n_jobs, on_error), bar)
        finally:
            if isinstance(identify, Identities):
                identify.remember()
        return Results.collect(db, [study])


def _fill(db: Store, run: int, work: _Work, outcomes: Generator[Outcome], bar: Any) -> None:
    """Store the outcomes; after a failure take in what is under way already, then raise it."""
    failure: BaseException | None = None
    with closing(outcomes):
        for outcome in outcomes:
            db.write(outcome.records, run)
            if outcome.error is not None:
                failure = failure or outcome.error
                work.stop()
            bar.update()
    if failure is not None:
        raise failure


class _Work:
    """The units of a study that the store does not hold yet."""

    def __init__(self, db: Store, planned: Sequence[Unit], *, retry: bool) -> None:
        self._db, self._retry, self._stopped = db, retry, False
        done = self._done(tuple(key for unit in planned for key in unit.keys))
        self.units = [left for unit in planned if (left := unit.without(done)).tasks]

    def stop(self) -> None:
        """Hand out no more units."""
        self._stopped = True

    def still_missing(self) -> Iterator[Unit]:
        """The units one by one, each without what another process has finished by now."""
        for unit in self.units:
            if self._stopped:
                return
            left = unit.without(self._done(unit.keys))
            if left.tasks:
                yield left

    def _done(self, keys: Sequence[str]) -> set[str]:
        records = self._db.records(keys)
        return {key for key, record in records.items() if record.error is None or not self._retry}


def _check_options(n_jobs: int, on_error: str) -> None:
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
        raise InvalidInputError(
            f"`n_jobs` must be a whole number but 0, got {n_jobs!r}; 1 is a plain loop, -1 all cores."
        )
    if on_error not in ("raise", "record"):
        raise InvalidInputError(f"`on_error` must be 'raise' or 'record', got {on_error!r}.")


def _metrics(metrics: MetricsLike) -> tuple[Metric, ...]:
    if isinstance(metrics, Mapping):
        found = [_renamed(item, str(name)) for name, item in metrics.items()]
    elif metrics is None or isinstance(metrics, str):
        raise InvalidInputError(f"`metrics` must be a function, a Metric, several or by name, got {metrics!r}.")
    else:
        several = [metrics] if callable(metrics) else list(metrics)
        found = [item if isinstance(item, Metric) else as_metric(item) for item in several]
    names = [item.name for item in found]
    if not names or len(set(names)) < len(names):
        raise InvalidInputError(
            f"`metrics` needs distinct names, at least one, got {names}; name them by a mapping, such as "
            "{'accuracy': accuracy}."
        )
    return tuple(found)


def _renamed(item: MetricLike, name: str) -> Metric:
    return replace(item, name=name) if isinstance(item, Metric) else Metric(name, item)


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer | Iterable):
        raise InvalidInputError(f"`seeds` must be a number of seeds, or several seeds, got {seeds!r}.")
    chosen = tuple(range(seeds)) if isinstance(seeds, int | np.integer) else tuple(seeds)
    if not chosen or not all(_is_whole(seed) and 0 <= seed < _MAX_SEED for seed in chosen):
        raise InvalidInputError(f"`seeds` must be a positive number of seeds, or seeds from 0 to 2**63, got {seeds!r}.")
    return tuple(dict.fromkeys(int(seed) for seed in chosen))


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _paths(
    path: Interpolant[Any],
    name: str | None,
    points: int | Sequence[PointLike],
    baselines: Mapping[str, Interpolant[Any]],
    references: Mapping[str, Any],
    identify: Identify,
) -> Paths:
    _check_path("interpolant", path)
    label = type(path).__name__ if name is None else name
    _check_names(label, path.domain.axes, [*baselines, *references])
    at = _points(path.domain, points)
    on = {key: _on_baseline(key, baseline, path.domain, at) for key, baseline in baselines.items()}
    return Paths(
        label,
        (path, identify("path", label, path)),
        at,
        {key: (baseline, identify("baseline", key, baseline), on[key]) for key, baseline in baselines.items()},
        {key: (value, identify("reference", key, value)) for key, value in references.items()},
    )


def _check_path(what: str, path: object) -> None:
    if not isinstance(path, Interpolant):
        raise InvalidInputError(f"{what} must have `domain` and `at(point)`, got {type(path).__name__}.")


def _check_names(label: str, axes: Sequence[str], others: Sequence[str]) -> None:
    labels = [label, *others]
    if not all(isinstance(item, str) and item and _is_text(item) for item in labels):
        raise InvalidInputError(f"labels must be non-empty strings of Unicode text, got {labels!a}.")
    if len(set(labels)) < len(labels):
        raise IncompatibleError(f"the path, `baselines` and `references` need distinct labels, got {labels}.")
    if taken := set(axes) & {*COLUMNS_BEFORE, *COLUMNS_AFTER}:
        raise InvalidInputError(f"axes {sorted(taken)} have the names of columns of the result; rename them.")


def _is_text(label: str) -> bool:
    try:
        label.encode()
    except UnicodeEncodeError:  # half a surrogate pair: no file could hold it
        return False
    return True


def _points(domain: Domain, points: int | Sequence[PointLike]) -> tuple[Point, ...]:
    if _is_whole(points):
        return domain.grid(int(points))  # type: ignore[arg-type]
    if isinstance(points, bool | float | str | Mapping) or not isinstance(points, Iterable):
        raise InvalidInputError(f"`points` must be a number of points or a sequence of points, got {points!r}.")
    chosen = tuple(dict.fromkeys(domain.point(point) for point in points))
    if not chosen:
        raise InvalidInputError("`points` needs at least one point, got none.")
    return chosen


def _on_baseline(label: str, path: Interpolant[Any], domain: Domain, points: Sequence[Point]) -> tuple[Point, ...]:
    """The points as the baseline has them: it may snap them to levels of its own."""
    _check_path(f"baseline {label!r}", path)
    # On one axis the name does not matter; on several, other names or another order is another meaning.
    if len(domain.axes) > 1 and path.domain.axes != domain.axes:
        raise IncompatibleError(f"baseline {label!r} has the axes {path.domain.axes}, the path has {domain.axes}.")
    try:
        return tuple(dict.fromkeys(path.domain.point(point) for point in points))
    except DomainError as error:
        raise IncompatibleError(
            f"baseline {label!r} is not defined at every point of the path ({error}); choose `points` that both have."
        ) from error


def _by_label(kind: str, label: str, value: Any) -> str:
    return label
