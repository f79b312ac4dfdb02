"""A mixture of adapters as one adapter of lower rank: QR and a small SVD, beside PEFT's `add_weighted_adapter`."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from continuum.models.weights import LowRank, read_adapters
from continuum.models.weights.compress import compress
from continuum.models.weights.factors import sum_of_changes
from continuum.models.weights.lora_export import export_lora

from .models import adapted
from .runtime import Row, paired, row

NAMES, MIXED = ("a0", "a1"), (0.3, 0.7)
RANK = 32
RUNS = 3


def changes(model: Any) -> dict[str, LowRank]:
    """The exact mixture, by module."""
    adapters = read_adapters(model, NAMES)
    sums = {module: sum_of_changes(adapters, MIXED, module) for module in adapters[0].factors}
    return {module: change for module, change in sums.items() if change is not None}


def weighted(model: Any, kind: str, work: Callable[[], object] = lambda: None) -> None:
    """PEFT's mixture as an adapter "mixed", which is there while `work` is done."""
    # Its default `svd_full_matrices=True` takes longer still.
    model.add_weighted_adapter(
        list(NAMES), list(MIXED), "mixed", combination_type=kind, svd_rank=RANK, svd_full_matrices=False
    )
    work()
    model.delete_adapter("mixed")


def relative_error(found: dict[str, LowRank], exact: dict[str, LowRank]) -> float:
    """Frobenius error of all modules together, by the dense matrices."""
    pairs = [(found[module].dense.double(), exact[module].dense.double()) for module in exact]
    dropped = math.hypot(*(float((a - b).norm()) for a, b in pairs))
    return dropped / math.hypot(*(float(b.norm()) for _, b in pairs))


def peer_error(model: Any, exact: dict[str, LowRank]) -> float:
    errors: list[float] = []
    weighted(
        model, "svd", lambda: errors.append(relative_error(dict(read_adapters(model, ["mixed"])[0].factors), exact))
    )
    return errors[0]


def exported(model: Any, folder: Path, rank: int | None) -> None:
    export_lora(model, read_adapters(model, NAMES), MIXED, _fresh(folder), rank=rank)


def _fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder)) / "adapter"


def compression_rows() -> Iterator[Row]:
    """Seconds to compress the mixture, and to write it as a folder: compressed, and exactly."""
    model = adapted()
    exact = changes(model)
    compressed = {module: compress(change, RANK).change for module, change in exact.items()}
    errors = (relative_error(compressed, exact), peer_error(model, exact))
    with tempfile.TemporaryDirectory(prefix="continuum-") as scratch:
        folder = Path(scratch)

        def saved() -> None:
            model.save_pretrained(_fresh(folder), selected_adapters=["mixed"], save_embedding_layers=False)

        works: Sequence[tuple[str, Callable[[], object], str, Callable[[], object]]] = (
            (
                f"compress to rank {RANK}",
                lambda: [compress(change, RANK) for change in changes(model).values()],
                "add_weighted_adapter(svd)",
                lambda: weighted(model, "svd"),
            ),
            (
                f"export at rank {RANK}",
                lambda: exported(model, folder, RANK),
                "add_weighted_adapter(svd), save_pretrained",
                lambda: weighted(model, "svd", saved),
            ),
            (
                "export exactly",
                lambda: exported(model, folder, None),
                "add_weighted_adapter(cat), save_pretrained",
                lambda: weighted(model, "cat", saved),
            ),
        )
        for work, ours, which, peer in works:
            seconds = paired({"ours": ours, "peer": peer}, RUNS)
            note = f"relative error {errors[0]:.7f}, peer {errors[1]:.7f}" if work.startswith("compress") else ""
            yield row(work, seconds["ours"], seconds["peer"], which, note)
