"""How the checks look at values of unknown type: copies of their leaves, equality, writing into them."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, SupportsLease, as_array, leaves

__all__ = [
    "Array",
    "Snapshot",
    "known_leaves",
    "overwrite",
    "require",
    "restored",
    "share_containers",
    "share_memory",
    "snapshot",
    "twin",
    "visit",
    "visit_lease",
    "writable",
]

Array = NDArray[Any]


def require(holds: bool, broken: str) -> None:
    """Raise AssertionError unless a law holds; `assert` would let every path pass under `python -O`."""
    if not holds:
        raise AssertionError(broken)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A copy of what a value is made of; writing to the value afterwards does not reach it.

    Args:
        kinds: type and shape of each leaf.
        arrays: a copy of each leaf.
        whole: the value itself if it has no leaves, otherwise None.
    """

    kinds: tuple[str, ...]
    arrays: tuple[Array, ...]
    whole: Any = None

    def equals(self, other: Snapshot) -> bool:
        """Whether all leaves agree in number, type, shape and bit for bit; NaN equals NaN."""
        if not self.kinds and not other.kinds:
            return bool(self.whole == other.whole)
        return self.kinds == other.kinds and all(map(_identical, self.arrays, other.arrays))

    def near(self, other: Snapshot, tolerance: float) -> bool:
        """Whether floating leaves agree within `tolerance`, relative or absolute, and all other leaves exactly."""
        if tolerance == 0 and not self.kinds:
            return self.equals(other)
        pairs = zip(self.arrays, other.arrays, strict=False)
        return self.kinds == other.kinds and all(_close(a, b, tolerance) for a, b in pairs)

    def distance(self, other: Snapshot) -> float:
        """Largest absolute difference of a number in two snapshots of equal `kinds`."""
        pairs = zip(self.numbers, other.numbers, strict=True)
        return max((float(np.abs(a - b).max()) for a, b in pairs), default=0.0)

    @property
    def floating(self) -> list[Array]:
        """The floating leaves, in double precision."""
        return [_wide(array) for array in self.arrays if array.dtype.kind in "fc"]

    @property
    def numbers(self) -> list[Array]:
        """The leaves that hold numbers, counts and truths among them, in double precision."""
        return [_wide(array) for array in self.arrays if array.dtype.kind in "biufc" and array.size]

    @property
    def rounding(self) -> list[float]:
        """Size of one rounding error in the largest number, for each of `numbers`."""
        pairs = zip(self.kinds, self.arrays, strict=True)
        return [_epsilon(kind, a) * float(np.abs(a).max()) for kind, a in pairs if a.dtype.kind in "biufc" and a.size]


def snapshot(value: Any) -> Snapshot:
    """Copy the leaves of `value`."""
    found = known_leaves(value)
    arrays = tuple(np.array(as_array(leaf)) for leaf in found)
    return Snapshot(tuple(map(_kind, found)), arrays, None if found else value)


def writable(value: Any) -> list[Any]:
    """The arrays and tensors in `value` that its holder can write into; each once."""
    return list({id(leaf): leaf for leaf in known_leaves(value) if _is_writable(leaf)}.values())


def visit(path: Any, point: Any) -> None:
    """Ask for the value at `point`, in every way that the path offers."""
    path.at(point)
    if isinstance(path, SupportsLease):
        visit_lease(path, point)


def visit_lease(path: SupportsLease[Any], point: Any) -> None:
    """Enter and leave a lease at `point`."""
    with path.lease(point):
        pass


def twin(path: Any) -> Any:
    """A copy of a path, so that a first call can be seen more than once; the path itself if it cannot be copied."""
    try:
        return copy.deepcopy(path)
    except Exception:  # noqa: BLE001 -- a third party may raise anything
        return path


def overwrite(value: Any) -> None:
    """Write other numbers into every writable leaf of `value`, in place."""
    for leaf in writable(value):
        array = as_array(leaf)
        if array.dtype.kind == "b":
            other: Any = ~array
        elif array.dtype.kind in "iufc":
            other = np.where(array == 7, 8, 7).astype(array.dtype)
        else:
            other = np.zeros_like(array)
        _write(leaf, other)


@contextmanager
def restored(value: Any) -> Iterator[None]:
    """Put the writable leaves of `value` back on exit, so that a check leaves a faulty path as it found it."""
    saved = [(leaf, np.array(as_array(leaf))) for leaf in writable(value)]
    try:
        yield
    finally:
        for leaf, array in saved:
            _write(leaf, array)


def share_memory(value: Any, other: Any) -> bool:
    """Whether writing into one of the two values could change the other."""
    return any(_overlap(a, b) for a in writable(value) for b in writable(other))


def share_containers(value: Any, other: Any) -> bool:
    """Whether a list, dict or set is part of both values: appending to it in one would show in the other."""
    return bool(_containers(value) & _containers(other))


def _containers(value: Any) -> set[int]:
    if not isinstance(value, list | dict | set | tuple):
        return set()
    inside = value.values() if isinstance(value, dict) else value
    own = set() if isinstance(value, tuple) else {id(value)}
    return own.union(*map(_containers, inside))


def known_leaves(value: Any) -> list[Any]:
    """The leaves of `value`; none if it cannot be told what it is made of."""
    try:
        return leaves(value)
    except InvalidInputError:  # such as a value that holds a lock: it is one opaque thing
        return []


def _kind(leaf: Any) -> str:
    if hasattr(leaf, "dtype"):
        return f"{leaf.dtype}{tuple(leaf.shape)}"
    return type(leaf).__name__


def _epsilon(kind: str, array: Array) -> float:
    if array.dtype.kind in "biu":
        return 0.0
    return 2.0**-7 if "bfloat16" in kind else float(np.finfo(array.dtype).eps)


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _identical(a: Array, b: Array) -> bool:
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    return _plain_nan(a).tobytes() == _plain_nan(b).tobytes()


def _plain_nan(a: Array) -> Array:
    return np.where(np.isnan(a), np.nan, a)


def _close(a: Array, b: Array, tolerance: float) -> bool:
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


def _is_writable(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return bool(leaf.flags.writeable and leaf.size)
    return _is_tensor(leaf) and leaf.numel() > 0 and not leaf.is_inference()


def _write(leaf: Any, array: Array) -> None:
    if _is_tensor(leaf):
        torch = sys.modules["torch"]
        with torch.no_grad():
            leaf.copy_(torch.as_tensor(array))
    else:
        leaf[...] = array


def _overlap(a: Any, b: Any) -> bool:
    if _is_tensor(a) and _is_tensor(b):
        return bool(a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr())
    # may_share_memory compares bounds: exact overlap is NP-hard and two values have no business being interleaved.
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def _is_tensor(leaf: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(leaf, torch.Tensor)
