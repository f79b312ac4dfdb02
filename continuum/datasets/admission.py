"""What may enter a labelled dataset: features of finite numbers, and labels of any hashable kind."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Set
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import InvalidInputError, as_array
from continuum.measures import admit_array

__all__ = ["Features", "admit_features", "admit_hard", "admit_soft", "label_array"]

Features = NDArray[Any] | Tensor


def admit_features(x: Any) -> Features:
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


def label_array(y: Any) -> NDArray[Any]:
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


def admit_soft(y: NDArray[Any], classes: Any) -> tuple[NDArray[Any], tuple[Hashable, ...]]:
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


def admit_hard(y: NDArray[Any], classes: Any) -> tuple[NDArray[Any], tuple[Hashable, ...]]:
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
