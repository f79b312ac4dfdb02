"""The coordinates of merges: where the checkpoints themselves sit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from continuum.core import Domain, Interval, InvalidInputError, Point, Product, Simplex

from .ingredients import Ingredients
from .tensors import Tensors

__all__ = ["Chart", "from_base", "mixtures", "multiples", "one_each"]

Bounds = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Chart:
    """The points of a merge.

    Attributes:
        domain: all of them.
        ends: what is copied, bit by bit, by point.
        uniform: where all checkpoints count the same.
    """

    domain: Domain
    ends: Mapping[Point, Tensors]
    uniform: Point


def mixtures(ingredients: Ingredients, bounds: Bounds) -> Chart:
    """Weights that sum to 1: from the first (0) to the second (1) of two checkpoints, or a simplex of several.

    Raises:
        InvalidInputError: for a sole checkpoint, or bounds of a simplex.
    """
    sources = tuple(ingredients.checkpoints.values())
    if len(sources) < 2:
        raise InvalidInputError("a mixture needs two checkpoints or more, got one.")
    if len(sources) == 2:
        return _chart(Interval(*bounds), [((0.0,), sources[0]), ((1.0,), sources[1])], (0.5,))
    if tuple(bounds) != (0, 1):
        raise InvalidInputError(
            f"`bounds` {bounds} extrapolate between two checkpoints, or with method 'task-arithmetic'; weights of "
            f"{len(sources)} checkpoints are a simplex, leave them out."
        )
    domain = Simplex(tuple(ingredients.checkpoints))
    return _chart(domain, list(zip(domain.vertices(), sources, strict=True)), (1 / len(sources),) * len(sources))


def multiples(ingredients: Ingredients, bounds: Bounds, *, uniform: float) -> Chart:
    """A multiple of the difference of each checkpoint to the base, which is where all are 0."""
    names, origin = tuple(ingredients.checkpoints), ingredients.origin
    axes = {name: Interval(*bounds, axis=name) for name in names}
    domain = Product(**axes) if len(names) > 1 else axes[names[0]]
    return _chart(domain, [((0.0,) * len(names), origin)], (uniform,) * len(names))


def from_base(ingredients: Ingredients, bounds: Bounds) -> Chart:
    """From the base (0) to what is made of all checkpoints (1)."""
    return _chart(Interval(*bounds), [((0.0,), ingredients.origin)], (1.0,))


def one_each(chart: Chart, ingredients: Ingredients) -> Chart:
    """A chart of `multiples` on which each checkpoint itself sits too, where its own coordinate is 1."""
    sources = tuple(ingredients.checkpoints.values())
    ends = [(tuple(float(i == j) for j in range(len(sources))), source) for i, source in enumerate(sources)]
    return _chart(chart.domain, [*chart.ends.items(), *ends], chart.uniform)


def _chart(domain: Domain, ends: Sequence[tuple[Point, Tensors]], uniform: Point) -> Chart:
    return Chart(domain, {point: source for point, source in ends if point in domain}, uniform)
