"""What two batches of weighted clouds must be to be compared, in their own dtype and with their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

__all__ = ["admit_like", "admit_pair"]

_RESOLVED = 64  # times the least number whose square keeps its digits
_MASS_TOLERANCE = 1e-4  # by which float32 masses of 10^5 points may miss a sum of 1


def admit_pair(x: Any, y: Any, a: Any, b: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points (..., n, d) and (..., m, d), and masses (..., n) and (..., m) that sum to 1; None for uniform ones.

    Raises:
        InvalidInputError: for points that are not float32 or float64, empty, NaN, infinite, or so near to each other
            that squares underflow, and for masses that are negative, do not sum to 1 or are not one for each point.
        IncompatibleError: if the two differ in dimension, batch, dtype or device.
    """
    source = _admit_points(x, "x")
    target = admit_like(y, "y", source, "x")
    _check_spread(source, target)
    return source, target, _admit_masses(a, "a", source, "x"), _admit_masses(b, "b", target, "y")


def admit_like(points: Any, name: str, others: Tensor, theirs: str) -> Tensor:
    """Points (..., l, d) that live where some others do."""
    found = _admit_points(points, name)
    if found.shape[-1] != others.shape[-1]:
        raise IncompatibleError(
            f"`{theirs}` has {others.shape[-1]} features and `{name}` has {found.shape[-1]}; embed both into one space."
        )
    if found.shape[:-2] != others.shape[:-2]:
        raise IncompatibleError(
            f"`{theirs}` of shape {tuple(others.shape)} and `{name}` of shape {tuple(found.shape)} are batches of "
            "different shape; expand one of them, such as by `y.expand(len(x), -1, -1)`."
        )
    if (found.dtype, found.device) != (others.dtype, others.device):
        raise IncompatibleError(
            f"`{theirs}` is {others.dtype} on {others.device} and `{name}` is {found.dtype} on {found.device}; "
            f"write `{name}.to({theirs})`."
        )
    return found


def _admit_points(points: Any, name: str) -> Tensor:
    found = _tensor(points, name)
    if found.dtype not in (torch.float32, torch.float64):
        raise InvalidInputError(f"`{name}` must be float32 or float64, got {found.dtype}; write `{name}.float()`.")
    if found.ndim < 2:
        raise InvalidInputError(f"`{name}` must be points (..., n, d), got shape {tuple(found.shape)}.")
    if found.shape[-1] * found.shape[-2] == 0:
        raise InvalidInputError(f"`{name}` is empty: shape {tuple(found.shape)}.")
    if not bool(found.isfinite().all()):
        raise InvalidInputError(f"`{name}` has NaN or infinite entries; drop them, or write 0 where the mass is 0.")
    return found


def _admit_masses(masses: Any, name: str, points: Tensor, whose: str) -> Tensor:
    if masses is None:
        return points.new_full(points.shape[:-1], 1 / points.shape[-2])
    found = _tensor(masses, name)
    if found.shape != points.shape[:-1] or found.device != points.device:
        raise InvalidInputError(
            f"`{name}` must have one mass for each point of `{whose}`: shape {tuple(points.shape[:-1])} on "
            f"{points.device}, got {tuple(found.shape)} on {found.device}."
        )
    found = found.to(points.dtype)
    if not bool((found >= 0).all()):
        raise InvalidInputError(f"`{name}` must not be negative or NaN, the least mass is {float(found.min()):g}.")
    total = found.sum(-1, keepdim=True)
    if not bool(((total - 1).abs() <= _MASS_TOLERANCE).all()):
        raise InvalidInputError(
            f"`{name}` must sum to 1 over the points of each cloud, got {float(_worst(total)):g}; divide by the sum."
        )
    return found / total


def _worst(total: Tensor) -> Tensor:
    return total.flatten()[(total - 1).abs().argmax()]


def _check_spread(x: Tensor, y: Tensor) -> None:
    high, low = torch.maximum(x.amax(-2), y.amax(-2)), torch.minimum(x.amin(-2), y.amin(-2))
    spread = (high - low).amax(-1)
    if bool(((spread > 0) & (spread < _RESOLVED * torch.finfo(x.dtype).tiny ** 0.5)).any()):
        raise InvalidInputError(
            f"points of a pair differ by {float(spread[spread > 0].min()):.3g} at most, whose squares underflow in "
            f"{x.dtype}; multiply all features by one number."
        )


def _tensor(values: Any, name: str) -> Tensor:
    try:
        found: Tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"`{name}` must be a tensor, got {type(values).__name__}: {error}") from None
    return found
