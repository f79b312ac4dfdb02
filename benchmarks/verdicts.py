"""Claims of an experiment: each with the rule that decides it, from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

Measured = TypeVar("Measured")
Decided = tuple[str, bool]
"""What was measured, and whether the rule holds."""


class NotMeasuredError(LookupError):
    """What a claim or a table needs is not finished."""


class Claim(NamedTuple):
    """A claim, its rule, what was measured and whether it held."""

    claim: str
    rule: str
    measured: str
    verdict: str


def decide_all(stated: Iterable[tuple[str, str, Callable[[Measured], Decided]]], measured: Measured) -> list[Claim]:
    """All claims; those that something is missing for say so."""
    found = []
    for claim, rule, decide in stated:
        try:
            said, held = decide(measured)
            found.append(Claim(claim, rule, said, "held" if held else "did not hold"))
        except NotMeasuredError as missing:
            found.append(Claim(claim, rule, f"{missing} is missing", "not measured"))
    return found
