"""Plain PEFT adapter folders, written with a record of what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from continuum.core import whole_file

from .adapter_files import BASE_KEY

if TYPE_CHECKING:
    from peft import LoraConfig

__all__ = ["RECORD_KEY", "WEIGHTS", "read_record", "write_adapter"]

RECORD_KEY = "continuum"  # in the metadata of the file: what it was made from, as JSON
WEIGHTS = "adapter_model.safetensors"


def write_adapter(
    folder: Path, config: LoraConfig, tensors: Mapping[str, Tensor], *, base: str, record: Mapping[str, Any]
) -> None:
    """Write the two files that PEFT loads. The weights come last, as a whole: where they are, the adapter is complete.

    Args:
        folder: a folder, which can hold other files.
        config: the configuration.
        tensors: weights by the names that PEFT has for them in a file.
        base: `base_fingerprint` of the base, against which `WeightPath` checks its own.
        record: what the adapter was made from, JSON-able.

    Raises:
        StoreError: if the weights cannot be written.
    """
    from safetensors.torch import save

    config.save_pretrained(str(folder))
    metadata = {"format": "pt", BASE_KEY: base, RECORD_KEY: json.dumps(record)}
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with whole_file(folder / WEIGHTS) as file:
        file.write(save(held, metadata))


def read_record(folder: Path) -> dict[str, Any] | None:
    """What `write_adapter` recorded; None if there is no adapter, or one from elsewhere."""
    from safetensors import safe_open

    if not (folder / WEIGHTS).is_file():
        return None
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        record = (file.metadata() or {}).get(RECORD_KEY)
    return None if record is None else dict(json.loads(record))
