"""Lipschitz constants as weights: with them a distance bounds what a predictor loses on another dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from continuum.core import InvalidInputError, check_weight

from .problem import PtOProblem

__all__ = ["Lipschitz", "SupportsLipschitz"]


@runtime_checkable
class SupportsLipschitz(Protocol):
    r"""A problem that knows how fast its objective can change with the parameters.

    For a linear objective and Euclidean distances this is the length of the longest decision.
    """

    @property
    def lipschitz(self) -> float:
        r"""L such that $|f(z, y) - f(z, y')| \le L \|y - y'\|_2$ for every decision z; infinite if there is none."""
        ...


@dataclass(frozen=True)
class Lipschitz:
    r"""Weights $L_x : 2 L_y : 1$ of features, labels and decisions, for which the distance bounds transfer.

    Args:
        features: $L_x$, how much worse a predictor's decision may become per unit of feature distance; a property of
            the predictor, which nobody else knows.
        labels: $L_y$, how fast the objective may change with the parameters; None for what the problem knows.

    Raises:
        InvalidInputError: if a constant is negative or not finite.
    """

    features: float = 1.0
    labels: float | None = None

    def __post_init__(self) -> None:
        check_weight("features", self.features)
        if self.labels is not None:
            check_weight("labels", self.labels)

    def weights(self, problem: PtOProblem) -> tuple[float, float, float]:
        """The triple for a problem.

        Raises:
            InvalidInputError: if neither `labels` is given nor the problem knows its constant.
        """
        if self.labels is not None:
            return float(self.features), 2 * float(self.labels), 1.0
        if not isinstance(problem, SupportsLipschitz) or not math.isfinite(problem.lipschitz):
            raise InvalidInputError(
                f"{type(problem).__name__} knows no finite Lipschitz constant; pass "
                "weights=Lipschitz(features, labels), for a linear objective with the length of the longest decision."
            )
        return float(self.features), 2 * float(problem.lipschitz), 1.0
