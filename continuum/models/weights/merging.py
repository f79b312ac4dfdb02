r"""Ways to make one checkpoint of several, a tensor at a time.

$\theta_0$ is the base, $\theta_j$ a checkpoint, $\tau_j = \theta_j - \theta_0$ its task vector. All compute in float32
(float64 if the checkpoint is) and round once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from continuum.core import InvalidInputError, Point

from .arithmetic import add_offsets
from .charts import Bounds, Chart, from_base, mixtures, multiples, one_each
from .ingredients import Ingredients

__all__ = ["Linear", "Method", "ModelStock", "TaskArithmetic"]


@runtime_checkable
class Method(Protocol):
    """A way to merge: what the coordinates mean, and what a tensor is at a point."""

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        """The coordinates.

        Raises:
            InvalidInputError: if these ingredients cannot be merged in this way, such as for want of a base.
        """
        ...

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        """A new tensor: that of the weights called `name` at a canonical point which is no end of the chart."""
        ...


@dataclass(frozen=True)
class Linear:
    r"""The weighted mean $\sum_j w_j \theta_j$ with $\sum_j w_j = 1$.

    Model soups :cite:`wortsman2022soups`; between a model and its fine-tuned form, WiSE-FT :cite:`wortsman2022robust`.
    """

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        if ingredients.base is not None:
            raise InvalidInputError(
                "weights that sum to 1 cancel a base out; leave `base` out, or add it as a checkpoint."
            )
        return mixtures(ingredients, bounds)

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        weights = point if len(point) > 1 else (1 - point[0], point[0])
        used = [(source, w) for source, w in zip(ingredients.checkpoints.values(), weights, strict=True) if w != 0]
        origin, *others = [source.read(name) for source, _ in used]
        return add_offsets(origin, others, [w for _, w in used[1:]])


@dataclass(frozen=True)
class TaskArithmetic:
    r"""Multiples of task vectors, of any sign: $\theta_0 + \sum_j \lambda_j \tau_j$ :cite:`ilharco2023`."""

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        chart = multiples(ingredients, bounds, uniform=1 / len(ingredients.checkpoints))
        return one_each(chart, ingredients)

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        return add_offsets(ingredients.origin.read(name), ingredients.read(name), point)


@dataclass(frozen=True)
class ModelStock:
    r"""From the base to the model stock, the estimated centre of the fine-tuned weights, tensor by tensor.

    $\theta_0 + t\, s\, \bar\tau$ with $s = N c / (1 + (N - 1) c)$, where $\bar\tau$ is the mean of the N task vectors
    and $c$ the mean cosine of two of them: Jang et al. (2024) :cite:`jang2024stock`, for $t = 1$. We take $c$ for each
    tensor. Where it is negative, we take 0, the base: such directions are noise. A zero task vector has cosine 0 with
    all.
    """

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        if len(ingredients.checkpoints) < 2:
            raise InvalidInputError("model stock needs the angle of two checkpoints or more, got one.")
        return from_base(ingredients, bounds)

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        (t,) = point
        others = ingredients.read(name)
        n, cosine = len(others), np.maximum(_mean_cosine(ingredients.gram(name)), 0.0)  # of NaN, NaN
        share = n * cosine / (1 + (n - 1) * cosine)
        return add_offsets(ingredients.origin.read(name), others, [t * share / n] * n)


def _mean_cosine(gram: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Mean cosine of two different vectors; a zero vector has cosine 0 with all, NaN stays NaN."""
    lengths = np.sqrt(np.diag(gram))
    outer = np.outer(lengths, lengths)
    with np.errstate(invalid="ignore"):
        cosines = np.divide(gram, outer, out=np.zeros_like(gram), where=outer != 0)
    return float(cosines[~np.eye(len(gram), dtype=bool)].mean())
