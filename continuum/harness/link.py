"""Two continua joined: which point of one path is worth what a point of the other is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from continuum.core import Interpolant, InvalidInputError, Metric, Point, PointLike, check_count
from continuum.core import metric as as_metric

from .evaluate import MetricLike, evaluate
from .evidence import Evidence
from .intervals import percentile_interval
from .link_measure import Measured, Rivals, by_pair, by_value
from .matching import monotone_matching
from .pairwise import Pairwise
from .results import Results
from .side import Side, side_of

__all__ = ["Link", "link"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_OWN = {"link", "link, held out", "identity", "start", "end", "best constant"}


@dataclass(frozen=True, eq=False)
class Link:
    r"""The monotone map $a \mapsto \alpha^*$ from one path to another, beside the maps that it has to beat.

    Attributes:
        map: one row for each point of the first path: a, alpha, low and high (95 % over seeds and items), residual (the
            distance at the match), identity_residual (the distance at `alpha = a`). NaN where the metric is.
        rivals: mean distances over the points, by label: residual, low, high, and by how much each exceeds that of the
            link (excess, excess_low, excess_high). "link" itself; "link, held out", where each inner point is met by
            the map of the others, and compared with the link there; "identity"; "start", "end" and "best constant",
            which match everything with one point; and the baselines and references of the call.
        distances: what these are means of: one row for each point a, one column for each label. NaN where the metric
            is, and at the ends for "link, held out".
        is_increasing: whether alpha rises with a.
        results: the measurements on both paths.
        side_a: the first path and where it was measured.
        side_b: the second.
        metric: name of what was compared.
        unit: its unit.
    """

    map: pd.DataFrame
    rivals: pd.DataFrame
    distances: pd.DataFrame
    is_increasing: bool
    results: Results
    side_a: Side
    side_b: Side
    metric: str
    unit: str

    @property
    def residual(self) -> float:
        """Mean distance at the matches."""
        return float(self.rivals.loc["link", "residual"])

    @property
    def identity_residual(self) -> float:
        """Mean distance at `alpha = a`."""
        return float(self.rivals.loc["identity", "residual"])

    def to(self, a: PointLike) -> Point:
        """The point of the second path that matches a point of the first; between measured points in a straight line.

        Raises:
            DomainError: if `a` is not in the domain of the first path.
        """
        (x,) = self.side_a.path.domain.point(a)
        known = self.map[self.map["alpha"].notna()]
        shares = self.side_a.share(known["a"]), self.side_b.share(known["alpha"])
        share = np.interp(float(self.side_a.share(x)), *shares)
        return self.side_b.path.domain.point(float(self.side_b.coordinate(share)))

    def plot(self) -> Any:
        """Figure of two sliders joined by the map.

        Raises:
            MissingExtraError: if matplotlib is not installed.
        """
        # One door up: drawing belongs to the report floor, which reads results.
        from continuum.report import plot_link

        return plot_link(self)


def link(
    path_a: Interpolant[Any],
    path_b: Interpolant[Any],
    metric: MetricLike | Pairwise,
    *,
    points: int | Sequence[PointLike] = 17,
    points_b: int | Sequence[PointLike] = 17,
    seeds: int | Sequence[int] = 1,
    baselines: Mapping[str, Interpolant[Any]] | None = None,
    references: Mapping[str, Any] | None = None,
    draws: int = 1000,
    store: str | os.PathLike[str] | None = None,
    name: str | None = None,
    n_jobs: int = 1,
    progress: bool = True,
) -> Link:
    r"""Match each point of a path with the point of another path that is most like it, by a monotone map.

    Likeness is one of two things. A metric of one value is measured on both paths, and points match where it has the
    same value: $d(a, \alpha) = |m(a) - m(\alpha)|$. A `Pairwise` distance is measured between the values themselves;
    it tells apart values that score alike for other reasons. The map makes the sum of squared differences of a metric,
    or of distances, least among all monotone maps: isotonic regression under the metric itself. It may rise or fall,
    whichever costs less. Between measured points of an interval of `path_b` the metric is interpolated without
    overshooting, a distance by a cubic spline; other domains are met at their points only.

    A map always exists. Whether the paths are linked is said by what it leaves: compare its residual with those of the
    rivals, above all "best constant", which is met where `path_b` does not matter, and with the held-out residual.

    Args:
        path_a: a path with one coordinate a, such as models trained on mixtures of data. Each of its values is built
            once.
        path_b: a path with one coordinate alpha, such as interpolated weights. For a `Pairwise` distance its values are
            borrowed while one of `path_a` is.
        metric: a metric of one value, or a `Pairwise` distance between two.
        points: how many points of the grid of `path_a`, or which.
        points_b: the same of `path_b`, between which the match is found.
        seeds: of stochastic metrics; both paths see the same draws, so that differences are paired.
        baselines: paths that are met at `alpha = a` besides `path_b`, such as ensembles of the two ends.
        references: values that are met everywhere.
        draws: paired resamples of seeds and items for the intervals.
        store: file that keeps the numbers; None for none.
        name: name of the link in the store.
        n_jobs: jobs, as in `evaluate`.
        progress: whether to show progress bars.

    Raises:
        InvalidInputError: if a path has several coordinates, or the metric is a number at fewer than two points.
        Exception: whatever a path or metric raised.

    Example:
        >>> from continuum import Interval, from_function
        >>> slow, fast = (from_function(Interval(), f) for f in (lambda t: t * t, lambda t: t))
        >>> found = link(slow, fast, lambda value: value, points=5, progress=False)
        >>> found.map[["a", "alpha"]]
              a   alpha
        0  0.00  0.0000
        1  0.25  0.0625
        2  0.50  0.2500
        3  0.75  0.5625
        4  1.00  1.0000
        >>> found.to(0.5)
        (0.25,)
    """
    check_count("draws", draws)
    if taken := _OWN & {*(baselines or {}), *(references or {})}:
        raise InvalidInputError(f"baselines and references need other labels than {sorted(taken)}.")
    a, b = side_of("path_a", path_a, points), side_of("path_b", path_b, points_b)
    title = name or f"link of {type(path_a).__name__} and {type(path_b).__name__}"
    run = partial(evaluate, seeds=seeds, store=store, n_jobs=n_jobs, progress=progress)
    rivals = Rivals(baselines or {}, references or {})
    if isinstance(metric, Pairwise):
        return _linked(by_pair(run, title, a, b, metric, rivals, draws), a, b, metric.name, metric.unit)
    one = metric if isinstance(metric, Metric) else as_metric(metric)
    return _linked(by_value(run, title, a, b, one, rivals, draws), a, b, one.name, one.unit)


def _linked(measured: Measured, a: Side, b: Side, metric: str, unit: str) -> Link:
    evidence, known = measured.evidence, a.only(measured.known)
    rising, falling = (monotone_matching(evidence.cost(0), increasing=rises).cost for rises in (True, False))
    is_increasing = rising <= falling
    same = _nearest(evidence.candidates, _identity(known, b))
    rows = [_resampled(evidence, row, is_increasing, same) for row in range(evidence.resamples + 1)]
    distances = pd.DataFrame(rows[0].maps, index=known.coordinates)
    distances.insert(1, "link, held out", _held_out(evidence, known, is_increasing))
    rivals = _rivals([row.means for row in rows], distances, measured.count)
    table = _table(known, b, rows, measured.count).reindex(a.coordinates).rename_axis("a").reset_index()
    distances = distances.reindex(a.coordinates).rename_axis("a")
    return Link(table, rivals, distances, is_increasing, measured.results, a, b, metric, unit)


class _Row(NamedTuple):
    """A link under one resample: shares of the way of path_b, and distances by label."""

    lowest: Array
    highest: Array
    maps: dict[str, Array]

    @property
    def means(self) -> dict[str, float]:
        return {label: float(one.mean()) for label, one in self.maps.items()}


def _resampled(evidence: Evidence, row: int, is_increasing: bool, same: Indices) -> _Row:
    distance = evidence.distance(row)
    match = monotone_matching(evidence.cost(row), increasing=is_increasing)
    points = np.arange(len(distance))
    maps = {"link": distance[points, match.first], "identity": distance[points, same]}
    maps |= {"start": distance[:, 0], "end": distance[:, -1]}
    maps["best constant"] = distance[:, distance.mean(axis=0).argmin()]
    shares = evidence.candidates[match.first], evidence.candidates[match.last]
    return _Row(*shares, maps | dict(evidence.rivals(row)))


def _identity(a: Side, b: Side) -> Array:
    """`alpha = a` where path_b has these coordinates, otherwise the same share of the way."""
    shares = b.share(a.coordinates) if b.spans(a.coordinates) else a.share(a.coordinates)
    return np.asarray(shares)


def _nearest(candidates: Array, shares: Array) -> Indices:
    return np.asarray(abs(candidates[None, :] - shares[:, None]).argmin(axis=1))


def _held_out(evidence: Evidence, a: Side, is_increasing: bool) -> Array:
    """Distances where each inner point is met by the map of the others; NaN at the ends."""
    distance, cost, at = evidence.distance(0), evidence.cost(0), a.share(a.coordinates)
    found = np.full(len(distance), np.nan)
    for i in range(1, len(distance) - 1):
        kept = np.delete(np.arange(len(distance)), i)
        match = monotone_matching(cost[kept], increasing=is_increasing)
        share = np.interp(at[i], at[kept], evidence.candidates[match.first])
        found[i] = distance[i][_nearest(evidence.candidates, np.array([share]))[0]]
    return found


def _rivals(means: Sequence[Mapping[str, float]], distances: pd.DataFrame, count: int) -> pd.DataFrame:
    table = pd.DataFrame(means)
    excess = table.sub(table["link"], axis=0)
    columns = {"residual": table.iloc[0], "excess": excess.iloc[0]}
    for name, drawn in (("", table), ("excess_", excess)):
        low, high = percentile_interval(drawn.to_numpy()[1:], count)
        columns |= {f"{name}low": pd.Series(low, table.columns), f"{name}high": pd.Series(high, table.columns)}
    found = pd.DataFrame(columns)[["residual", "low", "high", "excess", "excess_low", "excess_high"]]
    held_out = distances["link, held out"]
    found.loc["link, held out", ["residual", "excess"]] = held_out.mean(), (held_out - distances["link"]).mean()
    return found.loc[list(distances.columns)].rename_axis("label")


def _table(a: Side, b: Side, rows: Sequence[_Row], count: int) -> pd.DataFrame:
    low, _ = percentile_interval(np.array([row.lowest for row in rows[1:]]).reshape(-1, len(a.points)), count)
    _, high = percentile_interval(np.array([row.highest for row in rows[1:]]).reshape(-1, len(a.points)), count)
    measured = rows[0]
    columns = {"alpha": b.coordinate(measured.lowest), "low": b.coordinate(low), "high": b.coordinate(high)}
    columns |= {"residual": measured.maps["link"], "identity_residual": measured.maps["identity"]}
    return pd.DataFrame(columns, index=a.coordinates)
