"""A synthetic task that a straight line gets right or entirely wrong."""

from __future__ import annotations

import numpy as np

from continuum.core import InvalidInputError, check_count, rng_for

from .dataset import PtODataset
from .top_k import TopK

__all__ = ["make_cubic_top_k"]


def make_cubic_top_k(
    instances: int, *, coefficient: float = 0.65, tilt: float = 0.0, items: int = 50, k: int = 1, seed: int = 0
) -> PtODataset:
    r"""Items with one feature $x \sim U(-1, 1)$ and the value $10 (x^3 - a x)(1 + t x)$, of which k are chosen.

    The linear model of Shah et al. (2022), with $a = 0.65$ and $t = 0$. The line of least squares then has the slope
    $10 (0.6 - a)$: it puts the items in the right order at the right end for a below 0.6, and takes the left end
    above. Items can be exchanged; those of an instance are sorted by x, so that decisions of two instances compare.

    Args:
        instances: how many.
        coefficient: a.
        tilt: t; 1 and -1 raise the values at either end.
        items: of each instance.
        k: how many of them are chosen.
        seed: of the features, which do not depend on `coefficient` or `tilt`.

    Raises:
        InvalidInputError: for sizes below 1, or a coefficient that is not finite.

    Example:
        >>> make_cubic_top_k(100, coefficient=1.0)
        PtODataset(n=100, features=(50,), problem=TopK, dim_y=50, dim_z=50)
    """
    check_count("instances", instances)
    for name, number in (("coefficient", coefficient), ("tilt", tilt)):
        if not np.isfinite(number):
            raise InvalidInputError(f"`{name}` must be finite, got {number!r}.")
    problem = TopK(items, k)
    x = np.sort(rng_for(seed, "cubic top k").uniform(-1, 1, size=(instances, items)), axis=1)
    return PtODataset(x, 10 * (x**3 - coefficient * x) * (1 + tilt * x), problem)
