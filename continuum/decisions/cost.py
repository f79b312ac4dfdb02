"""The decision-aware ground cost: features, labels and what decisions lose, weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, as_tensor

from continuum.core import InvalidInputError
from continuum.measures import Euclidean, GroundCost, WeightedSum

from .components import Components, Part, Scale, Triple, admit_scale, admit_triple
from .dataset import PtODataset
from .disparity import Disparity, check_disparity, disparity_cost
from .lipschitz import Lipschitz
from .metrics import InstanceMetric, ground_cost
from .problem import PtOProblem, admit_problem, check_same_problem

__all__ = ["DecisionAwareCost"]


@dataclass(frozen=True, eq=False)
class DecisionAwareCost:
    r"""Ground cost between predict-then-optimise triplets: $c = a_x d_x(x, x') + a_y d_y(y, y') + a_z g(z, z'; y, y')$.

    Each part is divided by its scale first. With $a_z = 0$ it is the cost of features and labels alone; g is the
    disparity of decisions, see `disparity_cost`. Rodriguez-Diaz et al. (2025). It is a cost of
    `continuum.measures.solve`; with `SquaredEuclidean` as both metrics, a linear problem and optimal decisions it has
    factors, so that `Streamed` and `Stratified` solve it.

    Args:
        problem: the problem of both datasets.
        weights: $(a_x, a_y, a_z)$, not normalised; or `Lipschitz(features, labels)`, with which the distance bounds
            transfer, see `transfer_bound`. "lipschitz" is `Lipschitz()`: $L_x = 1$ and what the problem knows of $L_y$.
        disparity: "target", "source", "sym", "profile" or `Profile(reference)`.
        scale: what parts are divided by. "target", the default, is the mean of the part between two independent
            instances of the target, as in the authors' code, and makes distances to one target comparable; "pooled" is
            that of the equal mixture of both sides, symmetric. A number divides all parts, a triple each; None
            is 1. A part whose mean is 0 is left as it is, with a warning. Lipschitz weights are of parts in their own
            units, so no scale applies to them.
        feature_metric: makes a ground cost of two arrays (n, d): `Euclidean` or `SquaredEuclidean` of
            `continuum.measures`, or one of your own.
        label_metric: the same for parameters; `TableMetric(table)` looks distances up.

    Raises:
        InvalidInputError: if an option is none of these.

    Example:
        >>> from continuum.decisions import PtODataset, TopK
        >>> from continuum.measures import matrix
        >>> source = PtODataset([[0.0]], [[5.0, 1.0]], TopK(items=2))
        >>> target = PtODataset([[3.0]], [[2.0, 5.0]], TopK(items=2))
        >>> cost = DecisionAwareCost(TopK(items=2), (1.0, 1.0, 1.0), scale=None)
        >>> matrix(cost.between(source, target)).tolist()  # 3 apart, labels 5 apart, and 2 where 5 was to be had
        [[11.0]]
    """

    problem: PtOProblem
    weights: Triple | Lipschitz | Literal["lipschitz"] = (1 / 3, 1 / 3, 1 / 3)
    disparity: Disparity = "target"
    scale: Scale = "target"
    feature_metric: InstanceMetric = Euclidean
    label_metric: InstanceMetric = Euclidean

    def __post_init__(self) -> None:
        admit_problem(self.problem)
        check_disparity(self.disparity)
        admit_scale(self.scale)
        if self._lipschitz is None:
            object.__setattr__(self, "weights", admit_triple(self.weights))
        elif self.disparity != "target":
            raise InvalidInputError(f"Lipschitz weights bound the 'target' disparity, got {self.disparity!r}.")
        _ = self.triple

    @property
    def triple(self) -> Triple:
        """The weights of features, labels and decisions."""
        return admit_triple(self.weights) if self._lipschitz is None else self._lipschitz.weights(self.problem)

    def between(self, source: PtODataset, target: PtODataset) -> WeightedSum:
        """The ground cost (n, m) between two datasets; parts of weight 0 are never computed.

        Raises:
            IncompatibleError: if a dataset is of another problem, or features differ in dimension.
        """
        return self.components(source, target).weighted(self.triple)

    def components(self, source: PtODataset, target: PtODataset) -> Components:
        """The three parts of the cost between two datasets.

        Raises:
            IncompatibleError: if a dataset is of another problem.
        """
        for data in (source, target):
            if not isinstance(data, PtODataset):
                raise InvalidInputError(f"source and target must be PtODatasets, got {type(data).__name__}.")
            check_same_problem(self.problem, data.problem)
        x, y, z = admit_scale(self.scale if self._lipschitz is None else None)
        return Components(
            (
                Part("features", _features, self._between_features, x, source, target),
                Part("labels", _labels, self._between_labels, y, source, target),
                Part("decisions", _decisions, self._between_decisions, z, source, target),
            )
        )

    @property
    def _lipschitz(self) -> Lipschitz | None:
        if isinstance(self.weights, Lipschitz):
            return self.weights
        return Lipschitz() if isinstance(self.weights, str) and self.weights == "lipschitz" else None

    def _between_features(self, source: PtODataset, target: PtODataset) -> GroundCost:
        return ground_cost(self.feature_metric, _features(source), _features(target), "features")

    def _between_labels(self, source: PtODataset, target: PtODataset) -> GroundCost:
        return ground_cost(self.label_metric, _labels(source), _labels(target), "labels")

    def _between_decisions(self, source: PtODataset, target: PtODataset) -> GroundCost:
        return disparity_cost(source, target, self.disparity)


def _features(data: PtODataset) -> Tensor:
    return data.features


def _labels(data: PtODataset) -> Tensor:
    return as_tensor(data.y)


def _decisions(data: PtODataset) -> Tensor:
    return as_tensor(data.z)
