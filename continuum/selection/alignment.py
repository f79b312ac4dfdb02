"""How many neighbours a query spreads its mass over: nearness against diversity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from continuum.core import InvalidInputError, check_count, check_positive

__all__ = ["Alignment", "rule_named"]


@dataclass(frozen=True)
class Alignment:
    r"""Spread mass further while it costs little: the rule of TSDS :cite:`liu2024tsds`.

    Mass goes to the K nearest candidates of each query for the smallest K with $\frac{\alpha}{C} G(K) \ge (1 - \alpha)
    m$, where $G(K) = \sum_i \sum_{l \le K} (d_{i, K + 1} - d_{i, l})$ for distances $d = 1 - s$ in ascending order; or
    to `most` if there is none.

    With the constants of Nayak et al. (2026) :cite:`nayak2026`, the defaults here, the distances of a query to its
    neighbours would have to exceed the smallest ones by 495 in sum. Among 5000 cosines that differ by less than a tenth
    they do not, and K is `most`: then this is the option to choose.

    Args:
        alpha: $\alpha$, weight of nearness.
        scale: C, a typical distance.
        most: the largest K. A pool of n candidates has at most n.

    Example:
        >>> Alignment(alpha=0.5, scale=1.0).slack(m=2)
        2.0
    """

    alpha: float = 0.01
    scale: float = 5.0
    most: int = 5000

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InvalidInputError(f"`alpha` must be between 0 and 1, got {self.alpha!r}.")
        check_positive("scale", self.scale)
        check_count("most", self.most)

    def slack(self, m: int) -> float:
        """What G must reach for `m` queries."""
        return (1 - self.alpha) * m * self.scale / self.alpha


def rule_named(option: str, value: Any) -> Any:
    """What an option stands for where it is the name of a rule: the published one is an `Alignment`.

    Raises:
        InvalidInputError: if there is no rule of that name.
    """
    if not isinstance(value, str) or value == "budget":
        return value
    if value != "published":
        raise InvalidInputError(f'`{option}` must be a number, "budget", "published" or an Alignment, got {value!r}.')
    return Alignment()
