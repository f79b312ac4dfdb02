"""What a value looks like: images, texts, point clouds or facts, in a form that a store keeps and a page shows."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, StoreError, as_array

__all__ = ["Clouds", "Exhibit", "Facts", "Images", "Texts", "admit_exhibits", "packed_exhibits", "unpacked_exhibits"]

_ROUNDING = 1e-6
_MOST = 2**20  # bytes of what is shown of one value: a page holds many


@dataclass(frozen=True, eq=False)
class Images:
    """A few images, black for 0 and white for 1.

    Args:
        pixels: k images in [0, 1], (k, h, w) grey or (k, h, w, 3) in colour; kept with 8 bits a channel.
        captions: a short text for each, such as its label; none by default.

    Raises:
        InvalidInputError: if the shape does not fit, or a value lies outside [0, 1].
    """

    pixels: NDArray[np.uint8]
    captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels = as_array(self.pixels)
        if pixels.ndim not in (3, 4) or 0 in pixels.shape or pixels.shape[3:] not in ((), (3,)):
            raise InvalidInputError(f"`pixels` must be (k, h, w) or (k, h, w, 3), got shape {pixels.shape}.")
        if pixels.dtype != np.uint8:
            pixels = _in_bytes(pixels)
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "captions", _captions(self.captions, len(pixels)))


@dataclass(frozen=True)
class Texts:
    """A few texts.

    Args:
        texts: the texts.
        captions: a short text for each, such as the prompt that it goes on from; none by default.

    Raises:
        InvalidInputError: if there is no text, or there are not as many captions.
    """

    texts: tuple[str, ...]
    captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.texts, str) or not len(self.texts):
            raise InvalidInputError(f"`texts` must be a sequence of texts, at least one, got {self.texts!r:.60}.")
        object.__setattr__(self, "texts", tuple(map(str, self.texts)))
        object.__setattr__(self, "captions", _captions(self.captions, len(self.texts)))


@dataclass(frozen=True, eq=False)
class Clouds:
    """A few point clouds in the plane or in space.

    Args:
        points: a cloud (n, 2) or (n, 3) each; kept in float32.
        groups: a whole number from 0 for each point of each cloud, which is shown by a colour; none by default.
        captions: a short text for each cloud; none by default.

    Raises:
        InvalidInputError: if a cloud is empty, not finite, or of another dimension.
    """

    points: tuple[NDArray[np.float32], ...]
    groups: tuple[NDArray[np.int64], ...] = ()
    captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        points = tuple(as_array(cloud).astype(np.float32) for cloud in self.points)
        if not points:
            raise InvalidInputError("`points` needs at least one cloud, got none.")
        for i, cloud in enumerate(points):
            if cloud.ndim != 2 or not len(cloud) or cloud.shape[1] not in (2, 3) or not np.isfinite(cloud).all():
                raise InvalidInputError(f"cloud {i} must be (n, 2) or (n, 3) and finite, got shape {cloud.shape}.")
        groups = tuple(as_array(group).astype(np.int64) for group in self.groups)
        if groups and [len(group) for group in groups] != [len(cloud) for cloud in points]:
            raise InvalidInputError("`groups` must have one number for each point of each cloud.")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "captions", _captions(self.captions, len(points)))


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for, such as the number of parameters of a model.

    Example:
        >>> Facts({"points": 3}).rows
        {'points': '3'}
    """

    rows: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", {str(name): str(value) for name, value in self.rows.items()})


Exhibit: TypeAlias = Images | Texts | Clouds | Facts


def admit_exhibits(shown: object) -> tuple[Exhibit, ...]:
    """One exhibit or several.

    Raises:
        InvalidInputError: if it is something else.
    """
    several = tuple(shown) if isinstance(shown, Sequence) and not isinstance(shown, str) else (shown,)
    for one in several:
        if not isinstance(one, Images | Texts | Clouds | Facts):
            raise InvalidInputError(
                f"what is shown of a value must be Images, Texts, Clouds or Facts, or several, got "
                f"{type(one).__name__}: {one!r:.60}."
            )
    return several


def packed_exhibits(shown: Iterable[Exhibit]) -> bytes:
    """Exhibits as compressed JSON.

    Raises:
        InvalidInputError: if they take more than a MiB.
    """
    content = zlib.compress(json.dumps([_plain(one) for one in shown], ensure_ascii=False).encode("utf-8", "replace"))
    if len(content) > _MOST:
        raise InvalidInputError(
            f"what is shown of one value takes {len(content)} bytes, and a page holds many: show fewer, smaller ones "
            f"(at most {_MOST})."
        )
    return content


def unpacked_exhibits(content: bytes) -> tuple[Exhibit, ...]:
    """The exhibits that `packed_exhibits` packed.

    Raises:
        StoreError: if it was something else.
    """
    try:
        return tuple(_exhibit(one) for one in json.loads(zlib.decompress(content)))
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"an exhibit is damaged ({type(error).__name__}: {error}); draw it again.") from error


def _plain(one: Exhibit) -> dict[str, Any]:
    if isinstance(one, Images):
        return {"kind": "images", "pixels": _text_of(one.pixels), "captions": one.captions}
    if isinstance(one, Texts):
        return {"kind": "texts", "texts": one.texts, "captions": one.captions}
    if isinstance(one, Clouds):
        points, groups = ([_text_of(part) for part in parts] for parts in (one.points, one.groups))
        return {"kind": "clouds", "points": points, "groups": groups, "captions": one.captions}
    return {"kind": "facts", "rows": dict(one.rows)}


def _exhibit(content: dict[str, Any]) -> Exhibit:
    kind, captions = content["kind"], tuple(content.get("captions", ()))
    if kind == "images":
        return Images(_array_of(content["pixels"]), captions)
    if kind == "texts":
        return Texts(tuple(content["texts"]), captions)
    if kind == "clouds":
        points, groups = (tuple(map(_array_of, content[name])) for name in ("points", "groups"))
        return Clouds(points, groups, captions)
    if kind == "facts":
        return Facts(content["rows"])
    raise ValueError(f"unknown kind {kind!r}; a newer version of continuum wrote it")


def _text_of(array: NDArray[Any]) -> dict[str, Any]:
    dtype = array.dtype.newbyteorder("<")
    return {
        "dtype": dtype.str,
        "shape": array.shape,
        "data": base64.b64encode(array.astype(dtype).tobytes()).decode(),
    }


def _array_of(content: dict[str, Any]) -> NDArray[Any]:
    data = np.frombuffer(base64.b64decode(content["data"]), np.dtype(content["dtype"]))
    return data.reshape(content["shape"])


def _in_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # NaN too
        raise InvalidInputError(f"`pixels` must lie in [0, 1], got [{low:g}, {high:g}]; rescale the images.")
    return np.asarray(np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)


def _captions(captions: Iterable[object], count: int) -> tuple[str, ...]:
    texts = tuple(map(str, captions))
    if texts and len(texts) != count:
        raise InvalidInputError(f"`captions` must be {count} texts or none, got {len(texts)}.")
    return texts
