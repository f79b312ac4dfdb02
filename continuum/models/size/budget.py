"""The largest member within a budget of weights, memory or layers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from continuum.core import InvalidInputError, check_count, check_positive

from .counts import Counts

__all__ = ["largest_within"]

_WEIGHTS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_BYTES = {
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", 1)},
}


def largest_within(
    sizes: Mapping[float, Counts],
    *,
    params: str | float | None = None,
    bytes: str | float | None = None,
    layers: int | None = None,
) -> float:
    """The largest t whose member is within the budget.

    Stored weights need not grow with t: where a tied head is untied between the ends, the teacher can be smaller than
    the member before it.

    Raises:
        InvalidInputError: if not exactly one budget is given, it cannot be read, or nothing fits.
    """
    given = {"params": params, "bytes": bytes, "layers": layers}
    if sum(value is not None for value in given.values()) != 1:
        raise InvalidInputError(f"give exactly one budget of `params`, `bytes` and `layers`, got {given}.")
    if params is not None:
        name, budget = "params", _amount("params", params, _WEIGHTS)
        size = {t: counts.unique for t, counts in sizes.items()}
    elif bytes is not None:
        name, budget = "bytes", _amount("bytes", bytes, _BYTES)
        size = {t: counts.bytes for t, counts in sizes.items()}
    else:
        check_count("layers", layers)
        name, budget = "layers", float(layers or 0)
        size = {t: counts.depth for t, counts in sizes.items()}
    if not (within := [t for t, found in size.items() if found <= budget]):
        raise InvalidInputError(
            f"no member fits `{name}`={given[name]!r}: the smallest has {min(size.values()):,}; raise the budget, or "
            "make a smaller student."
        )
    return max(within)


def _amount(name: str, value: str | float, units: Mapping[str, int]) -> float:
    if not isinstance(value, str):
        check_positive(name, value)
        return float(value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", value)
    if found is None or found[2].upper() not in units:
        raise InvalidInputError(
            f"`{name}` must be a number or such as {'90M' if name == 'params' else '300MB'!r}, got {value!r}."
        )
    check_positive(name, amount := float(found[1]) * units[found[2].upper()])
    return amount
