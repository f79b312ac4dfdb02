"""Models that rows leave early: the layers above run on the others only."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from continuum.core import IncompatibleError

from ..anatomy import Blocks
from .assembly import Layer, assembled
from .confidence import Confidence
from .parts import Parts

__all__ = ["exit_depths", "with_exits"]

_RUN = "_continuum_exits"
_MOST = torch.finfo(torch.float32).max  # in place of infinity: what a value is made of is to be finite


def with_exits(teacher: Blocks, exits: Collection[int], confidence: Confidence, threshold: float) -> Any:
    """A model over the weights of another that gives each row as many layers as it needs.

    A row leaves after the first layer of `exits` where its confidence, at its last token, is at least the threshold;
    the final norm and the head are applied to its states of that layer. It keeps no cache of keys and values, which
    layers above would lack.

    Args:
        teacher: the layers of the whole model.
        exits: after how many layers a row may leave.
        confidence: how sure the model is.
        threshold: confidence that is enough.
    """
    every = [Layer(teacher, index) for index in range(len(teacher))]
    view = assembled(teacher, teacher, every)
    run = _Run(Parts(teacher), frozenset(exits), confidence, threshold)
    layers = view.get_submodule(teacher.name)
    for index, layer in enumerate(layers):
        layer.forward = _Step(run, layer, index, is_last=index == len(layers) - 1)
    view.register_forward_pre_hook(run.start, with_kwargs=True)
    for config in (view.config, view.config.get_text_config(), getattr(view, "generation_config", None)):
        if config is not None:
            config.use_cache = False
    setattr(view, _RUN, run)
    return view


def exit_depths(model: Any) -> Tensor:
    """How many layers each row of the last batch had, (rows,).

    Raises:
        IncompatibleError: if the model has no exits, or has seen no batch.
    """
    run = getattr(model, _RUN, None)
    found: Tensor = _no_depths() if run is None else run.depths
    if not len(found):
        raise IncompatibleError(f"this {type(model).__name__} has no exits, or has seen no batch yet.")
    return found


def _no_depths() -> Tensor:
    return torch.empty(0, dtype=torch.long)


class _Run:
    """What is known of the batch that is in the model: which rows are left, and the states of those that went."""

    def __init__(self, parts: Parts, exits: frozenset[int], confidence: Confidence, threshold: float) -> None:
        self.parts, self.exits, self.confidence = parts, exits, confidence
        self.threshold = min(max(threshold, -_MOST), _MOST)
        self.depths = _no_depths()

    def start(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before the model is called."""
        if kwargs.get("past_key_values") is not None or kwargs.get("use_cache"):
            raise IncompatibleError("a model with early exits keeps no cache; call it with use_cache=False.")
        self.mask = kwargs.get("attention_mask")
        self.depths = _no_depths()

    def before_first(self, states: Tensor) -> None:
        rows, tokens = states.shape[:2]
        self.rows, self.final = torch.arange(rows, device=states.device), torch.empty_like(states)
        self.depths = torch.zeros(rows, dtype=torch.long, device=states.device)
        self.last = torch.full((rows,), tokens - 1, device=states.device)
        if self.mask is not None and self.mask.dim() == 2:
            places = torch.arange(tokens, device=states.device)
            self.last = (self.mask.to(states.device) * places).argmax(-1)

    def after(self, depth: int, before: Tensor, after: Tensor, *, is_last: bool) -> Tensor:
        """The states of the rows that stay, after a layer; after the last one those of all rows in their order."""
        leaves = self._leaves(depth, before, after) | is_last
        if bool(leaves.any()):
            gone = self.rows[leaves]
            self.final[gone], self.depths[gone] = after[leaves], depth
            self.rows, after = self.rows[~leaves], after[~leaves]
        return self.final if is_last else after

    def _leaves(self, depth: int, before: Tensor, after: Tensor) -> Tensor:
        if depth not in self.exits or not len(after):
            return torch.zeros(len(after), dtype=torch.bool, device=after.device)
        each = torch.arange(len(after), device=after.device), self.last[self.rows]
        return self.confidence.of(before[each], after[each], self.parts) >= self.threshold


class _Step:
    """The forward pass of one layer, for the rows that are left."""

    def __init__(self, run: _Run, layer: Any, index: int, *, is_last: bool) -> None:
        self._run, self._layer, self._index, self._is_last = run, layer, index, is_last

    def __call__(self, states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        run = self._run
        if self._index == 0:
            run.before_first(states)
        if not len(run.rows):
            return run.final if self._is_last else states
        own = [self._of_rows(value) for value in args], {name: self._of_rows(value) for name, value in kwargs.items()}
        after = type(self._layer).forward(self._layer, states, *own[0], **own[1])
        if not isinstance(after, Tensor):
            raise IncompatibleError(f"layers of {type(self._layer).__name__} return more than hidden states.")
        return run.after(self._index + 1, states, after, is_last=self._is_last)

    def _of_rows(self, value: Any) -> Any:
        """Of what belongs to all rows, the part of those that are left."""
        rows = len(self._run.final)
        if isinstance(value, tuple):
            return tuple(map(self._of_rows, value))
        is_of_rows = isinstance(value, Tensor) and value.dim() > 1 and len(value) == rows
        return value[self._run.rows] if is_of_rows and len(self._run.rows) < rows else value
