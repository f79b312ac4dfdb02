"""Spherical interpolation of two checkpoints."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError, Point

from .arithmetic import add_offsets
from .charts import Bounds, Chart, mixtures
from .ingredients import Ingredients

__all__ = ["Slerp"]

_PARALLEL = 1e-4  # radians; a straight line is then right up to the square of it


@dataclass(frozen=True)
class Slerp:
    r"""Spherical interpolation $(\sin((1 - t)\omega)\, a + \sin(t \omega)\, b) / \sin \omega$.

    a and b are the checkpoints, or their task vectors if there is a base, to which the result is then added, and
    $\omega$ is their angle. Weights that were fine-tuned from one base are nearly parallel, so there it is a straight
    line; task vectors are not, and a straight line between them is shorter in the middle than at its ends. Lengths are
    not normalized, as in mergekit: if they are equal, all points have this length. Parallel weights, and a zero vector,
    which has no direction, are joined by the straight line. :cite:`shoemake1985`

    Args:
        per_tensor: take the angle of each tensor, as mergekit does, instead of that of all weights together.
    """

    _: KW_ONLY
    per_tensor: bool = False

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        if (n := len(ingredients.checkpoints)) != 2:
            raise InvalidInputError(f"slerp has two ends, got {n} checkpoints.")
        return mixtures(ingredients, bounds)

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        (t,) = point
        gram = ingredients.gram(name) if self.per_tensor else ingredients.total_gram
        what = f"`{name}` of the two" if self.per_tensor else "the two"
        u, v = _coefficients(gram, t, what)
        a, b = ingredients.read(name)
        if ingredients.base is not None:
            return add_offsets(ingredients.base.read(name), [a, b], [u, v])
        return add_offsets(a, [b], [v], scale=u + v)


def _coefficients(gram: NDArray[np.float64], t: float, what: str) -> tuple[float, float]:
    """The coefficients of a and b.

    Raises:
        IncompatibleError: if they are opposite.
    """
    lengths = math.sqrt(gram[0, 0] * gram[1, 1])
    if not 0 < lengths < math.inf:  # what is infinite or NaN shows in the sum
        return 1 - t, t
    cosine = min(max(gram[0, 1] / lengths, -1.0), 1.0)
    angle = math.acos(cosine)
    if math.pi - angle < _PARALLEL:
        raise IncompatibleError(
            f"{what} checkpoints are opposite (cosine {cosine:.9f}): no direction between them is the shortest. "
            "Use method 'linear'."
        )
    if angle < _PARALLEL:
        return 1 - t, t
    return math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
