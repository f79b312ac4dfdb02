"""A point of a weight path as a plain checkpoint, which `from_pretrained` loads without PEFT."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .factors import Adapter
from .identity import base_fingerprint
from .lora_layers import lora_layers
from .merged import merged_weight, untied
from .plain import plain_weights
from .stream import copy_companions, write_checkpoint
from .tensors import StateDict
from .versions import versions

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["MergedExport", "export_merged"]


@dataclass(frozen=True)
class MergedExport:
    """A checkpoint folder.

    Attributes:
        folder: where it is.
    """

    folder: Path


def export_merged(
    model: PeftModel,
    adapters: Sequence[Adapter],
    coefficients: Sequence[float],
    folder: str | os.PathLike[str],
    *,
    provenance: Mapping[str, Any] | None = None,
) -> MergedExport:
    r"""Write $W_0 + \sum_j c_j \Delta_j$ a tensor at a time, summed in float32 and rounded once to the base's type.

    Weights that the model ties are written once. The configuration is that of the base; where that came from a folder,
    its tokenizer goes along.

    Args:
        model: the PEFT model that the adapters are of.
        adapters: what they change, from `read_adapters`.
        coefficients: one for each adapter, of any sign.
        folder: a new folder. It appears complete or not at all.
        provenance: what else to record in the header of the weights, JSON-able.

    Raises:
        IncompatibleError: if a weight that adapters change is tied to another module.
        StoreError: if there is something at `folder` already, or it cannot be written.
        ResourceError: if the disk is too full.
    """
    places = lora_layers(model, [adapter.name for adapter in adapters])
    untied(model, places)
    changed = {f"{place.name}.weight": place for place in places}

    @torch.no_grad()
    def merged(name: str, old: Tensor) -> Tensor:
        return merged_weight(changed[name], old, adapters, coefficients) if name in changed else old

    record = {
        "versions": versions("torch", "transformers", "peft"),
        "base": base_fingerprint(model),
        "adapters": {a.name: float(c) for a, c in zip(adapters, coefficients, strict=True)},
        **(provenance or {}),
    }
    with TemporaryDirectory(prefix="continuum-") as companions:
        _save_companions(model.get_base_model(), Path(companions))
        write_checkpoint(
            Path(folder),
            StateDict(_plain_weights(model.get_base_model())),
            merged,
            metadata={"continuum": json.dumps(record)},
            companions=Path(companions),
        )
    return MergedExport(Path(folder))


def _plain_weights(base: Any) -> dict[str, Tensor]:
    """The weights of the base by the names that they have without adapters; tied ones once, as `transformers` does."""
    tied = set(getattr(base, "all_tied_weights_keys", None) or ())
    return {name: weight for name, weight in plain_weights(base).items() if name not in tied}


def _save_companions(base: Any, folder: Path) -> None:
    origin = Path(getattr(base, "name_or_path", "") or folder)
    if origin.is_dir() and origin != folder:
        copy_companions(origin, folder)
    for part in (base.config, getattr(base, "generation_config", None)):
        if part is not None:
            part.save_pretrained(folder)
