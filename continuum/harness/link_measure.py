"""What `link` measures: one metric on both paths, or all distances between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from continuum.core import Interpolant, Metric

from .evidence import ByPair, ByValue, Evidence
from .intervals import resampled_curves
from .pairwise import Distances, Located, Pairwise
from .results import Results
from .sample import Sample, sample_of
from .side import Side
from .table import axes_in_use, columns

__all__ = ["Measured", "Rivals", "by_pair", "by_value"]

Array = NDArray[np.float64]
Run = Callable[..., Results]  # `evaluate` with seeds, store and jobs


@dataclass(frozen=True, eq=False)
class Rivals:
    """What a link has to beat, by label: paths that are met at the same point, and values that are met everywhere."""

    baselines: Mapping[str, Interpolant[Any]]
    references: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Measured:
    """Distances between two paths.

    Attributes:
        evidence: of the points that have distances.
        known: which points of the first path these are.
        count: how many seeds or items were drawn for a resample; 1 if there are no resamples.
        results: the measurements.
    """

    evidence: Evidence
    known: NDArray[np.bool_]
    count: int
    results: Results


def by_value(run: Run, title: str, a: Side, b: Side, metric: Metric, rivals: Rivals, draws: int) -> Measured:
    """The metric on both paths, under the same seeds."""
    names = f"{title}: a", f"{title}: b"
    first = run(
        a.path, metric, points=a.points, name=names[0], baselines=rivals.baselines, references=rivals.references
    )
    second = run(b.path, metric, points=b.points, name=names[1])
    samples = {label: _sample(first, label, metric.name) for label in first.labels}
    rows = {label: _rows_at(a, rivals.baselines.get(label), samples[label]) for label in samples}
    x = _alike([sample.values for sample in (*samples.values(), _sample(second, names[1], metric.name))])
    count = _count(x[0])
    *mine, theirs = (_with_resamples(values, draws if count > 1 else 0) for values in x)
    known_b = ~np.isnan(theirs[0])
    on_a = {label: values[:, rows[label]] for label, values in zip(samples, mine, strict=True)}
    known_a = ~np.isnan(on_a[names[0]][0])
    met = {label: values[:, known_a] for label, values in on_a.items() if label != names[0]}
    there = b.only(known_b)
    grid, candidates = there.share(there.coordinates), there.candidates()
    evidence = ByValue(on_a[names[0]][:, known_a], theirs[:, known_b], met, grid, candidates)
    return Measured(evidence, known_a, count, _joined(first, second))


def by_pair(run: Run, title: str, a: Side, b: Side, pair: Pairwise, rivals: Rivals, draws: int) -> Measured:
    """All distances from each point of the first path, while its value is there."""
    distances = Distances(pair, b.path, b.points, rivals.baselines, rivals.references)
    name = f"{pair.name} to the other path"
    metric = Metric(name, distances, goal="min", stochastic=pair.stochastic, unit=pair.unit, version=pair.version)
    results = run(Located(a.path), metric, points=a.points, name=title)
    x = _sample(results, title, name).values  # (points, seeds, rows * items)
    points, seeds, size = x.shape
    x = x.reshape(points, seeds, distances.rows, size // distances.rows)
    count = _count(x[:, :, 0])
    flat = x.transpose(0, 2, 1, 3).reshape(points * distances.rows, seeds, -1)
    table = _with_resamples(flat, draws if count > 1 else 0).reshape(-1, points, distances.rows)
    mine, others = table[..., : len(b.points)], table[..., len(b.points) :]
    known_b = ~np.isnan(mine[0]).all(axis=0)
    known_a = ~np.isnan(mine[0][:, known_b]).any(axis=1)
    labels = (*rivals.baselines, *rivals.references)
    met = {label: others[:, known_a, k] for k, label in enumerate(labels)}
    there = b.only(known_b)
    grid, candidates = there.share(there.coordinates), there.candidates()
    evidence = ByPair(mine[:, known_a][..., known_b], met, grid, candidates)
    return Measured(evidence, known_a, count, results)


def _sample(results: Results, label: str, metric: str) -> Sample:
    frame = results.select(label=label, metric=metric).frame
    frame = frame[frame["role"] != "endpoint"]
    return sample_of(frame, axes_in_use(frame, results.axes), results.per_item, results.axes)


def _rows_at(a: Side, baseline: Interpolant[Any] | None, sample: Sample) -> list[int]:
    """Which row of a sample is met at each point: a baseline may snap it, a reference has one row only."""
    if sample.points == ((),):
        return [0] * len(a.points)
    snapped = [point if baseline is None else baseline.domain.point(point) for point in a.points]
    return [sample.points.index(point) for point in snapped]


def _alike(arrays: Sequence[Array]) -> list[Array]:
    """The arrays as they are if all hold as many items, otherwise the means over items."""
    if len({x.shape[2] for x in arrays}) == 1:
        return list(arrays)
    return [x.mean(axis=2, keepdims=True) for x in arrays]


def _count(x: Array) -> int:
    return min((count for count in x.shape[1:] if count > 1), default=1)


def _with_resamples(x: Array, draws: int) -> Array:
    """Means (row 0), and means under resampled seeds and items, (1 + draws, points)."""
    mean = x.mean(axis=(1, 2))[None]
    return np.concatenate([mean, resampled_curves(x, draws)]) if draws else mean


def _joined(first: Results, second: Results) -> Results:
    axes = tuple(dict.fromkeys((*first.axes, *second.axes)))
    frames = [part.frame.reindex(columns=columns(axes)) for part in (first, second)]
    frame = pd.concat(frames, ignore_index=True)
    items = {**first.per_item, **second.per_item}
    return Results(frame, axes, (*first.provenance, *second.provenance), per_item=items)
