"""Results: one tidy table, and the few views of it that everybody needs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from continuum.core import InvalidInputError

from .budget import Budget, best_within
from .churn import item_curves
from .compare import compared
from .found import Found
from .intervals import mean_interval
from .items import Packed
from .overview import mean_by_point, overview
from .records import Record, Row, Study
from .sample import ItemsByRow, RowName, Sample, row_name, sample_of
from .saved import read_table, write_table
from .store import Store
from .table import axes_in_use, typed

__all__ = ["Results", "status"]


@dataclass(frozen=True, eq=False)
class Results:
    """The numbers of one or several studies.

    Args:
        frame: one row for each study, label, point, metric and seed, in the order of the plan. Columns: study, label,
            role ("path", "endpoint", "baseline" or "reference"), one for each axis, metric, seed, value, goal, unit,
            build_s (seconds to get the value), metric_s (seconds to measure it), error (None, or what went wrong).
        axes: names of the coordinate columns. A coordinate is NaN where it does not apply.
        provenance: of every `evaluate` call that made one of the numbers, oldest first.
        missing: how many planned numbers the store did not hold yet when it was read.
        per_item: what is known of single items, packed, by row of the table; see `items`. Not in saved tables.
    """

    frame: pd.DataFrame
    axes: tuple[str, ...]
    provenance: tuple[Mapping[str, Any], ...] = ()
    missing: int = 0
    per_item: ItemsByRow = field(default_factory=dict, repr=False)

    @property
    def studies(self) -> tuple[str, ...]:
        return tuple(self.frame["study"].unique())

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.frame["label"].unique())

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.frame["metric"].unique())

    @property
    def failed(self) -> pd.DataFrame:
        """The rows that hold an error instead of a number."""
        return self.frame[self.frame["error"].notna()]

    def select(
        self, *, study: str | None = None, label: str | None = None, role: str | None = None, metric: str | None = None
    ) -> Results:
        """The results of one study, label, role or metric, or of any combination of these.

        Raises:
            InvalidInputError: if there is no such study, label, role or metric here.
        """
        keep = pd.Series(True, index=self.frame.index)
        for column, wanted in {"study": study, "label": label, "role": role, "metric": metric}.items():
            if wanted is not None:
                keep &= self._is(column, wanted)
        return replace(self, frame=self.frame[keep].reset_index(drop=True))

    def pivot(self, metric: str) -> pd.DataFrame:
        """A metric, averaged over seeds, by point (rows) and label (columns), for the path and its baselines."""
        part = self._one_study().frame
        part = part[self._is("metric", metric) & part["role"].isin(["path", "baseline"])]
        axes = axes_in_use(part, self.axes)
        return pd.DataFrame(
            {label: mean_by_point(part[part["label"] == label], axes) for label in part["label"].unique()}
        )

    def curve(self, label: str, metric: str) -> pd.DataFrame:
        r"""A metric along one label: coordinates, mean, low and high, n.

        `low` and `high` bound the 95 % Student-t interval of the mean over the `n` seeds that did not fail, and over
        items where the metric gave them: the variance of the mean is $s_S^2 / S + s_M^2 / M$ for $S$ seeds and $M$
        items. One measurement says nothing about the spread, so they are NaN then. Rows are sorted by coordinates.
        """
        part = self._one_study().select(label=label, metric=metric).frame
        part = part[part["role"] != "endpoint"]
        axes = axes_in_use(part, self.axes)
        sample = sample_of(part, axes, self.per_item, self.axes)
        rows = [dict(zip(axes, point, strict=True)) | _interval(sample, i) for i, point in enumerate(sample.points)]
        return pd.DataFrame(rows).astype({"n": int})

    def compare(self, label: str, baseline: str, metric: str) -> pd.DataFrame:
        """By how much a label differs from another one at each point that both have, paired by seed and by item.

        Pairing takes out what both share: the same draws and the same examples.

        Args:
            label: a path or baseline.
            baseline: a baseline, a path, or a reference, which stands against every point.
            metric: name of the metric.

        Returns:
            One row for each point: coordinates, difference (`label` minus `baseline`), low and high (95 %, as in
            `curve`), n (seeds that both have), items (0 where they are not paired), and verdict: "better", "worse",
            "equal", or "unclear" where the interval holds 0; None without a goal or an interval.

        Example:
            >>> from continuum import Interval, evaluate, from_function, metric
            >>> noisy = metric(lambda x, rng: x + rng.normal(), goal="max", stochastic=True, name="noisy")
            >>> path, flat = (from_function(Interval(), f) for f in (lambda t: t, lambda t: 0.25))
            >>> results = evaluate(path, noisy, points=3, seeds=2, baselines={"flat": flat}, progress=False)
            >>> results.compare("FunctionPath", "flat", "noisy")[["t", "difference", "verdict"]].round(12)
                 t  difference verdict
            0  0.0       -0.25   worse
            1  0.5        0.25  better
            2  1.0        0.75  better
        """
        samples = [self._sample(name, metric) for name in (label, baseline)]
        part = self.frame[self._is("label", label) & (self.frame["metric"] == metric)]
        return compared(samples[0], samples[1], axes_in_use(part, self.axes), part["goal"].iloc[0])

    def items(self, label: str, metric: str) -> pd.DataFrame:
        """The curve of each single item: one row for each point and seed, one column for each item.

        Raises:
            InvalidInputError: if nothing is known of items: the metric must return a `continuum.core.PerItem`.
        """
        return item_curves(self, label, metric)

    def at_budget(self, budget: Budget, *, quality: str, label: str | None = None) -> Found:
        """The best measured point within a budget.

        Args:
            budget: such as ``"params<=100M"``, ``"latency<=20ms"``, several of these, or limits by metric, which are
                read by `amount`.
            quality: the metric that is to be good, by its goal.
            label: a path or baseline; the path by default.

        Raises:
            InvalidInputError: if the budget cannot be read, or nothing is within it.
        """
        return best_within(self._one_study(), budget, quality, label)

    def summary(self) -> pd.DataFrame:
        """One row for each study, label and metric: ends, best point, the path-level numbers, and whether it is smooth.

        See `continuum.harness.summaries` for the formulas, and `verdict` for the verdict and its reason. Numbers of a
        curve are NaN where the path is not one-dimensional; those that need to know what is better are NaN for a metric
        without a goal. `build_s` and `metric_s` are mean seconds to get a value and to measure it.
        """
        return overview(self.frame, self.axes, self.per_item)

    def plot(self, metric: str | None = None) -> Any:
        """Figure of a metric, by default of all, along the path and beside what it has to beat.

        Raises:
            MissingExtraError: if matplotlib is not installed.
        """
        # One door up: drawing belongs to the report floor, which reads results.
        from continuum.report import plot_results

        return plot_results(self, metric=metric)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a `.csv` (the table) or `.json` file (the table and its provenance), as a whole or not at all."""
        write_table(Path(path), self.frame, self.axes, self.provenance, self.missing)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, study: str | None = None) -> Results:
        """Read results from a store, or from a file that `save` wrote.

        Args:
            path: the file.
            study: name of one study; all studies by default.
        """
        if Path(path).suffix in (".csv", ".json"):
            results = cls(*read_table(Path(path)))
            return results if study is None else results.select(study=study)
        with Store.read(path) as store:
            return cls.collect(store, store.studies() if study is None else [store.study(study)])

    @classmethod
    def collect(cls, store: Store, studies: Iterable[Study]) -> Results:
        """The results of studies as far as an open store holds them."""
        studies = tuple(studies)
        axes = tuple(dict.fromkeys(axis for study in studies for axis in study.axes))
        records = store.records(tuple(dict.fromkeys(key for study in studies for key in study.keys)))
        rows = [(study, row) for study in studies for row in study.rows]
        table = [_line(study, row, records[row.key], axes) for study, row in rows if row.key in records]
        runs = store.runs({record.run for record in records.values()})
        items = dict(_items(rows, records, axes))
        return cls(typed(table, axes), axes, runs, missing=len(rows) - len(table), per_item=items)

    def _one_study(self) -> Results:
        if len(self.studies) > 1:
            raise InvalidInputError(f"these results hold the studies {self.studies}; `select(study=...)` one first.")
        return self

    def _sample(self, label: str, metric: str) -> Sample:
        part = self._one_study().select(label=label, metric=metric).frame
        part = part[part["role"] != "endpoint"]
        return sample_of(part, axes_in_use(part, self.axes), self.per_item, self.axes)

    def _is(self, column: str, wanted: str) -> pd.Series[bool]:
        if wanted not in (have := tuple(self.frame[column].unique())):
            raise InvalidInputError(f"there is no {column} {wanted!r} in these results; there are {have}.")
        return self.frame[column] == wanted


def _interval(sample: Sample, i: int) -> dict[str, float]:
    """Mean at a point over the seeds that did not fail there, its interval, and the number of these seeds."""
    done = sample.done[i]
    mean, low, high = mean_interval(sample.values[i, done])
    return {"mean": mean, "low": low, "high": high, "n": int(done.sum())}


def status(path: str | os.PathLike[str]) -> pd.DataFrame:
    """How far the studies in a store are: study, planned, done and failed counts of numbers."""
    with Store.read(path) as store:
        rows = [(name, *store.progress(name)) for name in store.names()]
    return pd.DataFrame(rows, columns=["study", "planned", "done", "failed"])


def _line(study: Study, row: Row, record: Record, axes: tuple[str, ...]) -> tuple[Any, ...]:
    before = (study.name, row.label, row.role)
    after = (row.metric, row.seed, record.value, row.goal, row.unit, record.build_s, record.metric_s, record.error)
    return *before, *_place(study, row, axes), *after


def _place(study: Study, row: Row, axes: tuple[str, ...]) -> tuple[float, ...]:
    at = dict(zip(study.axes, row.point, strict=False))  # a reference has no coordinates
    return tuple(at.get(axis, math.nan) for axis in axes)


def _items(
    rows: Iterable[tuple[Study, Row]], records: Mapping[str, Record], axes: tuple[str, ...]
) -> Iterator[tuple[RowName, Packed]]:
    for study, row in rows:
        record = records.get(row.key)
        if record is not None and record.items is not None:
            place = dict(zip(axes, _place(study, row, axes), strict=True))
            yield row_name(study.name, row.label, row.role, place, row.metric, row.seed), record.items
