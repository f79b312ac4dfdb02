"""What one picture shows: a metric of a study, read from the results once, for every kind of picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from continuum.core import InvalidInputError
from continuum.harness import Results
from continuum.harness.overview import mean_by_point
from continuum.harness.table import axes_in_use

__all__ = ["ON_SIMPLEX", "Choosing", "Panel", "panels"]

ON_SIMPLEX = 1e-6  # what `continuum.Simplex` accepts as a sum of 1


@dataclass(frozen=True)
class Choosing:
    """What one gets without interpolating: the best of the discrete choices."""

    name: str
    value: float


@dataclass(frozen=True, eq=False)
class Panel:
    """A metric of a study.

    Args:
        study: name of the study.
        metric: name of the metric.
        unit: unit of the metric; may be empty.
        goal: "max", "min" or None.
        axes: names of the coordinates in use.
        paths: for the path, then each baseline: coordinates, mean, low, high, n.
        baselines: which labels in `paths` are baselines.
        references: for each reference: mean, low, high, n.
        endpoints: coordinates and mean of the discrete choices.
        choosing: the best of them; None if nothing is better than anything.
        summary: the rows of `Results.summary()`.
        has_items: whether it is known of single items.
    """

    study: str
    metric: str
    unit: str
    goal: str | None
    axes: tuple[str, ...]
    paths: Mapping[str, pd.DataFrame]
    baselines: frozenset[str]
    references: Mapping[str, Mapping[str, Any]]
    endpoints: pd.DataFrame
    choosing: Choosing | None
    summary: pd.DataFrame
    has_items: bool

    @property
    def quantity(self) -> str:
        """Name and unit of the metric."""
        return f"{self.metric} [{self.unit}]" if self.unit else self.metric

    @property
    def direction(self) -> str:
        """What is better, in words and with an arrow; empty without a goal."""
        return {"max": "↑ higher is better", "min": "↓ lower is better"}.get(self.goal or "", "")

    @property
    def points(self) -> np.ndarray[Any, Any]:
        """All coordinates where something was measured, (points, axes)."""
        tables = [frame[list(self.axes)].to_numpy(dtype=float) for frame in [*self.paths.values(), self.endpoints]]
        return np.concatenate(tables) if self.axes else np.empty((0, 0))

    @property
    def seeds(self) -> tuple[int, int]:
        """Fewest and most seeds behind a mean."""
        counts = [int(n) for frame in self.paths.values() for n in frame["n"] if n > 0]
        counts += [int(row["n"]) for row in self.references.values() if row["n"] > 0]
        return (min(counts), max(counts)) if counts else (0, 0)


def panels(results: Results, metric: str | None = None, study: str | None = None) -> tuple[Panel, ...]:
    """One panel for each study and metric, in the order of the table.

    Raises:
        InvalidInputError: if there is nothing to show, or no such metric or study.
    """
    if not isinstance(results, Results):
        raise InvalidInputError(f"`results` must be what `evaluate` or `Results.load` returns, got {type(results)}.")
    if results.frame.empty:
        raise InvalidInputError(
            f"there is nothing to show: these results hold no numbers ({results.missing} planned and missing)."
        )
    chosen = results.select(study=study, metric=metric)
    pairs = chosen.frame[["study", "metric"]].drop_duplicates().itertuples(index=False)
    return tuple(_panel(chosen.select(study=s).select(metric=m)) for s, m in pairs)


def _panel(part: Results) -> Panel:
    frame, metric = part.frame, part.metrics[0]
    axes, summary = axes_in_use(frame, part.axes), part.summary()
    labels = {role: tuple(frame.loc[frame["role"] == role, "label"].unique()) for role in ("path", "baseline")}
    endpoints = _endpoints(frame, axes)
    goal = frame["goal"].iloc[0]
    paths = {label: part.curve(label, metric) for role in labels.values() for label in role}
    return Panel(
        study=part.studies[0],
        metric=metric,
        unit=str(frame["unit"].iloc[0] or ""),
        goal=goal if goal in ("max", "min") else None,
        axes=axes,
        paths=paths,
        baselines=frozenset(labels["baseline"]),
        references={
            label: part.curve(label, metric).iloc[0].to_dict()
            for label in frame.loc[frame["role"] == "reference", "label"].unique()
        },
        endpoints=endpoints,
        choosing=_choosing(endpoints, summary, paths, axes),
        summary=summary,
        has_items=any(name[0] == part.studies[0] and name[4] == metric for name in part.per_item),
    )


def _endpoints(frame: pd.DataFrame, axes: tuple[str, ...]) -> pd.DataFrame:
    own = frame[frame["role"] == "endpoint"]
    if own.empty:
        return pd.DataFrame(columns=[*axes, "mean"], dtype=float)
    return mean_by_point(own, axes).rename("mean").reset_index()


def _choosing(
    endpoints: pd.DataFrame, summary: pd.DataFrame, paths: Mapping[str, pd.DataFrame], axes: tuple[str, ...]
) -> Choosing | None:
    if summary.empty or summary["goal"].iloc[0] not in ("max", "min"):
        return None
    if not endpoints.empty:
        value = float(summary["best_endpoint"].iloc[0])
        return Choosing("best endpoint (choosing)", value) if math.isfinite(value) else None
    # A path that does not name its endpoints still has ends: choosing one of them is the least that it must beat.
    first = summary.iloc[0]
    name, ends = "best end of the path (choosing)", [float(first["first"]), float(first["last"])]
    if len(axes) > 1:
        name, ends = "best corner (choosing)", _corners(paths[first["label"]], axes)
    known = [x for x in ends if math.isfinite(x)]
    pick = max if first["goal"] == "max" else min
    return Choosing(name, pick(known)) if known and first["role"] == "path" else None


def _corners(frame: pd.DataFrame, axes: tuple[str, ...]) -> list[float]:
    """Values where one weight is 1 and the others are 0; none if the coordinates are not weights."""
    points = frame[list(axes)].to_numpy(float)
    if abs(points.sum(axis=1) - 1).max() > ON_SIMPLEX:
        return []
    return [float(x) for x in frame["mean"][points.max(axis=1) == 1]]
