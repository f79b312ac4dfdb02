"""What a value looks like: one function, which knows numbers and arrays and can be taught every other type.

How the values of the axes look is in modules that load when such a value is first met: looking at a list of numbers
imports neither torch nor transformers.
"""

from __future__ import annotations

import functools
import importlib
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, as_array, leaves
from continuum.harness import Clouds, Exhibit, Facts, Images, Texts

__all__ = ["Ask", "renderer", "show"]

# Packages whose values look like something, and the module that says like what.
_RENDERERS = {
    "continuum.datasets": "show_datasets",
    "continuum.selection": "show_datasets",
    "continuum.compute": "show_clouds",
    "continuum.models": "show_models",
    "transformers": "show_models",
    "peft": "show_models",
    "torch": "show_models",
}
_ROWS = 12  # leaves that are told apart
_POINTS = 4096  # of a cloud


@dataclass(frozen=True)
class Ask:
    """What a reader wants to see of a value.

    Attributes:
        prompt: what language models go on from.
        seed: of the noise with which they do: the same at every point, so that texts differ only where models do.
        tokens: most tokens of a text.
        items: most images, clouds or texts.
    """

    prompt: str = "The film was"
    seed: int = 0
    tokens: int = 32
    items: int = 12


_ASK = Ask()


def show(value: Any, ask: Ask = _ASK) -> tuple[Exhibit, ...]:
    """What a value looks like.

    Labelled images are images with their labels, points in the plane or in space are clouds, language models go on from
    a prompt, and anything has the shapes and numbers of the arrays that it is made of.

    Args:
        value: any value of a path.
        ask: what is wanted.

    Example:
        >>> show(np.arange(3.0))[0].rows
        {'array': 'float64 (3,), mean 1, from 0 to 2'}
    """
    for cls in type(value).__mro__:
        for package, module in _RENDERERS.items():
            if cls.__module__ == package or cls.__module__.startswith(f"{package}."):
                importlib.import_module(f".{module}", __package__)
    return tuple(renderer(value, ask))


@functools.singledispatch
def renderer(value: Any, ask: Ask) -> Iterator[Exhibit]:
    """What `show` dispatches on: register a type to say how it looks.

    Example:
        >>> class Coin:
        ...     side = "heads"
        >>> @renderer.register
        ... def _(value: Coin, ask: Ask):
        ...     yield Facts({"side": value.side})
        >>> show(Coin())
        (Facts(rows={'side': 'heads'}),)
    """
    yield facts_of(value)


@renderer.register(str)
def _(value: str, ask: Ask) -> Iterator[Exhibit]:
    yield Texts((value,))


@renderer.register
def _(value: numbers.Number, ask: Ask) -> Iterator[Exhibit]:
    yield Facts({"value": f"{value:.6g}" if isinstance(value, int | float) else str(value)})


@renderer.register
def _(value: np.ndarray, ask: Ask) -> Iterator[Exhibit]:
    yield from array_exhibits(value, ask)


@renderer.register
def _(value: Mapping, ask: Ask) -> Iterator[Exhibit]:  # type: ignore[type-arg]
    for name, part in value.items():
        yield Facts({str(name): type(part).__name__})
        yield from show(part, ask)


def array_exhibits(value: Any, ask: Ask) -> Iterator[Exhibit]:
    """An array as clouds or images where it can be some, with its shape and numbers."""
    array = as_array(value)
    if _is_finite(array) and array.shape[-1:] in ((2,), (3,)) and array.ndim in (2, 3) and array.shape[-2] > 3:
        clouds = array[None] if array.ndim == 2 else array[: ask.items]
        yield Clouds(tuple(cloud[:_POINTS] for cloud in clouds))
    elif _is_finite(array) and _are_images(array):
        yield Images(pixels_of(array[: ask.items]))
    yield facts_of(value)


def pixels_of(images: NDArray[Any]) -> NDArray[Any]:
    """Images in [0, 1]; those with other values are stretched together."""
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return images
    return np.asarray((images - low) / ((high - low) or 1.0))


def facts_of(value: Any) -> Facts:
    """The shapes and numbers of the arrays that a value is made of."""
    try:
        found = leaves(value)
    except InvalidInputError:
        return Facts({"type": type(value).__name__, "value": f"{value!r:.200}"})
    if not found:
        return Facts({"type": type(value).__name__})
    names = ["array"] if len(found) == 1 else [f"part {i + 1}" for i in range(len(found))]
    rows = dict(zip(names, map(_fact, found), strict=True))
    kept = dict(list(rows.items())[:_ROWS])
    return Facts(kept | ({"and": f"{len(rows) - _ROWS} more parts"} if len(rows) > _ROWS else {}))


def _fact(leaf: Any) -> str:
    array = as_array(leaf)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        return f"{leaf!r:.80}" if array.ndim == 0 else f"{array.dtype} {array.shape}"
    if array.size == 0:
        return f"{array.dtype} {array.shape}"
    low, high = array.min(), array.max()
    return f"{array.dtype} {array.shape}, mean {array.mean():.4g}, from {low:.4g} to {high:.4g}"


def _are_images(array: NDArray[Any]) -> bool:
    is_picture = array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)
    return is_picture and min(array.shape[1:3]) >= 4


def _is_finite(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "buif" and array.size > 0 and bool(np.isfinite(array).all())
