"""A point of a weight path as one plain LoRA adapter, which every tool that reads PEFT folders can load."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from continuum.core import InvalidInputError, whole_folder

from .adapter_folder import write_adapter
from .compress import Compressed, compress
from .factors import Adapter, LowRank, sum_of_changes
from .identity import base_fingerprint
from .lora_layers import lora_layers
from .versions import versions

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel

__all__ = ["LoraExport", "export_lora"]


@dataclass(frozen=True, eq=False)
class LoraExport:
    """An adapter folder, and how far its changes are from those that it stands for.

    Attributes:
        folder: where it is.
        rank: the largest rank of a module.
        errors: relative Frobenius error of the change of each module, by its name; 0 where it is exact.
        error: the same for all modules together.
    """

    folder: Path
    rank: int
    errors: Mapping[str, float]
    error: float


def export_lora(
    model: PeftModel,
    adapters: Sequence[Adapter],
    coefficients: Sequence[float],
    folder: str | os.PathLike[str],
    *,
    rank: int | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> LoraExport:
    r"""Write $\sum_j c_j \Delta_j$ as an adapter of its own, with scale 1, for `PeftModel.from_pretrained`.

    By default it is exact, up to the rounding of factors to float32: factors are put side by side, so that the rank of
    a module is the sum of the ranks of the adapters that change it. With a `rank` each module has the nearest change of
    that rank, see `compress`. (PEFT's own `add_weighted_adapter` is exact for neither rank-stabilised adapters nor a
    second call with other weights.)

    Args:
        model: the PEFT model that the adapters are of.
        adapters: what they change, from `read_adapters`.
        coefficients: one for each adapter, of any sign.
        folder: a new folder. It appears complete or not at all.
        rank: the highest rank of a module; None for as much as it takes.
        provenance: what else to record in the header of the weights, JSON-able.

    Raises:
        InvalidInputError: if there is not one finite coefficient for each adapter, or `rank` is not a positive integer.
        StoreError: if there is something at `folder` already, or it cannot be written.
    """
    c = _admitted(coefficients, adapters)
    exact = _changes(adapters, c)
    compressed = {} if rank is None else {module: compress(change, rank) for module, change in exact.items()}
    written = exact if rank is None else {module: found.change for module, found in compressed.items()}
    errors = dict.fromkeys(exact, 0.0) | {module: found.error for module, found in compressed.items()}
    error = _overall(compressed.values())
    record = {
        "versions": versions("torch", "peft"),
        "adapters": dict(zip((adapter.name for adapter in adapters), c, strict=True)),
        "rank": None if rank is None else int(rank),
        "error": error,
        "errors": errors,
        **(provenance or {}),
    }
    config = _config(model, adapters, written)
    with whole_folder(Path(folder)) as new:
        write_adapter(new, config, _tensors(written), base=base_fingerprint(model), record=record)
    return LoraExport(Path(folder), config.r, errors, error)


def _admitted(coefficients: Sequence[float], adapters: Sequence[Adapter]) -> tuple[float, ...]:
    c = tuple(float(value) for value in coefficients)
    if not c or len(c) != len(adapters) or not all(map(math.isfinite, c)):
        raise InvalidInputError(
            f"`coefficients` must be a finite number for each of {[adapter.name for adapter in adapters]}, got {c}."
        )
    return c


def _changes(adapters: Sequence[Adapter], c: Sequence[float]) -> dict[str, LowRank]:
    """The sum of the changes of each module that one with a coefficient changes."""
    shapes = {module: change for adapter in adapters for module, change in adapter.factors.items()}
    sums = {module: sum_of_changes(adapters, c, module) for module in shapes}
    found = {module: change for module, change in sums.items() if change is not None}
    # Without any, the adapter still has to be one: PEFT knows no empty adapters.
    return found or {module: _nothing_like(change) for module, change in shapes.items()}


def _nothing_like(change: LowRank) -> LowRank:
    return LowRank(torch.zeros_like(change.up[:, :1]), torch.zeros_like(change.down[:1]))


def _overall(compressed: Iterable[Compressed]) -> float:
    """Relative error of all modules together."""
    found = list(compressed)
    dropped = math.hypot(*(change.error * change.norm for change in found))
    return dropped / math.hypot(*(change.norm for change in found)) if dropped else 0.0


def _config(model: PeftModel, adapters: Sequence[Adapter], changes: Mapping[str, LowRank]) -> LoraConfig:
    """The configuration that makes the scale of each module 1: its `lora_alpha` is its rank."""
    from peft import LoraConfig

    trained = model.peft_config[adapters[0].name]
    places = lora_layers(model, [adapter.name for adapter in adapters])
    rank = max(change.rank for change in changes.values())
    # PEFT reads these names as regular expressions.
    others = {re.escape(module): change.rank for module, change in changes.items() if change.rank != rank}
    return LoraConfig(
        task_type=trained.task_type,
        base_model_name_or_path=trained.base_model_name_or_path,
        revision=trained.revision,
        inference_mode=True,
        r=rank,
        lora_alpha=rank,
        rank_pattern=others,
        alpha_pattern=dict(others),
        target_modules=sorted(changes),
        fan_in_fan_out=any(place.is_transposed for place in places if place.name in changes),
    )


def _tensors(changes: Mapping[str, LowRank]) -> dict[str, Tensor]:
    return {
        f"base_model.model.{module}.{name}.weight": side
        for module, change in changes.items()
        for name, side in (("lora_A", change.down), ("lora_B", change.up))
    }
