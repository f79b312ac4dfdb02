"""Labelled datasets: points, what they are called, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, as_array
from continuum.measures import admit_masses

from .admission import Features, admit_features, admit_hard, admit_soft, label_array

__all__ = ["LabelledDataset", "admit_datasets", "concatenate", "take"]


@dataclass(frozen=True, eq=False)
class LabelledDataset:
    """n points with hard or soft labels and weights.

    Args:
        x: features, (n, ...): an array or a tensor, kept as it is (on its device, in its floating dtype). Integers
            become floats without scaling.
        y: hard labels (n,) of any hashable kind, or soft labels (n, c) whose rows are distributions over `classes`.
        weights: masses (n,), normalised to sum to 1; None for uniform.
        classes: the c labels, in the order of the columns of soft labels; found from hard labels if None (sorted where
            they can be), `range(c)` for soft ones.

    Raises:
        InvalidInputError: for NaN, an empty set, lengths that differ, regression targets, or rows of soft labels that
            are not distributions.

    Example:
        >>> data = LabelledDataset(np.zeros((3, 2)), ["cat", "dog", "cat"])
        >>> data
        LabelledDataset(n=3, features=(2,), classes=2, hard)
        >>> data.codes
        array([0, 1, 0])
    """

    x: Any
    y: Any
    weights: Any = None
    classes: Any = None

    def __post_init__(self) -> None:
        x = admit_features(self.x)
        y = label_array(self.y)
        if y.ndim > 0 and len(y) != len(x):
            raise InvalidInputError(f"`x` has {len(x)} points and `y` has {len(y)} labels.")
        if y.ndim == 2:
            y, classes = admit_soft(y, self.classes)
        elif y.ndim == 1:
            y, classes = admit_hard(y, self.classes)
        else:
            raise InvalidInputError(f"`y` must be (n,) hard or (n, c) soft labels, got shape {y.shape}.")
        weights = admit_masses(self.weights, len(x), "weights").numpy()
        for name, value in {"x": x, "y": y, "weights": weights, "classes": classes}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        kind = "soft" if self.is_soft else "hard"
        return (
            f"LabelledDataset(n={len(self)}, features={tuple(self.x.shape[1:])}, classes={len(self.classes)}, {kind})"
        )

    @property
    def is_soft(self) -> bool:
        """Whether `y` holds distributions over `classes`."""
        return bool(self.y.ndim == 2)

    @cached_property
    def codes(self) -> NDArray[Any]:
        """Index in `classes` of each label, (n,); for soft labels that of the likeliest class."""
        if self.is_soft:
            return np.asarray(self.y.argmax(1))
        index = {label: code for code, label in enumerate(self.classes)}
        return np.array([index[label] for label in self.y.tolist()])

    @property
    def probabilities(self) -> NDArray[Any]:
        """Labels as distributions, (n, c) float64; one-hot for hard labels."""
        return np.asarray(self.y if self.is_soft else np.eye(len(self.classes))[self.codes])

    @property
    def device(self) -> torch.device:
        """Where `x` lives."""
        return self.x.device if isinstance(self.x, Tensor) else torch.device("cpu")

    @property
    def dimension(self) -> int:
        """Number d of features of a point."""
        return math.prod(self.x.shape[1:])

    def features(self, rows: slice | NDArray[Any] | None = None) -> Tensor:
        """`x` as vectors, (n, d), float32 or float64, on its device; of some rows only, these alone are read.

        May share memory with it, so do not write into them; halves are widened to float32.
        """
        chosen = self.x if rows is None else self.x[rows] if isinstance(rows, slice) else take(self.x, rows)
        flat = chosen.reshape(len(chosen), -1)
        if isinstance(flat, Tensor):
            return flat.detach().to(torch.promote_types(flat.dtype, torch.float32))
        return torch.from_numpy(np.require(flat, np.promote_types(flat.dtype, np.float32), ("C", "W")))

    def subset(self, indices: Any) -> LabelledDataset:
        """The points at `indices` (integers, a mask or a slice), with renormalised weights and the same classes.

        Raises:
            InvalidInputError: if `indices` do not fit, nothing is left, or only points of weight 0.
        """
        chosen = _rows(indices, len(self))
        weights = self.weights[chosen]
        if len(chosen) == 0 or weights.sum() == 0:
            raise InvalidInputError(f"subset leaves {len(chosen)} of {len(self)} points, of total weight 0.")
        return LabelledDataset(take(self.x, chosen), self.y[chosen], weights / weights.sum(), self.classes)

    def to_numpy(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """`(x, y)` as NumPy arrays: what scikit-learn calls `(X, y)`."""
        return as_array(self.x), self.y

    def to_torch(self) -> tuple[Tensor, Tensor]:
        """`(x, y)` as tensors on the device of `x`: hard labels as class indices (n,), soft ones as (n, c).

        `TensorDataset(*data.to_torch())` feeds a `DataLoader`.
        """
        y = torch.as_tensor(self.y if self.is_soft else self.codes)
        return torch.as_tensor(self.x), y.to(self.device)


def _rows(indices: Any, n: int) -> NDArray[Any]:
    """`indices` as row numbers below n."""
    try:
        wanted = indices if isinstance(indices, slice) else np.atleast_1d(np.asarray(indices))
    except ValueError:
        raise InvalidInputError(f"`indices` must be a list of rows, got unequal lists: {indices!r}.") from None
    if not isinstance(wanted, slice) and (wanted.ndim > 1 or wanted.size == 0):
        raise InvalidInputError(f"`indices` must be a list of rows, at least one, got shape {wanted.shape}.")
    try:
        return np.arange(n)[wanted]
    except IndexError as error:
        raise InvalidInputError(f"`indices` must be rows of the {n} points, or a mask or slice: {error}.") from None


def admit_datasets(**datasets: Any) -> None:
    """Refuse arguments that are no labelled datasets, by name.

    Raises:
        InvalidInputError: naming the argument and what it is.
    """
    for name, data in datasets.items():
        if not isinstance(data, LabelledDataset):
            seen = type(data).__name__
            raise InvalidInputError(f"`{name}` must be a LabelledDataset, got {seen}; write LabelledDataset(x, y).")


def take(x: Features, rows: NDArray[Any]) -> Features:
    """The rows of an array or a tensor, in fresh memory."""
    return x[torch.as_tensor(rows, device=x.device).long()] if isinstance(x, Tensor) else x[rows]


def concatenate(datasets: Iterable[LabelledDataset]) -> LabelledDataset:
    """All points of several datasets, each set with a mass in proportion to its size; equal labels are one class.

    Raises:
        IncompatibleError: if feature shapes differ.
    """
    datasets = [datasets] if isinstance(datasets, LabelledDataset) else list(datasets)
    if not datasets:
        raise InvalidInputError("concatenate needs at least one dataset, got none.")
    admit_datasets(**{f"datasets[{place}]": data for place, data in enumerate(datasets)})
    shapes = {tuple(data.x.shape[1:]) for data in datasets}
    if len(shapes) > 1:
        raise IncompatibleError(f"datasets to concatenate must have one feature shape, got {sorted(shapes)}.")
    classes = tuple(dict.fromkeys(label for data in datasets for label in data.classes))
    columns = {label: column for column, label in enumerate(classes)}
    x = [data.x for data in datasets]
    joined = torch.cat([torch.as_tensor(part) for part in x]) if isinstance(x[0], Tensor) else np.concatenate(x)
    weights = np.concatenate([data.weights * len(data) for data in datasets])
    if any(data.is_soft for data in datasets):
        y = np.zeros((len(joined), len(classes)))
        start = 0
        for data in datasets:
            y[start : start + len(data), [columns[label] for label in data.classes]] = data.probabilities
            start += len(data)
    else:
        y = label_array([label for data in datasets for label in data.y.tolist()])
    return LabelledDataset(joined, y, weights / weights.sum(), classes)
