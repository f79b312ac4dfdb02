"""Members as plain checkpoints, which `from_pretrained` loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from continuum.core import StoreError

from ..weights.stored import open_checkpoint
from ..weights.stream import copy_companions, write_checkpoint
from ..weights.tensors import bytes_of, digest
from ..weights.versions import versions
from .provenance import AUTHORS_FILE, FILE
from .reload import check_reloads

__all__ = ["export_member"]


@dataclass(frozen=True, eq=False)
class _Weights:
    """The weights of a model by the names that loading asks for.

    Unlike a `StateDict`, one tensor is written under all names that loading will not tie by itself.
    """

    tensors: Mapping[str, Tensor]

    @classmethod
    def of(cls, model: Any) -> _Weights:
        tied = set(getattr(model, "all_tied_weights_keys", None) or ())
        return cls({name: tensor for name, tensor in model.state_dict().items() if name not in tied})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.tensors)

    @property
    def aliases(self) -> Mapping[str, str]:
        return {}

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """One file, in which the widest numbers come first, so that all are aligned."""
        by_width = sorted(self.tensors, key=lambda name: (-self.tensors[name].element_size(), name))
        return {"model.safetensors": tuple(by_width)}

    @property
    def metadata(self) -> Mapping[str, str]:
        return {}

    @property
    def folder(self) -> None:
        return None

    @cached_property
    def fingerprint(self) -> str:
        return digest(self)

    def shape(self, name: str, /) -> tuple[int, ...]:
        return tuple(self.tensors[name].shape)

    def dtype(self, name: str, /) -> torch.dtype:
        return self.tensors[name].dtype

    def read(self, name: str, /) -> Tensor:
        return self.tensors[name]


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
