"""Checkpoint folders that are written a tensor at a time.

The safetensors format has the sizes first, which are known, then the bytes: no tensor has to wait for another.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from continuum.core import IncompatibleError, ResourceError, whole_folder

from .stored import INDEX, TYPES
from .tensors import Tensors, bytes_of

__all__ = ["Change", "copy_companions", "write_checkpoint"]

Change = Callable[[str, Tensor], Tensor] | Mapping[str, Tensor]

_NAMES = {dtype: name for name, dtype in TYPES.items()}
_ALIGNMENT = 8  # bytes; what the format asks of the start of the data
_COMPANIONS = (".json", ".jinja", ".model", ".tiktoken", ".txt")
# These say something of the old weights that is not so of the new ones.
_NOT_COPIED = ("adapter_config.json", "trainer_state.json", "all_results.json")


def write_checkpoint(
    folder: Path,
    source: Tensors,
    change: Change,
    *,
    metadata: Mapping[str, str],
    companions: Path | None = None,
) -> Path:
    """Write a checkpoint with the files, names, shapes and types of another, and other numbers.

    No more than one tensor is held at a time, besides what `change` needs.

    Args:
        folder: a new folder. It appears complete or not at all, also if the process is killed.
        source: the other.
        change: the new tensor for a name and the old tensor, which is not to be written into; or new tensors by name,
            where those that are left out stay as they are.
        metadata: remarks for the header of each file, in addition to those of the source.
        companions: folder whose configuration, tokenizer and generation files are copied.

    Returns:
        The folder.

    Raises:
        StoreError: if there is something at `folder` already, or it cannot be written.
        ResourceError: if the disk has not enough room.
        IncompatibleError: if a changed tensor has another shape or type, or changes a name that is not there.

    Example:
        >>> import torch
        >>> from tempfile import TemporaryDirectory
        >>> from safetensors.torch import load_file
        >>> from continuum.models.weights import open_checkpoint
        >>> source = open_checkpoint({"w": torch.ones(3)})
        >>> with TemporaryDirectory() as tmp:
        ...     made = write_checkpoint(Path(tmp, "new"), source, lambda name, w: 2 * w, metadata={})
        ...     load_file(made / "model.safetensors")
        {'w': tensor([2., 2., 2.])}
    """
    if isinstance(change, Mapping) and (unknown := sorted(set(change) - set(source.names))):
        raise IncompatibleError(f"the checkpoint has no tensors {unknown[:10]} to be changed.")
    change_of = _lookup(change) if isinstance(change, Mapping) else change
    _require_room(folder, source)
    remarks = {"format": "pt", **source.metadata, **metadata}
    with whole_folder(folder) as new:
        if companions is not None:
            copy_companions(companions, new)
        for file, names in source.files.items():
            with (new / file).open("xb") as opened:
                _write_file(opened, source, names, change_of, remarks)
        if len(source.files) > 1:
            _write_index(new / INDEX, source)
    return folder


def _lookup(changed: Mapping[str, Tensor]) -> Callable[[str, Tensor], Tensor]:
    return lambda name, old: changed.get(name, old)


def _write_file(
    file: IO[bytes],
    source: Tensors,
    names: Sequence[str],
    change: Callable[[str, Tensor], Tensor],
    remarks: Mapping[str, str],
) -> None:
    file.write(_header(source, names, remarks))
    for name in names:
        file.write(bytes_of(_checked(name, change(name, source.read(name)), source)))


def _header(source: Tensors, names: Sequence[str], remarks: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(remarks)}
    start = 0
    for name in names:
        stop = start + _size(source, name)
        about = {"dtype": _NAMES[source.dtype(name)], "shape": list(source.shape(name)), "data_offsets": [start, stop]}
        header[name], start = about, stop
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _checked(name: str, tensor: Tensor, source: Tensors) -> Tensor:
    found, expected = (tensor.dtype, tuple(tensor.shape)), (source.dtype(name), source.shape(name))
    if found != expected:
        raise IncompatibleError(f"`{name}` was {expected} and cannot be replaced by {found}.")
    return tensor


def _size(source: Tensors, name: str) -> int:
    dtype = source.dtype(name)
    if dtype not in _NAMES:
        raise IncompatibleError(f"`{name}` holds {dtype} numbers, for which safetensors has no type; convert it first.")
    return math.prod(source.shape(name)) * dtype.itemsize


def _require_room(folder: Path, source: Tensors) -> None:
    """Better to say so now than after half of it; a quota may still say so later."""
    needed = sum(_size(source, name) for name in source.names)
    disk = next(parent for parent in folder.absolute().parents if parent.exists())
    if (free := shutil.disk_usage(disk).free) < needed:
        raise ResourceError(f"{folder} needs {needed / 1e9:.2f} GB, and its disk has {free / 1e9:.2f} GB; free some.")


def copy_companions(old: Path, new: Path) -> None:
    """Copy configuration, tokenizer and generation files from one folder to another; no weights."""
    for file in sorted(old.iterdir()):
        is_wanted = (
            file.suffix in _COMPANIONS and file.name not in _NOT_COPIED and not file.name.endswith(".index.json")
        )
        if is_wanted and file.is_file():
            shutil.copyfile(file, new / file.name)


def _write_index(path: Path, source: Tensors) -> None:
    index = {
        "metadata": {"total_size": sum(_size(source, name) for name in source.names)},
        "weight_map": {name: file for file, names in source.files.items() for name in names},
    }
    path.write_text(json.dumps(index, indent=2) + "\n", "utf-8")
