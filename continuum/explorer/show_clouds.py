"""Batches of point clouds, and models under a budget."""

from __future__ import annotations

from collections.abc import Iterator

from continuum.compute import Budgeted, PointCloudBatch
from continuum.core import as_array
from continuum.harness import Clouds, Exhibit, Facts

from .show import Ask, renderer
from .show_models import sizes_of

_CLOUDS, _POINTS = 4, 4096


@renderer.register
def _(value: PointCloudBatch, ask: Ask) -> Iterator[Exhibit]:
    clouds = [as_array(cloud)[:_POINTS] for cloud in value[: min(_CLOUDS, ask.items)].clouds()]
    if value.dimension in (2, 3):
        yield Clouds(tuple(clouds))
    counts = value.counts.tolist()
    yield Facts({"clouds": str(len(value)), "points": _range(counts), "coordinates": str(value.dimension)})


@renderer.register
def _(value: Budgeted, ask: Ask) -> Iterator[Exhibit]:
    yield Facts({"spends": type(value.spending).__name__, "at": f"{value.t:.4g}"} | sizes_of(value.model))


def _range(counts: list[int]) -> str:
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least} to {most}"
