"""Checkpoints that are merged, and the base that they were trained from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .agreement import require_agreement
from .arithmetic import gram, is_finite
from .tensors import StateDict, Tensors, is_averaged

__all__ = ["Ingredients"]


@dataclass(frozen=True, eq=False)
class Ingredients:
    """Checkpoints with the same tensors, by name.

    Args:
        checkpoints: what is merged, at least one.
        base: what all of them were fine-tuned from, if it is known.

    Raises:
        IncompatibleError: if they differ in more than in numbers.
    """

    checkpoints: Mapping[str, Tensors]
    base: Tensors | None = None

    def __post_init__(self) -> None:
        if not self.checkpoints:
            raise InvalidInputError("merging needs at least one checkpoint, got none.")
        if self.base is not None and "base" in self.checkpoints:
            raise InvalidInputError("a checkpoint is called 'base' beside the `base`; give it another name.")
        require_agreement(self.all)

    @property
    def all(self) -> Mapping[str, Tensors]:
        """The base first, if there is one, then the checkpoints."""
        return {**({} if self.base is None else {"base": self.base}), **self.checkpoints}

    @property
    def model(self) -> Tensors:
        """Whose files, configuration and counters the result has: the base, or else the first checkpoint."""
        return next(iter(self.all.values()))

    def read(self, name: str) -> list[Tensor]:
        """A tensor of all checkpoints, without that of the base."""
        return [checkpoint.read(name) for checkpoint in self.checkpoints.values()]

    @property
    def origin(self) -> Tensors:
        """The base.

        Raises:
            InvalidInputError: if there is none.
        """
        if self.base is None:
            raise InvalidInputError("this method adds up differences to a base: pass `base=`.")
        return self.base

    def constant(self, name: str) -> Tensor:
        """A copy of a tensor of integers or truth values.

        Counters, which are single numbers such as those of batch normalization, may differ; what has a dimension may
        not, for it could hold quantized weights.

        Raises:
            IncompatibleError: if checkpoints differ in it.
        """
        first = self.model.read(name)
        for called, checkpoint in self.all.items():
            if first.ndim and not torch.equal(first, checkpoint.read(name)):
                raise IncompatibleError(
                    f"`{name}` holds {first.dtype} numbers that differ in {called!r}: such numbers are not averaged. "
                    "Dequantize the checkpoints, or make these buffers equal."
                )
        return first.clone()

    def gram(self, name: str) -> NDArray[np.float64]:
        """Inner products of a tensor of the checkpoints, of the differences to the base if there is one; (k, k)."""
        return self._kept(name, [name], lambda: self._gram(name))

    @property
    def total_gram(self) -> NDArray[np.float64]:
        """The sum of `gram` over all tensors of weights: one pass over all files.

        Tensors that are not finite, such as masks of infinities, do not count.
        """
        weights = [name for name in self.model.names if is_averaged(self.model.dtype(name))]

        def total() -> NDArray[np.float64]:
            found, k = map(self.gram, weights), len(self.checkpoints)
            return sum((products for products in found if np.isfinite(products).all()), start=np.zeros((k, k)))

        return self._kept(None, weights, total)

    def _gram(self, name: str) -> NDArray[np.float64]:
        return gram(self.read(name), None if self.base is None else self.base.read(name))

    def _kept(
        self, key: str | None, names: Sequence[str], compute: Callable[[], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """What was computed before from these tensors, if none of them has been written into since."""
        in_memory = [checkpoint for checkpoint in self.all.values() if isinstance(checkpoint, StateDict)]
        versions = tuple(_version(checkpoint.read(name)) for checkpoint in in_memory for name in names)
        if self._products.get(key, ((-1,), None))[0] != versions:
            self._products[key] = versions, compute()
        return self._products[key][1]

    @cached_property
    def _products(self) -> dict[str | None, tuple[tuple[int, ...], NDArray[np.float64]]]:
        return {}

    def settle(self, name: str) -> Tensor:
        """What a tensor is whose merge is not finite: itself where all agree in it, such as a mask of infinities.

        Raises:
            InvalidInputError: otherwise; says whose numbers are NaN or infinite.
        """
        tensors = {called: checkpoint.read(name) for called, checkpoint in self.all.items()}
        first, *others = tensors.values()
        if all(torch.equal(first, other) for other in others):
            return first.clone()
        broken = [called for called, tensor in tensors.items() if not is_finite(tensor)]
        if broken:
            raise InvalidInputError(
                f"`{name}` has NaN or infinite numbers in {broken}; leave them out, or repair them."
            )
        raise InvalidInputError(f"`{name}` overflows {first.dtype} at this point; stay closer to the checkpoints.")


def _version(tensor: Tensor) -> int:
    """How often a tensor was written into; those of inference do not count."""
    return 0 if tensor.is_inference() else tensor._version
