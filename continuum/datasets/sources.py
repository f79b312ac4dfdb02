"""Open image sets as labelled data sets, without a network.

Five sets of ten classes: `digits` comes with scikit-learn, the others are fetched once with `continuum fetch NAME`, or
read from IDX files below the folders in `$CONTINUUM_DATA`.
"""

from __future__ import annotations

import operator
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core.errors import InvalidInputError, MissingDataError, StoreError

from .fetch import cache_path
from .idx import find_idx_folders, read_idx_pair
from .recipes import check_images

if TYPE_CHECKING:
    from .labelled import LabelledDataset

__all__ = ["SOURCES", "Source", "available", "load", "read", "resize"]

Images = NDArray[np.uint8]
Split = Literal["train", "test", "all"]

_PARTS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}
_SPLIT_SEED = 0


@dataclass(frozen=True)
class Source:
    """What is known about a set before it is read.

    Attributes:
        title: one line for a list of sets.
        side: height and width of an image in pixels.
        white: the stored value that stands for 1.0.
        licence: under which terms its package is distributed.
        official_split: whether its authors say which images are for testing.
        classes: names of the labels 0, 1, ... if the set has names.
        folders: names under which its IDX files are found, in lower case without `-` and `_`.
    """

    title: str
    side: int
    white: int
    licence: str
    official_split: bool = False
    classes: tuple[str, ...] | None = None
    folders: tuple[str, ...] = ()


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "digits": Source("1,797 handwritten digits, part of optdigits", side=8, white=16, licence="CC BY 4.0"),
        "mnist": Source(
            "70,000 handwritten digits",
            side=28,
            white=255,
            licence="package ISC, images usually CC BY-SA 3.0",
            official_split=True,
            folders=("mnist",),
        ),
        "fashion-mnist": Source(
            "70,000 pieces of clothing",
            side=28,
            white=255,
            licence="MIT",
            official_split=True,
            folders=("fashionmnist", "fashion"),
        ),
        "animals": Source(
            "10,000 silhouettes of animals",
            side=28,
            white=255,
            licence="MIT",
            classes=("bear", "bird", "cat", "cow", "dog", "elephant", "giraffe", "horse", "sheep", "zebra"),
        ),
        "optdigits": Source("5,620 handwritten digits, contains digits", side=8, white=16, licence="CC BY 4.0"),
    }
)


def load(name: str, *, split: Split = "train", n: int | None = None, seed: int | None = None) -> LabelledDataset:
    """An open image set with pixels in [0, 1].

    Sets without an official split hold out one fifth of every class, drawn once and for all; images that occur twice
    stay in the training part, so no test image is known from training. `digits` is a part of `optdigits`: do not
    transfer from one to the other and call it a different population.

    Args:
        name: one of `SOURCES`.
        split: "train", "test", or "all" (train before test where the split is official).
        n: how many images; all of the split by default.
        seed: None for the first `n` in file order; an integer for `n` drawn uniformly without replacement. With one
            seed a smaller `n` gives a prefix of a larger one.

    Returns:
        Float32 images (n, 28, 28), or (n, 8, 8) for the two sets of digits from UCI (see `resize`), with int64 labels
        0..9, or names for `animals`.

    Raises:
        InvalidInputError: if `name` or `split` is unknown, or the split has fewer than `n` images.
        MissingDataError: if the set is not on this machine; the message names the command that fetches it.
    """
    from .labelled import LabelledDataset

    x, y = read(name, split)
    rows = _choose(len(y), n, seed, f"{split} split of `{name}`")
    x, y = x[rows], y[rows]
    source = SOURCES[name]
    labels = y if source.classes is None else np.array(source.classes)[y]
    return LabelledDataset(x.astype(np.float32) / np.float32(source.white), labels)


def read(name: str, split: Split = "train") -> tuple[Images, NDArray[np.int64]]:
    """Stored pixel values (n, h, w) and labels 0..9 (n,) of a set, in file order; see `load`.

    Example:
        >>> x, y = read("digits", "test")
        >>> x.shape, y[:4].tolist()
        ((359, 8, 8), [3, 7, 3, 9])
    """
    source = _source(name)
    if split not in _PARTS:
        raise InvalidInputError(f"`split` must be one of {', '.join(_PARTS)}, got {split!r}")
    if source.official_split:
        parts = [_read_part(name, part) for part in _PARTS[split]]
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    x, y = _read_part(name, "all")
    rows = _split_rows(x, y, split)
    return x[rows], y[rows]


def available() -> tuple[str, ...]:
    """The names of the sets whose data are on this machine."""
    return tuple(name for name in SOURCES if _is_here(name))


def resize(x: NDArray[Any], size: int) -> NDArray[np.float32]:
    """Images resampled to (n, size, size) by bilinear interpolation, smoothed first when they shrink.

    Weights are those of a triangle as wide as the coarser of the two pixel grids, which is what
    `torch.nn.functional.interpolate` computes with `antialias=True`. Values stay within the range of `x`.

    Args:
        x: images, (n, h, w).
        size: the new height and width.

    Example:
        >>> resize(np.array([[[0.0, 1.0]]]), 4)[0, 0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    x = np.asarray(x)
    if x.ndim != 3 or x.size == 0:
        raise InvalidInputError(f"`x` must be images (n, h, w), got shape {x.shape}")
    size = _integer("size", size, least=1)
    rows, columns = (_triangle_weights(side, size) for side in x.shape[1:])
    return rows @ x.astype(np.float32, copy=False) @ columns.T


def _triangle_weights(old: int, new: int) -> NDArray[np.float32]:
    """How much every old pixel (columns) gives to every new one (rows); rows sum to 1."""
    scale = old / new
    centres = (np.arange(new)[:, None] + 0.5) * scale - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(centres - np.arange(old)) / max(1.0, scale))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _source(name: str) -> Source:
    try:
        return SOURCES[name]
    except KeyError:
        raise InvalidInputError(f"no set is called `{name}`; choose one of {', '.join(SOURCES)}") from None


def _choose(total: int, n: int | None, seed: int | None, what: str) -> NDArray[np.intp]:
    """The rows that `load` keeps."""
    n = total if n is None else _integer("n", n, least=1)
    if n > total:
        raise InvalidInputError(f"`n` is {n}, but the {what} has {total} images; ask for at most that many")
    if seed is None:
        return np.arange(n)
    return np.random.default_rng(_integer("seed", seed, least=0)).permutation(total)[:n]


def _integer(argument: str, value: int, *, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidInputError(f"`{argument}` must be an integer, got {value!r}") from None
    if number < least:
        raise InvalidInputError(f"`{argument}` must be at least {least}, got {number}")
    return number


def _split_rows(x: Images, y: NDArray[Any], split: Split) -> NDArray[np.intp]:
    """The rows of one split of a set that has no official one, in file order."""
    if split == "all":
        return np.arange(len(y))
    # RandomState, not Generator: numpy promises that its stream never changes, so neither does the split.
    order = np.random.RandomState(_SPLIT_SEED)
    unique = _occurs_once(x)
    test = np.zeros(len(y), bool)
    for label in np.unique(y):
        of_class = y == label
        candidates = np.flatnonzero(of_class & unique)
        test[order.permutation(candidates)[: round(of_class.sum() / 5)]] = True
    return np.flatnonzero(test if split == "test" else ~test)


def _occurs_once(x: Images) -> NDArray[np.bool_]:
    """Whether an image has no exact copy among the others."""
    images = np.ascontiguousarray(x).reshape(len(x), -1)
    as_one_value = images.view(np.dtype((np.void, images.shape[1])))[:, 0]
    _, which, copies = np.unique(as_one_value, return_inverse=True, return_counts=True)
    return np.asarray(copies[which] == 1)


def _read_part(name: str, part: str) -> tuple[Images, NDArray[np.int64]]:
    """One part of a set as it is stored: "train", "test", or "all" for a set without an official split."""
    if name == "digits":
        x, y = _read_digits()
    elif folder := _idx_folder(name, part):
        x, y = read_idx_pair(folder, part)
    else:
        x, y = _read_cache(name, part)
    check_images(name, x, y)
    side = SOURCES[name].side
    if x.shape[1:] != (side, side):
        raise InvalidInputError(f"images of `{name}` must be {side} x {side}, got {x.shape[1]} x {x.shape[2]}")
    return x, y.astype(np.int64)


def _read_digits() -> tuple[Images, NDArray[Any]]:
    # Imported here: scikit-learn takes a second to import, and only this set needs it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target


def _read_cache(name: str, part: str) -> tuple[Images, NDArray[Any]]:
    path = cache_path(name)
    if not path.exists():
        raise MissingDataError(_how_to_get(name))
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[f"x_{part}"], arrays[f"y_{part}"]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"`{path}` is damaged ({error}): delete it and run `continuum fetch {name}`") from error


def _how_to_get(name: str) -> str:
    message = f"the images of `{name}` are not on this machine: run `continuum fetch {name}`"
    if SOURCES[name].folders:
        message += f", or put its four IDX files into a folder `{name}` and set CONTINUUM_DATA to the parent of that"
    return message


def _is_here(name: str) -> bool:
    return name == "digits" or _idx_folder(name, "train") is not None or cache_path(name).exists()


def _idx_folder(name: str, part: str) -> Path | None:
    """The first folder below `$CONTINUUM_DATA` that holds a part of this set."""
    if not SOURCES[name].folders:
        return None
    folders = ((folder, root) for root in _data_roots() for folder in find_idx_folders(root, part))
    return next((folder for folder, root in folders if _set_of(folder, root) == name), None)


def _data_roots() -> Iterator[Path]:
    for root in filter(None, os.environ.get("CONTINUUM_DATA", "").split(os.pathsep)):
        if not Path(root).is_dir():
            raise InvalidInputError(f"CONTINUUM_DATA names `{root}`, which is not a folder; correct it or unset it")
        yield Path(root).resolve()


def _set_of(folder: Path, root: Path) -> str | None:
    """The set that the nearest telling name on the way from `folder` up to `root` stands for."""
    for part in reversed(folder.relative_to(root.parent).parts):
        plain = part.lower().replace("-", "").replace("_", "")
        for name, source in SOURCES.items():
            if plain in source.folders:
                return name
    return None
