"""One borrower at a time of a model that several paths may share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import nn

from continuum.core import LeaseError

__all__ = ["borrower_of", "lent_to"]

_borrowers: WeakKeyDictionary[nn.Module, object] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def lent_to(borrower: object, model: nn.Module) -> Iterator[None]:
    """Within this block `model` is lent to `borrower` and to nobody else, and is in evaluation mode.

    Raises:
        LeaseError: if somebody has it already.
    """
    with _lock:
        if model in _borrowers:
            raise LeaseError(
                "the model is lent out already, and has one set of coefficients at a time; leave that block first, use "
                "`switch` in it, or take an independent model with `at`."
            )
        _borrowers[model] = borrower
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
        with _lock:
            del _borrowers[model]


def borrower_of(model: nn.Module) -> object | None:
    """Who has `model` now."""
    return _borrowers.get(model)
