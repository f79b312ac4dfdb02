"""Coefficients of their own for the rows of a batch, and for the tokens of a row."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from continuum.core import Domain, IncompatibleError, InvalidInputError, LeaseError, PointLike

from .lora_layers import LoraPlace

__all__ = ["coefficients_followed", "points_of_rows", "rows_checked"]

_rows: ContextVar[int | None] = ContextVar("rows", default=None)  # of the batch that is under way, if they differ


@contextmanager
def coefficients_followed(
    model: nn.Module, coefficients: Callable[[], Tensor], put: Callable[[Tensor], None]
) -> Iterator[None]:
    """Within this block every batch that `model` sees has the coefficients of its rows.

    They are asked for anew for each batch, so that each has a graph of its own to differentiate. Generation repeats
    rows, for beams or for several sequences of a prompt, and feeds one token after the other: the coefficients follow.

    Args:
        model: the language model itself, not a wrapper.
        coefficients: gives (k,) for all rows alike, (rows, k), or (rows, tokens, k); beyond its tokens a schedule keeps
            its last value, and padding on the left counts.
        put: takes coefficients (k,), or (rows, tokens or 1, k).

    Raises:
        IncompatibleError: from within the block, if a batch has another number of rows.
    """
    follower = _Follower(coefficients, put)
    # The backbone too: who calls it alone, for features or another head, is followed as well.
    parts = {id(part): part for part in (model, getattr(model, "base_model", model))}.values()
    with ExitStack() as stack:
        for part in parts:
            stack.callback(part.register_forward_pre_hook(follower.before, with_kwargs=True).remove)
            stack.callback(part.register_forward_hook(follower.after, always_call=True).remove)
        stack.enter_context(_generation_watched(model, follower))
        yield


@contextmanager
def rows_checked(places: Sequence[LoraPlace]) -> Iterator[None]:
    """Within this block a layer whose input is not (rows, tokens, features) refuses rows of their own coefficients.

    Broadcasting would give such a layer, as it is in mixtures of experts, a wrong output without a word.
    """

    def check(name: str) -> Callable[[Any, tuple[Any, ...]], None]:
        def hook(layer: Any, inputs: tuple[Any, ...]) -> None:
            rows = _rows.get()
            if rows is None:
                raise LeaseError(f"`{name}` was called by itself; call the model, or its backbone, with a batch.")
            if inputs[0].ndim != 3 or len(inputs[0]) != rows:
                raise IncompatibleError(
                    f"`{name}` sees an input of shape {tuple(inputs[0].shape)}, not the {rows} rows of the batch: rows "
                    "cannot have coefficients of their own there."
                )

        return hook

    handles = [place.layer.register_forward_pre_hook(check(place.name)) for place in places]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def points_of_rows(domain: Domain, points: Sequence[PointLike] | NDArray[Any] | Tensor) -> Tensor:
    """Points as a tensor (rows, axes) or (rows, tokens, axes), each of them in the domain.

    Raises:
        InvalidInputError: if the shape is another, or there are no rows.
        DomainError: if a point is outside.
    """
    axes = len(domain.axes)
    if isinstance(points, np.ndarray) and points.dtype.kind in "iuf":
        points = torch.from_numpy(points)
    if not isinstance(points, Tensor):
        if not isinstance(points, Sequence) or isinstance(points, str):
            raise InvalidInputError(f"`points` must be a point for each row, got {points!r}.")
        points = torch.tensor([domain.point(point) for point in points], dtype=torch.float64).reshape(-1, axes)
    x = points[..., None] if points.ndim == 1 and axes == 1 else points
    if x.ndim not in (2, 3) or x.shape[-1] != axes or not x.numel():
        raise InvalidInputError(
            f"`points` must be (rows, {axes}) or (rows, tokens, {axes}) for the axes {domain.axes}, got "
            f"{tuple(points.shape)}."
        )
    if x.dtype == torch.bool or x.is_complex():
        raise InvalidInputError(f"`points` must be real numbers, got {x.dtype}.")
    if x.dtype not in (torch.float32, torch.float64):
        x = x.double()  # a point in half precision is one, but its coefficients are not rounded to it again
    for point in x.detach().reshape(-1, axes).tolist():
        domain.point(point)
    return x


class _Follower:
    """Puts the coefficients of the rows and tokens of each batch."""

    def __init__(self, coefficients: Callable[[], Tensor], put: Callable[[Tensor], None]) -> None:
        self._coefficients, self._put = coefficients, put
        self._depth = 0  # of parts of the model that are at work, one within the other
        self.generates = False

    def before(self, part: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._depth += 1
        if self._depth > 1:
            return
        c = self._coefficients()
        if c.ndim == 1:
            self._put(c)
            return
        rows, tokens = _shape_of_batch(args, kwargs)
        repeats = self._repeats(len(c), rows)
        part = c[:, None] if c.ndim == 2 else _window(c, _past(kwargs), tokens)
        self._put(part.repeat_interleave(repeats, 0) if repeats > 1 else part)
        _rows.set(rows)

    def after(self, part: Any, inputs: Any, output: Any) -> None:
        self._depth -= 1
        if not self._depth:
            _rows.set(None)

    def _repeats(self, asked: int, rows: int) -> int:
        if rows == asked or (self.generates and rows % asked == 0):
            return rows // asked
        raise IncompatibleError(f"{asked} rows of coefficients were given for a batch of {rows} rows; give one a row.")

    def check_prompts(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        c = self._coefficients()
        prompts = args[0] if args else next((kwargs[k] for k in _INPUTS if kwargs.get(k) is not None), None)
        rows = 1 if prompts is None else len(prompts)
        if c.ndim > 1 and rows != len(c):
            raise IncompatibleError(f"{len(c)} rows of coefficients were given for {rows} prompts; give one a prompt.")


_INPUTS = ("input_ids", "inputs_embeds", "inputs")


@contextmanager
def _generation_watched(model: nn.Module, follower: _Follower) -> Iterator[None]:
    """Within this block `follower` knows when rows are repeated because `model.generate` repeats them."""
    generate = getattr(model, "generate", None)
    if generate is None:
        yield
        return

    def watched(*args: Any, **kwargs: Any) -> Any:
        follower.check_prompts(args, kwargs)
        follower.generates = True
        try:
            return generate(*args, **kwargs)
        finally:
            follower.generates = False

    model.__dict__["generate"] = watched  # hides the method of the class, for this object only
    try:
        yield
    finally:
        with contextlib.suppress(KeyError):
            del model.__dict__["generate"]


def _shape_of_batch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, int]:
    values = [*args[:1], *(kwargs.get(name) for name in _INPUTS)]
    batch = next((value for value in values if isinstance(value, Tensor)), None)
    if batch is None or batch.ndim < 2:
        raise IncompatibleError("rows of coefficients need a batch (rows, tokens) as `input_ids` or `inputs_embeds`.")
    return batch.shape[0], batch.shape[1]


def _past(kwargs: dict[str, Any]) -> int:
    """Tokens of each row that the model has seen before."""
    past = kwargs.get("past_key_values")
    return 0 if past is None else int(past.get_seq_length())


def _window(c: Tensor, start: int, tokens: int) -> Tensor:
    places = torch.arange(start, start + tokens, device=c.device).clamp(max=c.shape[1] - 1)
    return c[:, places]
