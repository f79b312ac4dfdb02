"""Evaluation mode, and each module's own mode back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["evaluation"]


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Within this block all modules are in evaluation mode; afterwards each is in its own again.

    Modes that the block sets do not outlive it. A module that the block puts in keeps the mode it has.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
