"""Labelled datasets: points, what they are called, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, as_array
from continuum.measures import admit_array, admit_masses

__all__ = ["Features", "LabelledDataset", "admit_datasets", "concatenate", "take"]

Features = NDArray[Any] | Tensor


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
        x = _admit_features(self.x)
        y = _label_array(self.y)
        if y.ndim > 0 and len(y) != len(x):
            raise InvalidInputError(f"`x` has {len(x)} points and `y` has {len(y)} labels.")
        if y.ndim == 2:
            y, classes = _admit_soft(y, self.classes)
        elif y.ndim == 1:
            y, classes = _admit_hard(y, self.classes)
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
        y = _label_array([label for data in datasets for label in data.y.tolist()])
    return LabelledDataset(joined, y, weights / weights.sum(), classes)


def _admit_features(x: Any) -> Features:
    if np.ma.is_masked(x):
        raise InvalidInputError("`x` has masked entries; fill or drop them.")
    try:
        values = x if isinstance(x, Tensor) else np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"`x` must be an array (n, ...), got {type(x).__name__}: {error}") from None
    if values.ndim < 2 or 0 in values.shape:
        raise InvalidInputError(
            f"`x` must be (n, ...) with n > 0 points and at least one feature, got shape {tuple(values.shape)}."
        )
    values = _floating_tensor(values) if isinstance(values, Tensor) else _floating_array(values)
    finite = torch.isfinite(values) if isinstance(values, Tensor) else np.isfinite(values)
    if not bool(finite.all()):
        admit_array(values, "x")  # raises, with the count and the first place
    return values


def _floating_tensor(x: Tensor) -> Tensor:
    if x.layout != torch.strided or x.is_meta or x.is_quantized:
        raise InvalidInputError(f"`x` must be a dense tensor with numbers, got {x.layout} of {x.dtype} on {x.device}.")
    if x.is_complex():
        raise InvalidInputError(f"`x` must hold real numbers, got dtype {x.dtype}.")
    if x.is_floating_point():
        return x
    return x.float() if x.dtype.itemsize <= 2 else x.double()


def _floating_array(x: NDArray[Any]) -> NDArray[Any]:
    if x.dtype.kind in "biu":
        return x.astype(np.float32 if x.dtype.itemsize <= 2 else np.float64)
    if x.dtype.kind != "f":
        raise InvalidInputError(f"`x` must hold real numbers, got dtype {x.dtype}.")
    native = np.dtype(f"f{min(x.dtype.itemsize, 8)}")
    if x.dtype == native and min(x.strides) >= 0:
        return x
    return np.ascontiguousarray(x, native)  # torch reads neither foreign or long floats nor negative strides


def _label_array(y: Any) -> NDArray[Any]:
    if isinstance(y, Tensor):
        return as_array(y)
    if isinstance(y, str | bytes | Mapping | Set):
        raise InvalidInputError(f"`y` must be labels (n,) or (n, c), one for each point, got a {type(y).__name__}.")
    if isinstance(y, np.ndarray):
        return y
    if hasattr(y, "to_numpy"):  # iterating over a table gives the names of its columns
        return np.asarray(y.to_numpy())
    try:
        values = list(y)
    except TypeError as error:
        raise InvalidInputError(f"`y` must be labels (n,) or (n, c), got {type(y).__name__}: {error}.") from None
    tuples = any(isinstance(label, tuple) for label in values)
    try:
        array = np.asarray(values)
        kept = not tuples and (array.ndim > 1 or array.tolist() == values)
    except ValueError:
        kept = False
    # NumPy takes tuples for rows, and turns all labels into strings where one is, and large integers into floats.
    return array if kept else np.fromiter(values, dtype=object, count=len(values))


def _admit_soft(y: NDArray[Any], classes: Any) -> tuple[NDArray[Any], tuple[Hashable, ...]]:
    if y.shape[1] == 1 and not (y == 1).all():
        raise InvalidInputError(f"`y` is a column (n, 1), not labels (n,): pass `y.ravel()`, got shape {y.shape}.")
    probabilities = admit_array(y, "y", ndim=2).numpy()
    sums = probabilities.sum(1)
    wrong = (probabilities < 0).any(1) | (np.abs(sums - 1) > 1e-5)
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidInputError(
            f"{int(wrong.sum())} rows of soft labels `y` are not distributions; row {row} is {probabilities[row]} "
            f"with sum {sums[row]:.6g}."
        )
    known = tuple(range(y.shape[1])) if classes is None else _admit_classes(classes)
    if len(known) != y.shape[1]:
        raise InvalidInputError(f"`classes` must be {y.shape[1]} labels, one a column of `y`, got {known}.")
    return probabilities / sums[:, None], known


def _admit_hard(y: NDArray[Any], classes: Any) -> tuple[NDArray[Any], tuple[Hashable, ...]]:
    if y.dtype.kind in "fc" and not (whole := np.isfinite(y) & (y == np.round(y))).all():
        first = int(whole.argmin())
        raise InvalidInputError(
            f"`y` looks like regression targets or has NaN: y[{first}] = {y[first]}; bin it, or pass strings."
        )
    labels = y.tolist()
    try:
        seen = dict.fromkeys(labels)
        missing = [place for place, label in enumerate(labels) if label is None or label != label]
    except TypeError as error:
        raise InvalidInputError(f"`y` must hold hashable labels: {error}.") from None
    if missing:
        raise InvalidInputError(
            f"`y` has {len(missing)} missing labels, the first is y[{missing[0]}] = {labels[missing[0]]}; "
            "drop those points."
        )
    if classes is None:
        return y, tuple(_sorted(seen))
    known = _admit_classes(classes)
    unknown = [label for label in seen if label not in set(known)]
    if unknown:
        raise InvalidInputError(f"`classes` must hold every label; unknown in `y`: {unknown[:5]}.")
    return y, known


def _admit_classes(classes: Any) -> tuple[Hashable, ...]:
    try:
        known = tuple(classes.tolist() if isinstance(classes, np.ndarray | Tensor) else classes)
        distinct = len(set(known)) == len(known)
    except TypeError as error:
        raise InvalidInputError(f"`classes` must be hashable labels, got {classes!r}: {error}.") from None
    if missing := [label for label in known if label is None or label != label]:
        raise InvalidInputError(f"`classes` must be labels, got {missing[0]!r}, which is none.")
    if not distinct:
        raise InvalidInputError(f"`classes` must be distinct, got {known}.")
    return known


def _sorted(labels: Any) -> list[Hashable]:
    try:
        return sorted(labels)
    except TypeError:  # labels of mixed kinds have no order of their own
        return sorted(labels, key=lambda label: (type(label).__name__, repr(label)))
