"""What it costs to change alpha, and to run with it: against PEFT's `add_weighted_adapter` and the base model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from continuum import Interval, Product
from continuum.models import WeightPath
from continuum.models.weights import Combination, base_fingerprint

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


def paired(works: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Median CPU time of each, in turns: what the machine does meanwhile meets all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
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


def forward_rows(model: Any, adapters: int) -> Iterator[Row]:
    """Seconds of a forward pass over 8 x 64 tokens, and of a decoding step of 8 rows, each row with its own point."""
    names = tuple(f"a{i}" for i in range(adapters))
    domain = Product(**{name: Interval(axis=name) for name in names})
    points = torch.rand(BATCH, adapters, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ids = torch.randint(0, 40_000, (BATCH, PREFIX), generator=torch.Generator().manual_seed(2))
    works = {
        "prefill": lambda: model(input_ids=ids, use_cache=True),
        "decode": lambda: _step(model, ids[:, :1], cache),
    }
    with torch.no_grad():
        with model.disable_adapter():
            cache = model(input_ids=ids, use_cache=True).past_key_values
        for work, call in works.items():
            runs = 9 if work == "prefill" else 41
            found = paired({**_runtimes(model, names, domain, points, call), "base": _disabled(model, call)}, runs)
            base = found.pop("base")
            for backend, seconds in found.items():
                yield row(f"{work}, a point a row, {backend}", seconds, base, "the base alone", n=adapters)


def _runtimes(model: Any, names: Any, domain: Any, points: Any, call: Callable[[], object]) -> dict[str, Any]:
    def leased(path: WeightPath) -> Callable[[], object]:
        def run() -> float:
            with path.lease_rows(points):
                return cpu_seconds(call, 1)

        return run

    return {backend: leased(WeightPath(model, names, Combination(domain), backend)) for backend in ("scale", "gate")}


def _disabled(model: Any, call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with model.disable_adapter():
            return call()

    return run


def _step(model: Any, ids: torch.Tensor, cache: Any) -> None:
    model(input_ids=ids, past_key_values=cache, use_cache=True)
    cache.crop(-1)  # takes the last token out again


def drift_row(model: Any) -> Row:
    """Bits that differ after 1,000 changes and back: 0."""
    path = WeightPath.from_adapters(model, plus="a0", minus="a1")
    ids = torch.arange(40)[None] + 100
    before = base_fingerprint(model.get_base_model())
    with torch.no_grad(), path.lease(0.3):
        first = model(input_ids=ids).logits
        for i in range(1000):
            path.switch(i / 1000)
        path.switch(0.3)
        same = torch.equal(model(input_ids=ids).logits, first)
    same &= base_fingerprint(model.get_base_model()) == before
    return row("1,000 changes and back: outputs that differ", 0.0 if same else 1.0, note="bitwise")


def runtime_rows() -> Iterator[Row]:
    """All rows of this file."""
    model = adapted(2)
    yield from change_rows(model)
    yield from forward_rows(model, 2)
    yield drift_row(model)
    yield from forward_rows(adapted(10), 10)
