"""What may enter the mathematics: finite points, non-negative masses, requests that fit into memory.

The solvers below answer a NaN or a negative mass with a number that looks right (0.0, for instance), so nothing reaches
them unchecked. Everything computes in float64: distances are differences of large sums.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from continuum.core import InvalidInputError, ResourceError, warn

__all__ = ["Admitted", "admit_array", "admit_masses", "check_memory", "check_spread", "fits_memory"]

Admitted = Any  # a field that takes any array of numbers and holds a float64 tensor

_RESOLVED = 1e-150  # spread whose square keeps its digits: the least normal number is 2e-308
_MASS_TOLERANCE = 1e-6  # float32 weights of 10^5 points sum to 1 within this


def admit_array(x: Any, name: str, *, ndim: int | None = None, keep: bool = False) -> Tensor:
    """`x` as a finite float64 tensor on its own device.

    Args:
        x: array or tensor of real numbers.
        name: how the error calls it.
        ndim: number of dimensions it must have; None for any.
        keep: leave float32 as it is, since a copy of large data is dear.

    Raises:
        InvalidInputError: if it is empty, not numeric, of another `ndim`, or has NaN or infinite entries.
    """
    values = x.detach() if isinstance(x, Tensor) else _tensor(x, name, keep)
    if values.is_complex():
        raise InvalidInputError(f"`{name}` must be an array of real numbers, got dtype {values.dtype}.")
    if not (keep and values.dtype == torch.float32):
        values = values.to(torch.float64)
    if ndim is not None and values.ndim != ndim:
        raise InvalidInputError(f"`{name}` must have {ndim} dimensions, got shape {tuple(values.shape)}.")
    if values.numel() == 0:
        raise InvalidInputError(f"`{name}` is empty: shape {tuple(values.shape)}.")
    # One pass for what is finite, as nearly everything is: the sum of anything else is not.
    if math.isfinite(float(values.sum())):
        return values
    bad = ~torch.isfinite(values)
    if bool(bad.any()):
        first = tuple(int(i) for i in bad.nonzero()[0])
        raise InvalidInputError(
            f"`{name}` has {int(bad.sum())} NaN or infinite entries, the first at index {first}; drop or impute them."
        )
    return values


def _tensor(x: Any, name: str, keep: bool) -> Tensor:
    if np.ma.is_masked(x):
        raise InvalidInputError(f"`{name}` has masked entries; fill or drop them.")
    try:
        array = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"`{name}` must be an array of real numbers, got {type(x).__name__}: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InvalidInputError(
            f"`{name}` must be an array of real numbers, got {type(x).__name__} of dtype {array.dtype}."
        )
    # torch reads neither foreign byte orders nor negative strides, and complains of read-only memory.
    kind = np.float32 if keep and array.dtype == np.float32 else np.float64
    return torch.from_numpy(np.require(array, kind, ("C", "W")))


def admit_masses(weights: Any, n: int, name: str, *, device: torch.device | str = "cpu") -> Tensor:
    """`weights` as `n` non-negative float64 masses that sum to 1; None stands for uniform masses.

    A sum that is off by more than 1e-6 is normalised with a `ContinuumWarning`, since it may be a mistake.

    Raises:
        InvalidInputError: if a mass is negative, NaN or infinite, all are zero, or there are not `n`.
    """
    if weights is None:
        return torch.full((n,), 1.0 / n, dtype=torch.float64, device=device)
    masses = admit_array(weights, name, ndim=1).to(device)
    if len(masses) != n:
        raise InvalidInputError(f"`{name}` must have one mass for each of the {n} points, got {len(masses)}.")
    if bool((masses < 0).any()):
        worst = int(masses.argmin())
        raise InvalidInputError(f"`{name}` must not be negative, got {float(masses[worst]):g} at index {worst}.")
    total = float(masses.sum())
    if total == math.inf:  # finite masses whose sum overflows
        masses = masses / masses.max()
    if total == 0:
        raise InvalidInputError(f"`{name}` must have a positive sum, all {n} masses are 0.")
    if abs(total - 1) > _MASS_TOLERANCE:
        warn(f"`{name}` sums to {total:g}, normalised to 1.")
    return masses / masses.sum()


def check_spread(*clouds: Tensor) -> None:
    """Refuse points (n, d) that are so near to each other that squares of their differences underflow.

    Points that are all equal are fine: their distances are 0.

    Raises:
        InvalidInputError: naming the spread and what to do.
    """
    high = torch.stack([x.amax(0).double().cpu() for x in clouds]).amax(0)
    low = torch.stack([x.amin(0).double().cpu() for x in clouds]).amin(0)
    spread = float((high - low).max())
    if 0 < spread < _RESOLVED:
        raise InvalidInputError(
            f"points differ by {spread:.3g} at most, whose square underflows; multiply all features by one number, "
            f"such as {1 / max(spread, 1e-300):.0e}, and divide squared distances by its square."
        )


def fits_memory(needed: int) -> bool:
    """Whether a request takes no more than half of the memory that is free now."""
    return needed <= _free() / 2


def check_memory(needed: int, what: str, remedy: str) -> None:
    """Refuse a request that would take more than half of the memory that is free now.

    Raises:
        ResourceError: naming the bytes and what to do instead.
    """
    free = _free()
    if needed > free / 2:
        raise ResourceError(
            f"{what} needs about {needed / 2**30:.1f} GiB, more than half of the {free / 2**30:.1f} GiB free; {remedy}."
        )


def _free() -> int:
    return int(psutil.virtual_memory().available)
