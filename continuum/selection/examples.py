"""Examples as tensors, in batches, for models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from continuum.core import InvalidInputError

from .pools import size, take

__all__ = ["Inputs", "Loss", "as_tensors", "batches", "evaluating"]

Inputs = Callable[[Any], tuple[Tensor, ...]]
"""Tensors of some examples, each with one row for each example."""

Loss = Callable[..., Tensor]
"""`loss(model, *tensors)`: the loss of each example, (n,); `model` is called as the module is."""


def as_tensors(items: Any) -> tuple[Tensor, ...]:
    """Features and labels of a labelled data set, or the columns of a sequence of examples.

    Example:
        >>> as_tensors([(0.5, 1), (2.5, 0)])
        (tensor([0.5000, 2.5000], dtype=torch.float64), tensor([1, 0]))
    """
    if hasattr(items, "to_torch"):
        return tuple(items.to_torch())
    if hasattr(items, "shape"):
        return (torch.as_tensor(items),)
    columns = default_collate(list(items))
    return (columns,) if isinstance(columns, Tensor) else tuple(columns)


def batches(items: Any, inputs: Inputs, rows: int, device: torch.device) -> Iterator[tuple[Tensor, ...]]:
    """Tensors of so many examples at a time, in order, on a device.

    Raises:
        InvalidInputError: if there are no examples, or a tensor has not one row for each.
    """
    n = size(items, "items")
    for start in range(0, n, rows):
        part = np.arange(start, min(start + rows, n))
        tensors = tuple(inputs(take(items, part)))
        for tensor in tensors:
            if not isinstance(tensor, Tensor) or tensor.ndim == 0 or len(tensor) != len(part):
                seen = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
                raise InvalidInputError(
                    f"`inputs` must give tensors with one row for each of {len(part)} examples, got {seen}."
                )
        yield tuple(tensor.to(device) for tensor in tensors)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within this block nothing is dropped out and no statistics are updated; then each module has its mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
