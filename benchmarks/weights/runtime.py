"""What it costs to change alpha, and to run with it: against PEFT's `add_weighted_adapter` and the base model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from continuum import Interval, Product
from continuum.models import WeightPath
from continuum.models.sources import load_language_model
from continuum.models.weights import Combination

from .models import adapted

Row = dict[str, Any]
BATCH, PREFIX = 8, 64


def row(work: str, ours: float, peer: float | None = None, which: str = "", note: str = "", n: int = 2) -> Row:
    return {"work": work, "n": n, "ours": ours, "peer": peer, "which": which, "note": note}


def cpu_seconds(work: Callable[[], object], runs: int) -> float:
    """Median CPU time of `work`."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def paired(
    works: Mapping[str, Callable[[], object]],
    runs: int,
    within: Mapping[str, Callable[[], AbstractContextManager[object]]] | None = None,
) -> dict[str, float]:
    """Median CPU time of each, in turns: what the machine does meanwhile meets all of them alike.

    A work that is named in `within` runs in that context, whose own time does not count.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            with (within or {}).get(name, nullcontext)():
                times[name].append(cpu_seconds(work, 1))
    return {name: statistics.median(found) for name, found in times.items()}


def change_rows(model: Any) -> Iterator[Row]:
    """Seconds to change alpha."""

    def weighted() -> None:
        model.add_weighted_adapter(["a0", "a1"], [0.3, 0.7], "mixed", combination_type="cat")
        model.delete_adapter("mixed")

    weighted()
    peer = cpu_seconds(weighted, 5)
    for backend in ("scale", "gate", "merged"):
        path = WeightPath.from_adapters(model, plus="a0", minus="a1", backend=backend)
        repeats = 1000 if backend != "merged" else 5

        def changes(path: WeightPath = path, repeats: int = repeats) -> None:
            for i in range(repeats):
                path.switch(i / repeats)

        with path.lease(0.5):
            ours = cpu_seconds(changes, 5) / repeats
        yield row(f"change alpha, {backend}", ours, peer, "peft add_weighted_adapter(cat)")


def forward_rows(model: Any, base: Any, adapters: int) -> Iterator[Row]:
    """Seconds of a forward pass over 8 x 64 tokens, and of a decoding step of 8 rows, each row with its own point.

    The peer is the plain model, without PEFT's layers. Entering a lease does not count.
    """
    names = tuple(f"a{i}" for i in range(adapters))
    domain = Product(**{name: Interval(axis=name) for name in names})
    points = torch.rand(BATCH, adapters, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    paths = {backend: WeightPath(model, names, Combination(domain), backend) for backend in ("scale", "gate")}
    within = {backend: (lambda path=path: path.lease_rows(points)) for backend, path in paths.items()}
    models = dict.fromkeys(paths, model) | {"base": base}
    for work, call, runs in (("prefill", _prefill, 9), ("decode", _decode, 41)):
        with torch.no_grad():
            seconds = paired({name: call(each) for name, each in models.items()}, runs, within)
        for backend in paths:
            yield row(
                f"{work}, a point a row, {backend}", seconds[backend], seconds["base"], "the plain model", n=adapters
            )


def _prefill(model: Any) -> Callable[[], object]:
    ids = _ids()
    return lambda: model(input_ids=ids, use_cache=True)


def _decode(model: Any) -> Callable[[], object]:
    ids = _ids()
    cache = model(input_ids=ids, use_cache=True).past_key_values

    def step() -> None:
        model(input_ids=ids[:, :1], past_key_values=cache, use_cache=True)
        cache.crop(-1)  # takes the last token out again

    return step


def _ids() -> torch.Tensor:
    return torch.randint(0, 40_000, (BATCH, PREFIX), generator=torch.Generator().manual_seed(2))


def drift_rows(model: Any) -> Iterator[Row]:
    """Whether a bit of the output or of a weight differs after 1,000 changes and back, by back-end: 0 if none does."""
    ids = torch.arange(40)[None] + 100
    for backend, changes in (("scale", 1000), ("gate", 1000), ("merged", 100)):
        path = WeightPath.from_adapters(model, plus="a0", minus="a1", backend=backend)
        before = path.fingerprint
        with torch.no_grad(), path.lease(0.3):
            first = model(input_ids=ids).logits
            for i in range(changes):
                path.switch(i / changes)
            path.switch(0.3)
            same = torch.equal(model(input_ids=ids).logits, first)
        same &= path.fingerprint == before
        yield row(f"{changes:,} changes and back, {backend}: outputs that differ", 0.0 if same else 1.0, note="bitwise")


def runtime_rows() -> Iterator[Row]:
    """All rows of this file."""
    base: Any = load_language_model("smollm2").model
    model = adapted(2)
    yield from change_rows(model)
    yield from forward_rows(model, base, 2)
    yield from drift_rows(model)
    yield from forward_rows(adapted(10), base, 10)
