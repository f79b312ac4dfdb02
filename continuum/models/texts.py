"""Texts to train on and texts held out, split by what they say and never by where they stand."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable
from dataclasses import dataclass

from continuum.core import InvalidInputError

__all__ = ["Texts", "hold_out", "shuffled", "spelling"]


@dataclass(frozen=True)
class Texts:
    """Texts of one kind.

    Attributes:
        train: texts to train on, in an order as good as random: any prefix is a fair sample.
        held_out: texts to evaluate on; none of them is in `train`, not in another spelling either.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def hold_out(texts: Iterable[str], held_out: int) -> Texts:
    """Split texts by what they say; the order in which they come has no influence.

    With fewer held out, these are a prefix of the others.

    Args:
        texts: what to split; of texts with one `spelling` one is kept.
        held_out: how many texts to hold out.

    Raises:
        InvalidInputError: if `held_out` is negative, or would leave nothing to train on.

    Example:
        >>> hold_out(["fine", "Good!", "bad", "good"], 1)
        Texts(train=('Good!', 'fine'), held_out=('bad',))
    """
    order = shuffled(texts)
    try:
        held_out = operator.index(held_out)
    except TypeError:
        raise InvalidInputError(f"`held_out` must be an integer, got {held_out!r}") from None
    if not 0 <= held_out < len(order):
        raise InvalidInputError(f"`held_out` must be at least 0 and less than the {len(order)} texts, got {held_out}")
    return Texts(train=order[held_out:], held_out=order[:held_out])


def shuffled(texts: Iterable[str]) -> tuple[str, ...]:
    """The texts without repeated spellings, in the order of the SHA-256 of their spellings."""
    # Of several texts with one spelling the last in reverse order is kept, so that no choice depends on the order.
    kept = {spelling(text): text for text in sorted(texts, reverse=True)}
    return tuple(kept[key] for key in sorted(kept, key=_digest))


def spelling(text: str) -> str:
    """What is compared to find a text again: its letters and digits without case, or all of it if it has none.

    Example:
        >>> spelling("THANKS, you 2 :)")
        'thanksyou2'
    """
    return "".join(filter(str.isalnum, text.casefold())) or text


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
