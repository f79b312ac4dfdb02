"""A checkpoint as named tensors that are read one at a time, wherever they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .identity import digest_of

__all__ = ["StateDict", "Tensors", "bytes_of", "digest", "digest_of_beginnings", "is_averaged"]

_BEGINNING = 1024


@runtime_checkable
class Tensors(Protocol):
    """What merging, comparing and writing need to know of a checkpoint; `open_checkpoint` makes one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors, each once, also where a model has two names for one."""
        ...

    @property
    def aliases(self) -> Mapping[str, str]:
        """The name in `names` of each further name, such as that of a tied head."""
        ...

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """The names in each weight file, in the order of their bytes."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """Remarks in the header of the file."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where the files are, and those of the tokenizer and the configuration; None for tensors in memory."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all names, types, shapes and bytes: the same in memory, in one file and in several."""
        ...

    def shape(self, name: str, /) -> tuple[int, ...]:
        """Shape of a tensor, without reading it."""
        ...

    def dtype(self, name: str, /) -> torch.dtype:
        """Type of the numbers of a tensor, without reading it."""
        ...

    def read(self, name: str, /) -> Tensor:
        """A tensor, to look at: it may share the memory of the checkpoint, so it is not to be written into."""
        ...


@dataclass(frozen=True, eq=False)
class StateDict:
    """A checkpoint in memory.

    Args:
        tensors: tensor by name, such as `model.state_dict()` gives. They are not copied.

    Raises:
        InvalidInputError: if something in it is no dense tensor with numbers in it.

    Example:
        >>> embedding = torch.zeros(3, 2)
        >>> tied = StateDict({"embed.weight": embedding, "head.weight": embedding})
        >>> tied.names, dict(tied.aliases)
        (('embed.weight',), {'head.weight': 'embed.weight'})
    """

    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if not isinstance(self.tensors, Mapping) or not self.tensors:
            raise InvalidInputError(
                f"a state dict must map at least one name to a tensor, got a {type(self.tensors).__name__}; "
                "pass `model.state_dict()`."
            )
        object.__setattr__(self, "tensors", {name: _admit(name, item) for name, item in self.tensors.items()})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self.tensors if name not in self.aliases)

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        first: dict[Any, str] = {}
        tied = {}
        for name, tensor in self.tensors.items():
            place = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            if tensor.numel() and first.setdefault(place, name) != name:
                tied[name] = first[place]
        return tied

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """One file, in which the widest numbers come first, so that all are aligned."""
        by_width = sorted(self.names, key=lambda name: (-self.tensors[name].element_size(), name))
        return {"model.safetensors": tuple(by_width)}

    @property
    def metadata(self) -> Mapping[str, str]:
        """The aliases, as `safetensors.torch.save_model` records them."""
        return self.aliases

    @property
    def folder(self) -> None:
        return None

    @property
    def fingerprint(self) -> str:
        return digest(self)

    def shape(self, name: str, /) -> tuple[int, ...]:
        return tuple(self.tensors[name].shape)

    def dtype(self, name: str, /) -> torch.dtype:
        return self.tensors[name].dtype

    def read(self, name: str, /) -> Tensor:
        return self.tensors[name]


def is_averaged(dtype: torch.dtype) -> bool:
    """Whether numbers of this type are weights: integers count, index or encode, so their averages mean nothing.

    Raises:
        IncompatibleError: for numbers of eight bits or less, which are codes with their scale elsewhere.
    """
    if dtype.is_floating_point and dtype.itemsize == 1:
        raise IncompatibleError(
            f"{dtype} numbers have their scale elsewhere; dequantize the checkpoint before merging."
        )
    return dtype.is_floating_point


def bytes_of(tensor: Tensor) -> memoryview:
    """The bytes of a tensor, as they are stored; not copied if it is contiguous and on the host."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


def digest(tensors: Tensors) -> str:
    """SHA-256 of the names, types, shapes and bytes of all tensors."""
    return digest_of("checkpoint", ((name, tensors.read(name)) for name in sorted(tensors.names)))


def digest_of_beginnings(tensors: Tensors) -> str:
    """SHA-256 of all names, types and shapes, and of the first numbers of each tensor: recognizes a checkpoint fast.

    Fine-tuning changes it, yet a change of single weights may not: what must not be mistaken needs the `fingerprint`.
    """
    names = sorted(tensors.names)
    about = repr([(name, tensors.dtype(name), tensors.shape(name)) for name in names])
    return digest_of(about, ((name, tensors.read(name).reshape(-1)[:_BEGINNING]) for name in names))


def _admit(name: str, tensor: Any) -> Tensor:
    if not isinstance(name, str) or name == "__metadata__":  # which is what safetensors calls its remarks
        raise InvalidInputError(f"a tensor cannot be called {name!r} in a checkpoint; give it another name.")
    if isinstance(tensor, Mapping):
        raise InvalidInputError(
            f"`{name}` is a mapping: this is a training checkpoint around a state dict; pass the state dict inside it."
        )
    if not isinstance(tensor, Tensor):
        raise InvalidInputError(f"`{name}` must be a tensor, got {type(tensor).__name__}; leave it out.")
    if tensor.is_meta or tensor.layout != torch.strided:
        kind = "a meta tensor, without numbers" if tensor.is_meta else f"a {tensor.layout} tensor"
        raise InvalidInputError(f"`{name}` is {kind}; pass a dense tensor with numbers in it.")
    return tensor.detach()
