"""The forward search of a distributional equilibrium, beside the flow that it replaces; one step of each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from continuum.compute import (
    Anderson,
    Budget,
    Clouds,
    DiscrepancyRatio,
    Euler,
    PointCloudBatch,
    WassersteinFlow,
)
from continuum.compute.equilibrium import DistributionalDEQ
from continuum.compute.fixed_point import search
from continuum.compute.heads import MaxHead
from continuum.compute.networks import PaperNetwork

from .faithful import ETA, STEPS, faithful_search, faithful_step, written_out

Row = dict[str, Any]
SAMPLES, POINTS = 16, 147
REPEATS = 5


def row(work: str, ours: float, peer: float | None = None, which: str = "", note: str = "") -> Row:
    return {"work": work, "n": SAMPLES, "ours": ours, "peer": peer, "which": which, "note": note}


def inputs() -> PointCloudBatch:
    """Clouds of the paper's size, made here; their content does not matter for time."""
    rng = np.random.default_rng(0)
    counts = rng.integers(POINTS // 2, POINTS + 1, SAMPLES)
    counts[0] = POINTS
    return PointCloudBatch.from_list([torch.as_tensor(rng.normal(size=(m, 2)), dtype=torch.float32) for m in counts])


def solving_rows() -> Iterator[Row]:
    """Seconds of whole searches and of single steps, and what they reach."""
    clouds, network = inputs(), PaperNetwork(2)
    model = DistributionalDEQ(network, MaxHead(128, 10))
    budget = Budget(Anderson(5), DiscrepancyRatio(1e-4), 100)

    def ours() -> Any:
        with torch.no_grad():
            return search(model.problem(clouds), budget)

    found = ours()
    seconds = _median(ours)
    start = time.process_time()
    _, trace = faithful_search(written_out(network), clouds)
    theirs = time.process_time() - start
    ratio = trace.mean(1) / trace[0].mean()
    yield row("clouds without a relative discrepancy of 1e-4", float((~found.converged).sum()))
    yield row("evaluations of F, mean of the samples", float(found.evaluations.float().mean()))
    yield row(
        "search to a relative discrepancy of 1e-4",
        seconds,
        theirs,
        f"{STEPS} steps of the flow",
        f"{theirs / seconds:.0f} x cheaper; the flow is at {float(ratio.min()):.1e} at best",
    )
    yield from _step_rows(clouds, network, model)


def _step_rows(clouds: PointCloudBatch, network: PaperNetwork, model: DistributionalDEQ) -> Iterator[Row]:
    with torch.no_grad():
        problem = model.problem(clouds)
    z, flow = problem.start.clone(), WassersteinFlow(Euler(ETA))
    memory = flow.start(z)

    def closed() -> Any:
        with torch.no_grad():
            return flow.step(problem.f, z, memory, Clouds())

    twin = written_out(network)
    ours, theirs = _median(closed), _median(lambda: faithful_step(twin, clouds, z))
    gap = (closed().ahead - faithful_step(twin, clouds, z)[0]).abs().max() / z.abs().max()
    note = f"{theirs / ours:.0f} x cheaper; the same step up to {float(gap):.0e}"
    yield row("one step of the flow", ours, theirs, "a step that encodes the input anew", note)
    plain = _median(lambda: _quiet(problem.f, z))
    note = f"{theirs / plain:.0f} x cheaper"
    yield row("one evaluation of F", plain, theirs, "a step that encodes the input anew", note)


def _quiet(f: Any, z: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return f(z)


def _median(work: Callable[[], Any]) -> float:
    """CPU seconds, the middle of several; after one that does not count."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)
