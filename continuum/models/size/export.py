"""Members as plain checkpoints, which `from_pretrained` loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from continuum.core import StoreError

from ..weights.stored import open_checkpoint
from ..weights.stream import copy_companions, write_checkpoint
from ..weights.tensors import StateDict, bytes_of
from ..weights.versions import versions
from .provenance import AUTHORS_FILE, FILE
from .reload import check_reloads

__all__ = ["export_member"]


class _Weights(StateDict):
    """The weights of a model by the names that loading asks for.

    Unlike in a plain `StateDict`, one tensor is written under all names that loading will not tie by itself.
    """

    @classmethod
    def of(cls, model: Any) -> _Weights:
        tied = set(getattr(model, "all_tied_weights_keys", None) or ())
        return cls({name: tensor for name, tensor in model.state_dict().items() if name not in tied})

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        return {}


def export_member(model: Any, folder: Path, *, origin: str = "", record: Mapping[str, Any] | None = None) -> Path:
    """Write a model a tensor at a time, after checking that loading gives the same one.

    Args:
        model: a view, or any other model.
        folder: a new folder. It appears complete or not at all.
        origin: folder whose tokenizer goes along, if it is one.
        record: what to record in the header of the weights, JSON-able.

    Raises:
        IncompatibleError: if loading would give another model.
        StoreError: if there is something at `folder` already, it cannot be written, or reads otherwise.
        ResourceError: if the disk is too full.
    """
    weights = _Weights.of(model)
    about = {"versions": versions("torch", "transformers"), **(record or {})}
    with TemporaryDirectory(prefix="continuum-") as companions:
        _save_companions(model, origin, Path(companions))
        check_reloads(model, weights.tensors, Path(companions))
        write_checkpoint(folder, weights, {}, metadata={"continuum": json.dumps(about)}, companions=Path(companions))
    _check_file(folder, weights)
    return folder


def _save_companions(model: Any, origin: str, folder: Path) -> None:
    if origin and Path(origin).is_dir():
        copy_companions(Path(origin), folder)
        for file in (FILE, AUTHORS_FILE):  # of another model
            (folder / file).unlink(missing_ok=True)
    model.config.architectures = [type(model).__name__]
    model.config.dtype = model.dtype
    model.config.save_pretrained(folder)
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.save_pretrained(folder)


def _check_file(folder: Path, weights: _Weights) -> None:
    written = open_checkpoint(folder)
    for name in weights.names:
        if bytes_of(written.read(name)) != bytes_of(weights.read(name)):
            raise StoreError(f"`{name}` reads otherwise from {folder} than it was written; check the disk.")
