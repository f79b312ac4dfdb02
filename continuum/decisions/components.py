"""The three parts of a decision-aware cost between two datasets, each with the scale that it is divided by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from torch import Tensor

from continuum.core import InvalidInputError, check_positive, check_weight, warn
from continuum.measures import GroundCost, WeightedSum

from .dataset import PtODataset
from .metrics import are_one_point
from .pricing import mean_cost

__all__ = ["Components", "Part", "Scale", "Triple", "admit_scale", "admit_triple"]

Triple = tuple[float, float, float]  # of features, labels and decisions
Unit = Literal["target", "pooled"] | float
Scale = Unit | Triple | None

_NAMES = ("features", "labels", "decisions")


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the cost between two datasets.

    Args:
        name: features, labels or decisions.
        points: what of a dataset it compares, (n, k).
        between: the ground cost of two datasets.
        scale: what it is to be divided by, see `DecisionAwareCost`.
        source: a dataset.
        target: another one.
    """

    name: str
    points: Callable[[PtODataset], Tensor]
    between: Callable[[PtODataset, PtODataset], GroundCost]
    scale: Unit
    source: PtODataset
    target: PtODataset

    @cached_property
    def unit(self) -> float:
        """What it is divided by."""
        if not isinstance(self.scale, str):
            return self.scale
        sides = {"target": self.target} | ({"source": self.source} if self.scale == "pooled" else {})
        data = list(sides.values())
        # Of one point the distance is 0, for which a metric may give rounding errors.
        mean = 0.0 if are_one_point(*map(self.points, data)) else self._mean(data)
        if mean > 0:
            return mean
        warn(
            f"the mean cost of {self.name} within {' and '.join(sides)} is {mean:g}, so it is left unscaled; pass "
            "`scale=` a number or None."
        )
        return 1.0

    @cached_property
    def cost(self) -> WeightedSum:
        """The ground cost (n, m) of source and target in that unit."""
        whole = self.between(self.source, self.target)
        parts = whole.active if isinstance(whole, WeightedSum) else ((1.0, whole),)
        return WeightedSum(tuple((weight / self.unit, cost) for weight, cost in parts))

    def _mean(self, sides: Sequence[PtODataset]) -> float:
        """Between two independent instances of the equal mixture of the sides."""
        pairs = [(one, other) for one in sides for other in sides]
        return sum(mean_cost(self.between(p, q), p.weights, q.weights) for p, q in pairs) / len(pairs)


@dataclass(frozen=True, eq=False)
class Components:
    """The parts of a decision-aware cost between two datasets; each is computed when it is asked for.

    Args:
        parts: those of features, labels and decisions.
    """

    parts: tuple[Part, Part, Part]

    @property
    def x(self) -> GroundCost:
        """Scaled cost of features, (n, m)."""
        return self.parts[0].cost

    @property
    def y(self) -> GroundCost:
        """Scaled cost of labels, (n, m)."""
        return self.parts[1].cost

    @property
    def z(self) -> GroundCost:
        """Scaled disparity of decisions, (n, m)."""
        return self.parts[2].cost

    @property
    def scales(self) -> Triple:
        """What each of the three is divided by."""
        x, y, z = (part.unit for part in self.parts)
        return x, y, z

    def weighted(self, weights: Triple) -> WeightedSum:
        """The weighted sum of the parts; those of weight 0 are not computed."""
        pairs = zip(admit_triple(weights), self.parts, strict=True)
        active = [(weight, part.cost) for weight, part in pairs if weight > 0]
        return WeightedSum(tuple((weight * inner, cost) for weight, whole in active for inner, cost in whole.parts))


def admit_triple(weights: Any) -> Triple:
    """Weights of features, labels and decisions as they are, not normalised.

    Raises:
        InvalidInputError: if they are not three finite numbers of at least 0, one of them positive.
    """
    x, y, z = _three("weights", weights)
    for name, weight in zip(_NAMES, (x, y, z), strict=True):
        check_weight(f"weight of {name}", weight)
    if not x + y + z > 0:
        raise InvalidInputError(f"`weights` must not all be 0, got {weights!r}.")
    return float(x), float(y), float(z)


def admit_scale(scale: Any) -> tuple[Unit, Unit, Unit]:
    """What each part is divided by: a number, or the side on which the part is averaged.

    Raises:
        InvalidInputError: if `scale` is none of the scales of `DecisionAwareCost`.
    """
    if isinstance(scale, str):
        if scale not in ("target", "pooled"):
            raise InvalidInputError(f"`scale` must be 'target', 'pooled', None, a number or three, got {scale!r}.")
        return scale, scale, scale  # type: ignore[return-value]
    x, y, z = _three("scale", scale) if hasattr(scale, "__len__") else (1.0 if scale is None else scale,) * 3
    for name, number in zip(_NAMES, (x, y, z), strict=True):
        check_positive(f"scale of {name}", number)
    return float(x), float(y), float(z)


def _three(name: str, values: Any) -> tuple[Any, Any, Any]:
    try:
        x, y, z = values
    except (TypeError, ValueError):
        raise InvalidInputError(f"`{name}` must be three numbers, of {', '.join(_NAMES)}, got {values!r}.") from None
    return x, y, z
