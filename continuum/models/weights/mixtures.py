"""Texts of two kinds in a given proportion, for models that a point of a path is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from continuum.core import InvalidInputError, check_count, check_share, rng_for
from continuum.models.tokens import admit_texts

__all__ = ["mixture"]


def mixture(plus: Sequence[str], minus: Sequence[str], alpha: float, n: int, *, seed: int) -> tuple[str, ...]:
    r"""n texts, of which the share `alpha` is from `plus` and the rest from `minus`, evenly interleaved.

    For one seed mixtures are nested: with a larger `alpha` none of the `plus` texts goes, and no `minus` text comes.
    So what two models trained at different `alpha` differ in is the proportion, not the draw.

    Args:
        plus: texts of the one kind, at least round(alpha n).
        minus: texts of the other kind, enough for the rest.
        alpha: share of `plus`, in [0, 1].
        n: number of texts.
        seed: which texts are drawn, without replacement.

    Raises:
        InvalidInputError: if `alpha` is outside [0, 1], `n` not positive, or there are too few texts.

    Example:
        >>> "".join(mixture(["+"] * 9, ["-"] * 9, 0.25, 8, seed=0))
        '---+---+'
    """
    plus, minus = admit_texts(plus, "plus"), admit_texts(minus, "minus")
    check_share("alpha", alpha)
    check_count("n", n)
    count = round(alpha * n)
    drawn = iter(_drawn(plus, count, seed, "plus")), iter(_drawn(minus, n - count, seed, "minus"))
    # The i-th text is a plus where the running share of `count` in n passes an integer.
    return tuple(next(drawn[0] if (i + 1) * count // n > i * count // n else drawn[1]) for i in range(n))


def _drawn(texts: Sequence[str], count: int, seed: int, name: str) -> list[str]:
    if count > len(texts):
        raise InvalidInputError(f"`{name}` has {len(texts)} texts, and {count} are needed; choose a smaller `n`.")
    order = rng_for(seed, "mixture", name).permutation(len(texts))
    return [texts[place] for place in order[:count]]
