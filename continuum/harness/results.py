"""Results: one tidy table, and the few views of it that everybody needs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from continuum.core import InvalidInputError

from .overview import mean_by_point, overview
from .records import Record, Row, Study
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
    """

    frame: pd.DataFrame
    axes: tuple[str, ...]
    provenance: tuple[Mapping[str, Any], ...] = ()
    missing: int = 0

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
        """A metric along one label: coordinates, mean, low and high, n.

        `low` and `high` bound the 95 % Student-t interval of the mean over the `n` seeds that did not fail. One seed
        says nothing about the spread, so they are NaN then. Rows are sorted by coordinates.
        """
        part = self._one_study().frame
        part = part[self._is("label", label) & self._is("metric", metric) & (part["role"] != "endpoint")]
        axes = axes_in_use(part, self.axes)
        if not axes:  # a reference has one value and no coordinates
            return pd.DataFrame([_interval(part)]).assign(n=lambda frame: frame["n"].astype(int))
        groups = part.groupby(list(axes), sort=True)
        rows = [dict(zip(axes, point, strict=True)) | _interval(group) for point, group in groups]
        return pd.DataFrame(rows).astype({"n": int})

    def summary(self) -> pd.DataFrame:
        """One row for each study, label and metric: ends, best point, and the path-level numbers.

        See `continuum.harness.summaries` for the formulas. Numbers of a curve are NaN where the path is not
        one-dimensional; those that need to know what is better are NaN for a metric without a goal.
        """
        return overview(self.frame, self.axes)

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
            return cls.collect(store, _chosen(store.studies(), study))

    @classmethod
    def collect(cls, store: Store, studies: Iterable[Study]) -> Results:
        """The results of studies as far as an open store holds them."""
        studies = tuple(studies)
        axes = tuple(dict.fromkeys(axis for study in studies for axis in study.axes))
        records = store.records(tuple(dict.fromkeys(key for study in studies for key in study.keys)))
        rows = [(study, row) for study in studies for row in study.rows]
        table = [_line(study, row, records[row.key], axes) for study, row in rows if row.key in records]
        runs = store.runs({record.run for record in records.values()})
        return cls(typed(table, axes), axes, runs, missing=len(rows) - len(table))

    def _one_study(self) -> Results:
        if len(self.studies) > 1:
            raise InvalidInputError(f"these results hold the studies {self.studies}; `select(study=...)` one first.")
        return self

    def _is(self, column: str, wanted: str) -> pd.Series[bool]:
        if wanted not in (have := tuple(self.frame[column].unique())):
            raise InvalidInputError(f"there is no {column} {wanted!r} in these results; there are {have}.")
        return self.frame[column] == wanted


def status(path: str | os.PathLike[str]) -> pd.DataFrame:
    """How far the studies in a store are: study, planned, done and failed counts of numbers."""
    with Store.read(path) as store:
        rows = [(study.name, *_progress(store, study)) for study in store.studies()]
    return pd.DataFrame(rows, columns=["study", "planned", "done", "failed"])


def _progress(store: Store, study: Study) -> tuple[int, int, int]:
    records = store.records(study.keys)
    found = [records[row.key] for row in study.rows if row.key in records]
    failed = sum(record.error is not None for record in found)
    return len(study.rows), len(found) - failed, failed


def _chosen(studies: tuple[Study, ...], name: str | None) -> tuple[Study, ...]:
    if name is None:
        return studies
    if name not in (names := [study.name for study in studies]):
        raise InvalidInputError(f"there is no study {name!r} in this store; there are {names}.")
    return tuple(study for study in studies if study.name == name)


def _line(study: Study, row: Row, record: Record, axes: tuple[str, ...]) -> tuple[Any, ...]:
    at = dict(zip(study.axes, row.point, strict=False))  # a reference has no coordinates
    before = (study.name, row.label, row.role)
    after = (row.metric, row.seed, record.value, row.goal, row.unit, record.build_s, record.metric_s, record.error)
    return *before, *(at.get(axis, math.nan) for axis in axes), *after


def _interval(part: pd.DataFrame) -> dict[str, float]:
    """Mean over the seeds, its 95 % Student-t interval, and the number of seeds."""
    values = part.loc[part["error"].isna(), "value"].to_numpy()
    n = len(values)
    mean = float(np.mean(values)) if n else math.nan
    half = float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}
