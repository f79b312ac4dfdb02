"""Point clouds of real objects."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from continuum.artifacts import cache_path
from continuum.core import InvalidInputError, MissingDataError, StoreError

from .recipes import RECIPES

__all__ = ["Objects", "load_furniture"]

Split = Literal["train", "test", "all"]
_SPLIT_SEED = 0


@dataclass(frozen=True, eq=False)
class Objects:
    """Labelled clouds of points on objects, all of one size.

    Attributes:
        points: (n, m, 3) in float32; centred, within the unit ball, y upwards.
        labels: rows of `classes`, (n,).
        classes: names of the classes.
        names: what each object is called.
        authors: who made it.
        licences: under which terms; those of CC BY ask that the author be named.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    authors: tuple[str, ...]
    licences: tuple[str, ...]

    def __len__(self) -> int:
        """How many objects."""
        return len(self.points)


def load_furniture(split: Split = "train") -> Objects:
    """Points on 367 models of eleven classes: 2,048 of each, from the meshes of the package sweethome3d-furniture.

    Classes are found by words in the names of the models, so that they are rough in places. One fifth of the models of
    every class is held out, drawn once and for all.

    Args:
        split: "train", "test" or "all".

    Raises:
        InvalidInputError: if `split` is none of these.
        MissingDataError: if the models are not on this machine; the message names the command that fetches them.
        StoreError: if what was fetched is damaged.
    """
    if split not in get_args(Split):
        raise InvalidInputError(f"`split` must be one of {', '.join(get_args(Split))}, got {split!r}.")
    arrays = _read()
    rows = _split_rows(arrays["labels"], split)
    return Objects(
        arrays["points"][rows],
        arrays["labels"][rows].astype(np.int64),
        tuple(arrays["classes"].tolist()),
        *(tuple(arrays[key][rows].tolist()) for key in ("names", "authors", "licences")),
    )


def _read() -> dict[str, NDArray[Any]]:
    path = cache_path("furniture", RECIPES)
    if not path.exists():
        raise MissingDataError("the furniture is not on this machine: run `continuum fetch furniture`.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in ("points", "labels", "classes", "names", "authors", "licences")}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"`{path}` is damaged ({error}): delete it and run `continuum fetch furniture`.") from error


def _split_rows(labels: NDArray[Any], split: Split) -> NDArray[np.intp]:
    """The rows of a split, in the order of the file."""
    if split == "all":
        return np.arange(len(labels))
    # RandomState, not Generator: numpy promises that its stream never changes, so neither does the split.
    order = np.random.RandomState(_SPLIT_SEED)
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        test[order.permutation(members)[: round(len(members) / 5)]] = True
    return np.flatnonzero(test if split == "test" else ~test)
