"""Continuous families of checkpoints, merged from files or from memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from continuum.core import (
    Domain,
    InvalidInputError,
    LazyEndpoints,
    Point,
    PointLike,
    admit_path,
    check_bounds,
    fingerprint,
)

from .arithmetic import NotFiniteError
from .charts import Bounds, Chart
from .dare import Dare
from .ingredients import Ingredients
from .merging import Linear, Method, ModelStock, TaskArithmetic
from .model_path import ModelPath
from .slerp import Slerp
from .stored import open_checkpoint
from .stream import write_checkpoint
from .tensors import Tensors, digest_of_beginnings, is_averaged
from .ties import Ties
from .versions import versions

__all__ = ["CheckpointPath", "Source"]

Source = str | os.PathLike[str] | Mapping[str, Tensor] | Tensors

_METHODS: dict[str, Callable[[], Method]] = {
    "linear": Linear,
    "slerp": Slerp,
    "task-arithmetic": TaskArithmetic,
    "ties": Ties,
    "dare": Dare,
    "model-stock": ModelStock,
}


@dataclass(frozen=True, eq=False)
class CheckpointPath:
    """Weights between checkpoints of one architecture.

    Only headers are read when it is made. A tensor that is the same in all checkpoints stays as it is, bit by bit;
    integers are copied, never averaged. Statistics of batch normalization are averaged like weights, and should then be
    made anew with `recompute_batch_norm`.

    =========================  ===============================================  =================================
    method                     domain                                           copied, bit by bit
    =========================  ===============================================  =================================
    "linear", "slerp"          `Interval` from the first (0) to the second (1)  both
    "linear" of three or more  `Simplex` of the names                           all
    "task-arithmetic"          an `Interval` for each checkpoint                the base (all 0), each checkpoint
    "ties", "dare"             an `Interval` for each checkpoint                the base
    "model-stock"              `Interval` from the base (0) to the stock (1)    the base
    =========================  ===============================================  =================================

    Args:
        checkpoints: folders with safetensors files, single such files, or state dicts; by name, or in a list, whose
            names are `checkpoint0`, `checkpoint1` and so on. State dicts are not copied.
        method: a name from the table, or the object with options: `Linear`, `Slerp`, `TaskArithmetic`, `Ties`, `Dare`,
            `ModelStock`.
        base: the checkpoint that all were fine-tuned from; methods that add up task vectors need it, and slerp is
            between task vectors if it is given.
        bounds: range of a coordinate; beyond [0, 1] is extrapolation.

    Raises:
        IncompatibleError: if the checkpoints differ in names, shapes, types or vocabulary.
        InvalidInputError: if the method does not fit their number, or a file is damaged.
        UntrustedArtifactError: if a checkpoint is pickled.

    Example:
        >>> path = CheckpointPath([{"w": torch.zeros(2)}, {"w": torch.ones(2)}])
        >>> path.at(0.25)
        {'w': tensor([0.2500, 0.2500])}
    """

    checkpoints: Sequence[Source] | Mapping[str, Source]
    _: KW_ONLY
    method: str | Method = "linear"
    base: Source | None = None
    bounds: Bounds = (0.0, 1.0)
    ingredients: Ingredients = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_bounds("bounds", self.bounds)
        named = _named(self.checkpoints)
        base = None if self.base is None else open_checkpoint(self.base)
        opened = Ingredients({name: open_checkpoint(source) for name, source in named.items()}, base)
        object.__setattr__(self, "checkpoints", named)
        object.__setattr__(self, "ingredients", opened)
        object.__setattr__(self, "method", _method(self.method))
        _ = self._chart  # refuses what does not fit together

    @property
    def domain(self) -> Domain:
        return self._chart.domain

    def uniform(self) -> Point:
        """The point at which all checkpoints count the same: the uniform soup, or the stock itself."""
        return self.domain.point(self._chart.uniform)

    def at(self, point: PointLike, /) -> dict[str, Tensor]:
        """An independent state dict; where the checkpoints have two names for one tensor, it has too."""
        here, model = self.domain.point(point), self.ingredients.model
        found = {name: self._tensor(name, here) for name in model.names}
        if here in self._chart.ends:  # borrowed
            found = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in found.items()}
        return found | {alias: found[name] for alias, name in model.aliases.items()}

    @property
    def endpoints(self) -> Mapping[Point, dict[str, Tensor]]:
        """The checkpoints, where they are on the path, and the base."""
        return LazyEndpoints(tuple(self._chart.ends), self.at)

    def as_models(self, model: nn.Module) -> ModelPath:
        """The path of models with the modules of `model` and these weights.

        Raises:
            IncompatibleError: if the weights do not fit `model`.
        """
        return ModelPath(self, model)

    def export(self, point: PointLike, folder: str | os.PathLike[str]) -> Path:
        """Write the checkpoint at a point, a tensor at a time: the files of the base or first checkpoint, merged.

        `from_pretrained` and `safetensors` read it. Configuration, tokenizer and generation files are copied from the
        base, or else from the first folder. The header of each weight file records what it is made of.

        Args:
            point: where.
            folder: a new folder. It appears complete or not at all.

        Returns:
            The folder.

        Raises:
            StoreError: if there is something already, or it cannot be written.
            ResourceError: if the disk is too full.
        """
        here = self.domain.point(point)
        return write_checkpoint(
            admit_path("folder", folder),
            self.ingredients.model,
            lambda name, _: self._tensor(name, here),
            metadata={"continuum": json.dumps(self._provenance(here))},
            companions=next((source.folder for source in self.ingredients.all.values() if source.folder), None),
        )

    @property
    def fingerprint(self) -> str:
        """Digest of the numbers in all checkpoints, of the method and of the coordinates, for result stores."""
        sources = {name: source.fingerprint for name, source in self.ingredients.all.items()}
        return fingerprint((sources, self.base is None, self.method, self.domain))

    @cached_property
    def _chart(self) -> Chart:
        return _method(self.method).chart(self.ingredients, self.bounds)

    @torch.no_grad()
    def _tensor(self, name: str, here: Point) -> Tensor:
        """A tensor at a point: a new one, but at an end of the chart that of the checkpoint."""
        if end := self._chart.ends.get(here):
            return end.read(name)
        if not is_averaged(self.ingredients.model.dtype(name)):
            return self.ingredients.constant(name)
        try:
            return _method(self.method).combine(self.ingredients, name, here)
        except NotFiniteError:
            return self.ingredients.settle(name)

    def _provenance(self, here: Point) -> dict[str, Any]:
        return {
            "versions": versions("torch"),
            "method": repr(self.method),
            "point": dict(zip(self.domain.axes, here, strict=True)),
            "sources": {
                name: {"name": _file_name(source), "digest_of_beginnings": digest_of_beginnings(source)}
                for name, source in self.ingredients.all.items()
            },
        }

    def __repr__(self) -> str:
        names = tuple(self.ingredients.checkpoints)
        base = "" if self.base is None else ", base=..."
        return f"CheckpointPath({names}, method={self.method!r}{base})"


def _named(checkpoints: Sequence[Source] | Mapping[str, Source]) -> Mapping[str, Source]:
    if isinstance(checkpoints, str | os.PathLike):
        raise InvalidInputError(f"`checkpoints` is a list or a mapping of checkpoints, got one: {str(checkpoints)!r}.")
    if not isinstance(checkpoints, Sequence | Mapping):
        raise InvalidInputError(f"`checkpoints` is a list or a mapping of checkpoints, got {checkpoints!r}.")
    if not isinstance(checkpoints, Mapping):
        return {f"checkpoint{i}": source for i, source in enumerate(checkpoints)}
    if any(isinstance(source, Tensor) for source in checkpoints.values()):
        raise InvalidInputError("`checkpoints` is one state dict, not several by name; put it into a list with others.")
    return checkpoints


def _method(method: str | Method) -> Method:
    if isinstance(method, Method):
        return method
    if not isinstance(method, str) or method not in _METHODS:
        raise InvalidInputError(
            f"`method` must be one of {sorted(_METHODS)} or an object with options, got {method!r}."
        )
    return _METHODS[method]()


def _file_name(source: Tensors) -> str | None:
    """The name of the file or folder, without the folders above it: they say where, not what."""
    path = getattr(source, "path", None)
    return None if path is None else Path(path).name
