"""Checkpoints in safetensors files: opened by their headers, read a tensor at a time.

Pickled checkpoints are refused, since to open one is to run it.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, UntrustedArtifactError

from .tensors import StateDict, Tensors, digest

__all__ = ["INDEX", "TYPES", "StoredTensors", "open_checkpoint"]

INDEX = "model.safetensors.index.json"
_WHOLE = "model.safetensors"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}  # the names of the safetensors format


@dataclass(frozen=True)
class _Place:
    """Where the bytes of a tensor are."""

    file: Path
    start: int
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class StoredTensors:
    """A checkpoint in one safetensors file or several; `open_checkpoint` makes one.

    It holds no open file: it can be copied and sent to another process.

    Attributes:
        path: what was opened.
        files: the names in each file.
        metadata: remarks in the header of the first file.
    """

    path: Path
    files: Mapping[str, tuple[str, ...]]
    metadata: Mapping[str, str]
    places: Mapping[str, _Place]
    stamps: Mapping[Path, tuple[int, int]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.places)

    @property
    def aliases(self) -> Mapping[str, str]:
        """None: a file has one name for each tensor, and the model knows which others it ties to it."""
        return {}

    @property
    def folder(self) -> Path | None:
        """None for a single file: what lies beside it need not belong to it."""
        return self.path if self.path.is_dir() else None

    @cached_property
    def fingerprint(self) -> str:
        """Computed once, about a second for a gigabyte: whoever asks for it is about to read all of it anyway."""
        return digest(self)

    def shape(self, name: str, /) -> tuple[int, ...]:
        return self.places[name].shape

    def dtype(self, name: str, /) -> torch.dtype:
        return self.places[name].dtype

    def read(self, name: str, /) -> Tensor:
        """A tensor that is mapped from the file: its pages are read as they are used, and take no memory of their own.

        Raises:
            InvalidInputError: if the file has changed since it was opened.
        """
        place = self.places[name]
        if _stamp(place.file) != self.stamps[place.file]:
            raise InvalidInputError(f"{place.file} has changed since it was opened; open it again.")
        if not place.size:
            return torch.empty(place.shape, dtype=place.dtype)
        start = place.start - place.start % mmap.ALLOCATIONGRANULARITY
        # Copy on write, since torch knows no read-only memory: who writes into it by mistake does not reach the file.
        with place.file.open("rb") as file:
            length = place.start + place.size - start
            mapped = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_COPY, offset=start)
        return torch.frombuffer(mapped, dtype=place.dtype, offset=place.start - start).reshape(place.shape)

    def __repr__(self) -> str:
        return f"StoredTensors({self.path.name!r}, {len(self.places)} tensors in {len(self.files)} files)"


def open_checkpoint(source: str | os.PathLike[str] | Mapping[str, Tensor] | Tensors) -> Tensors:
    """A checkpoint whose tensors are read when they are asked for.

    Args:
        source: a folder with `model.safetensors` or with shards and their index, also of another name if it is the only
            one; one safetensors file; or a state dict.

    Raises:
        UntrustedArtifactError: if the weights are pickled.
        InvalidInputError: if there are none, or a file is incomplete or damaged.
        IncompatibleError: if it is an adapter or numbers of a type that torch lacks.

    Example:
        >>> checkpoint = open_checkpoint({"weight": torch.ones(2, 3)})
        >>> checkpoint.names, checkpoint.shape("weight")
        (('weight',), (2, 3))
    """
    if isinstance(source, str | os.PathLike):
        return _open_files(Path(source).absolute())
    if isinstance(source, torch.nn.Module):
        raise InvalidInputError(
            f"got a {type(source).__name__}; pass its `state_dict()`, or the folder it is saved in."
        )
    if isinstance(source, Mapping):
        return StateDict(source)
    if not isinstance(source, Tensors):
        raise InvalidInputError(f"a checkpoint is a folder, a safetensors file or a state dict, got {source!r}.")
    return source


def _open_files(path: Path) -> StoredTensors:
    paths = _weight_files(path)
    headers = [_header(file) for file in paths]
    places = {name: place for _, found in headers for name, place in found.items()}
    if (count := sum(len(found) for _, found in headers)) != len(places):
        raise InvalidInputError(f"{path} holds {count - len(places)} tensors in two files each; export it again.")
    # A single file that was named is called what it would be called in a folder.
    called = [_WHOLE] if paths == [path] else [file.name for file in paths]
    files = {name: tuple(found) for name, (_, found) in zip(called, headers, strict=True)}
    return StoredTensors(path, files, headers[0][0], places, {file: _stamp(file) for file in paths})


def _weight_files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return _shards(path) if path.name.endswith(".index.json") else [path]
    if not path.is_dir():
        raise InvalidInputError(f"there is no file or folder {path}; a model of a hub has to be downloaded first.")
    if (path / _WHOLE).exists():
        return [path / _WHOLE]
    if (path / INDEX).exists():
        return _shards(path / INDEX)
    found = sorted(path.glob("*.safetensors"))
    if len(found) == 1 and not (path / "adapter_config.json").exists():
        return found
    raise _without_weights(path, [file.name for file in found])


def _without_weights(folder: Path, found: list[str]) -> Exception:
    if (folder / "adapter_config.json").exists():
        return IncompatibleError(
            f"{folder} is an adapter, no checkpoint: use `WeightPath`, or merge it into its model."
        )
    if found:
        return InvalidInputError(f"{folder} holds {found[:10]} but no {INDEX}: complete it, or name one file.")
    if pickled := sorted(file.name for file in folder.iterdir() if file.suffix in _PICKLED):
        return _pickled(folder / pickled[0])
    return InvalidInputError(f"{folder} holds no safetensors file.")


def _pickled(path: Path) -> UntrustedArtifactError:
    return UntrustedArtifactError(
        f"{path} is pickled: to open it could run code that came with it. If you trust where it is from, pass the "
        "state dict, `torch.load(path, weights_only=True)`, or save the model again with `save_pretrained`."
    )


def _shards(index: Path) -> Sequence[Path]:
    """The files of an index, which must hold the tensors that it says, no more and no less."""
    try:
        listed: dict[str, str] = json.loads(index.read_text("utf-8"))["weight_map"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{index} is not the index of a checkpoint ({error!r}); copy it again.") from error
    names = sorted(set(listed.values()))
    if strange := [name for name in names if Path(name).name != name]:
        raise UntrustedArtifactError(f"{index} names files outside its folder: {strange[:10]}.")
    if absent := [name for name in names if not (index.parent / name).is_file()]:
        raise InvalidInputError(f"{index.parent} lacks {absent[:10]}, which its index lists; complete the download.")
    held = {tensor: name for name in names for tensor in _header(index.parent / name)[1]}
    if wrong := sorted(name for name in set(held) | set(listed) if held.get(name) != listed.get(name)):
        raise InvalidInputError(f"{index} and its files disagree about {wrong[:10]}; complete the download.")
    return [index.parent / name for name in names]


def _header(file: Path) -> tuple[dict[str, str], dict[str, _Place]]:
    """The remarks and the tensors of a file, in the order of their bytes."""
    if file.suffix in _PICKLED:
        raise _pickled(file)
    try:
        with safe_open(file, "pt"):  # checks the header and that the bytes it speaks of are there
            pass
    except (SafetensorError, OSError) as error:
        raise InvalidInputError(f"{file} is no complete safetensors file ({error}); copy it again.") from error
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    remarks = header.pop("__metadata__", None) or {}
    ordered = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
    start = 8 + length
    return remarks, {
        name: _Place(
            file, start + about["data_offsets"][0], _torch_type(about["dtype"], name, file), (*about["shape"],)
        )
        for name, about in ordered
    }


def _torch_type(name: str, tensor: str, file: Path) -> torch.dtype:
    if name not in TYPES:
        raise IncompatibleError(f"`{tensor}` of {file} has numbers of type {name}, which torch cannot compute with.")
    return TYPES[name]


def _stamp(file: Path) -> tuple[int, int]:
    about = file.stat()
    return about.st_size, about.st_mtime_ns
