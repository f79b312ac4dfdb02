"""One borrower at a time of a model that several paths may share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from continuum.core import LeaseError

from .modes import evaluation

__all__ = ["Loan", "leased_rows", "lent", "loan_of"]


@dataclass(frozen=True, eq=False)
class Loan:
    """Who has a model, and what is different about it meanwhile.

    Attributes:
        borrower: the path that lends it.
        rows: number of rows of every batch, if each has coefficients of its own.
        copyable: whether a copy of its plain weights is the same as without the loan.
    """

    borrower: object
    rows: int | None = None
    copyable: bool = False


_loans: WeakKeyDictionary[nn.Module, Loan] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def lent(model: nn.Module, loan: Loan) -> Iterator[None]:
    """Within this block `model` is lent to one borrower and to nobody else, and is in evaluation mode.

    A model that PEFT wraps is the model inside: two wrappers of one model share its layers.

    Raises:
        LeaseError: if somebody has it already.
    """
    inside = _inside(model)
    with _lock:
        if inside in _loans:
            raise LeaseError(
                "the model is lent out already, and has one set of coefficients at a time; leave that block first, use "
                "`switch` in it, or take an independent model with `at`."
            )
        _loans[inside] = loan
    try:
        with evaluation(model):
            yield
    finally:
        with _lock:
            del _loans[inside]


def loan_of(model: nn.Module) -> Loan | None:
    """The loan of `model`, if it is lent."""
    return _loans.get(_inside(model))


def leased_rows(model: nn.Module) -> int | None:
    """Number of rows that every batch of `model` must have, since a lease gives each its own coefficients; or None."""
    if not _loans:
        return None
    found = (_loans.get(module) for module in model.modules())
    return next((loan.rows for loan in found if loan is not None and loan.rows is not None), None)


def _inside(model: Any) -> nn.Module:
    inside: nn.Module = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inside
