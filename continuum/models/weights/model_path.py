"""Paths of models, from paths of their weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from continuum.core import Domain, IncompatibleError, LazyEndpoints, Point, PointLike
from continuum.models.lending import Loan, lent

from .agreement import differences
from .tensors import StateDict

if TYPE_CHECKING:
    from .checkpoint import CheckpointPath

__all__ = ["ModelPath"]


@dataclass(frozen=True, eq=False)
class ModelPath:
    """The models of a `CheckpointPath`; `CheckpointPath.as_models` makes one.

    `at` gives an independent copy of the model, `lease` lends the model itself; both in evaluation mode.

    Args:
        weights: the path of the weights.
        model: a model that the weights fit; its own are never changed but inside a lease.

    Raises:
        IncompatibleError: if the weights do not fit, in names, shapes or types.
    """

    weights: CheckpointPath
    model: nn.Module

    def __post_init__(self) -> None:
        theirs, state = self.weights.ingredients.model, self.model.state_dict()
        # Of two names for one tensor, that of the checkpoint comes first, and counts.
        ours = StateDict({name: state[name] for name in theirs.names if name in state} | state)
        if found := differences(theirs, ours, ("the checkpoint", "the model")):
            raise IncompatibleError(f"the weights do not fit the {type(self.model).__name__}: {'; '.join(found)}.")

    @property
    def domain(self) -> Domain:
        return self.weights.domain

    def at(self, point: PointLike, /) -> nn.Module:
        found = self.weights.at(point)
        model = copy.deepcopy(self.model).eval()
        _write(model, found)
        return model

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[nn.Module]:
        """Borrow the model at a point; its own weights, and statistics that change meanwhile, are put back on exit.

        Raises:
            LeaseError: if the model is lent out already.
        """
        found = self.weights.at(point)
        with lent(self.model, Loan(self)):
            own = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
            try:
                _write(self.model, found)
                yield self.model
            finally:
                _write(self.model, own)

    @property
    def endpoints(self) -> Mapping[Point, nn.Module]:
        return LazyEndpoints(tuple(self.weights.endpoints), self.at)

    def __repr__(self) -> str:
        return f"ModelPath({self.weights!r}, {type(self.model).__name__})"


@torch.no_grad()
def _write(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors into the weights and buffers of those names, in place: what is tied stays tied."""
    places = model.state_dict()
    for name, tensor in tensors.items():
        places[name].copy_(tensor)
