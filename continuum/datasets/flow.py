"""Gradient flows: a labelled dataset that descends toward another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from continuum.core import Interval, InvalidInputError, LazyEndpoints, Point, PointLike, check_count, check_positive
from continuum.measures import SolverLike, check_memory

from .admission import Features
from .distance import DatasetDistance, otdd
from .label_geometry import class_laws
from .label_metrics import Bures, SupportsGradient
from .labelled import LabelledDataset
from .mixture import admit_sources

__all__ = ["GradientFlow"]

Array = NDArray[Any]

_NO_MASS = 1e-12  # what the rounding of a plan may leave between two classes


@dataclass(frozen=True, eq=False)
class _Trajectory:
    """Positions of all points after each step, the squared distances there, and whether all plans converged."""

    positions: tuple[Tensor, ...]
    objective: tuple[float, ...]
    converged: bool


@dataclass(frozen=True, eq=False)
class GradientFlow:
    r"""The steepest descent of a dataset toward another: $\dot x_i = -\nabla_{x_i} F / a_i$ with $F = \mathrm{OTDD}^2$.

    Alvarez-Melis & Fusi (2021), the variant that moves features only: each point keeps its label, and a label changes
    what it means as its class moves. F is squared and not halved, so a translation by v is followed as
    $x + (1 - e^{-2 (\lambda_x + \lambda_y) t})\, v$. With the plan and the maps of the classes fixed,

    $$\dot x_i = -2 \lambda_x (x_i - \bar x'_i) - \lambda_y \sum_{c'} \Pi_{c'|c}\, g_{c c'}(x_i),$$

    where $\bar x'_i$ is the mean of what the plan sends $x_i$ to, $\Pi_{c'|c}$ the share of class c that goes to class
    c', and g the gradient of their squared distance, $2 (x_i - T_{c c'}(x_i))$ for Gaussians. Explicit Euler steps
    recompute both; between steps points move in straight lines, so the value at t does not depend on what is asked.

    With an exact solver F never increases if $h (\lambda_x + s \lambda_y) \le 1$, s = n / (n - 1) <= 2 for the smallest
    class with `Bures()` and 1 for other metrics: F is the minimum over couplings of functions that are quadratic in x,
    so the one of the current couplings bounds it from above and touches it here.

    A point of weight 0 stays where it is. The trajectory is computed when a value is first asked for.

    Args:
        source: the dataset at t = 0, with hard labels.
        target: the dataset that attracts it, with hard labels.
        steps: number of Euler steps.
        step_size: time h of a step.
        labels: distance between classes that `SupportsGradient`; None for `Bures()`.
        feature_weight: $\lambda_x$.
        label_weight: $\lambda_y$.
        solver: as for `otdd`; `Sinkhorn(epsilon)` contracts clouds, as its plans are blurred.

    Example:
        >>> from continuum.datasets import MeansOnly
        >>> start, goal = (LabelledDataset(np.full((1, 1), x), ["a"]) for x in (0.0, 8.0))
        >>> flow = GradientFlow(start, goal, steps=2, step_size=0.125, labels=MeansOnly())
        >>> [flow.at(t).x.item() for t in (0.0, 0.125, 0.25)]  # each step goes half of the way
        [0.0, 4.0, 6.0]
    """

    source: LabelledDataset
    target: LabelledDataset
    _: KW_ONLY
    steps: int = 20
    step_size: float = 0.05
    labels: SupportsGradient | None = None
    feature_weight: float = 1.0
    label_weight: float = 1.0
    solver: SolverLike = "auto"

    def __post_init__(self) -> None:
        admit_sources({"source": self.source, "target": self.target})
        if self.source.is_soft or self.target.is_soft:
            raise InvalidInputError("a flow needs hard labels, got soft ones; take the likeliest, `data.codes`.")
        check_count("steps", self.steps)
        check_positive("step_size", self.step_size)
        if not isinstance(self._metric, SupportsGradient):
            raise InvalidInputError(
                f"`labels` must know its gradient, as Bures(), ExactLabels() and MeansOnly() do, got {self.labels!r}."
            )

    @property
    def domain(self) -> Interval:
        return Interval(0.0, self.steps * self.step_size)

    def at(self, point: PointLike, /) -> LabelledDataset:
        (t,) = self.domain.point(point)
        step = min(int(t / self.step_size), self.steps - 1)
        share = min(max(t / self.step_size - step, 0.0), 1.0)
        start, stop = self._trajectory.positions[step : step + 2]
        x = _like((1 - share) * start + share * stop, self.source.x)
        return LabelledDataset(x, self.source.y.copy(), self.source.weights.copy(), self.source.classes)

    @property
    def endpoints(self) -> Mapping[Point, LabelledDataset]:
        """The source at t = 0; the target is approached, and not reached in finite time."""
        return LazyEndpoints([(0.0,)], self.at)

    @property
    def objective(self) -> Array:
        """Squared OTDD to the target after each number of steps, (steps + 1,)."""
        return np.array(self._trajectory.objective)

    @property
    def converged(self) -> bool:
        """Whether every plan met the tolerance of its solver; says nothing of how near the end is to the target."""
        return self._trajectory.converged

    @property
    def _metric(self) -> SupportsGradient:
        return self.labels or Bures()

    @cached_property
    def _trajectory(self) -> _Trajectory:
        needed = 8 * (self.steps + 1) * len(self.source) * self.source.dimension
        check_memory(needed, f"a flow of {len(self.source)} points over {self.steps} steps", "use fewer of either")
        positions = [self.source.features()]
        found = [self._distance(positions[0])]
        for _ in range(self.steps):
            positions.append(positions[-1] + self.step_size * self._velocity(positions[-1], found[-1]))
            found.append(self._distance(positions[-1]))
        return _Trajectory(tuple(positions), tuple(f.squared for f in found), all(f.converged for f in found))

    def _moved(self, x: Tensor) -> LabelledDataset:
        """The source with its points at `x`, float64."""
        return LabelledDataset(x, self.source.y, self.source.weights, self.source.classes)

    def _distance(self, x: Tensor) -> DatasetDistance:
        return otdd(
            self._moved(x),
            self.target,
            labels=self._metric,
            solver=self.solver,
            feature_weight=self.feature_weight,
            label_weight=self.label_weight,
        )

    def _velocity(self, x: Tensor, found: DatasetDistance) -> Tensor:
        """$-\\nabla_{x_i} F / a_i$, (n, d)."""
        plan = found.plan.cpu().numpy() if isinstance(found.plan, Tensor) else found.plan
        coupling = csr_array(plan)
        mass = torch.as_tensor(coupling.sum(1), device=x.device)[:, None]
        arriving = torch.as_tensor(coupling @ self.target.features().cpu().numpy(), device=x.device)
        pull = self.feature_weight * 2 * (x - arriving / mass)
        if self.label_weight > 0:
            between = self.source.probabilities.T @ (coupling @ self.target.probabilities)
            pull = pull + self.label_weight * self._label_pull(x, between)
        return torch.where(mass > 0, -pull, 0.0)

    def _label_pull(self, x: Tensor, between: Array) -> Tensor:
        """Gradient of the label term in each point over its mass, of classes with the masses `between` them."""
        pull = torch.zeros_like(x)
        for code, law in enumerate(class_laws(self._moved(x), x.device)):
            members = torch.as_tensor((self.source.codes == code) & (self.source.weights > 0), device=x.device)
            for goal, mass in zip(self._goals, between[code], strict=True):
                if law is not None and mass > _NO_MASS:
                    pull[members] += mass / between[code].sum() * self._metric.gradient(law, goal)
        return pull

    @cached_property
    def _goals(self) -> list[Any]:
        """What the metric knows of each class of the target; None without samples."""
        laws = class_laws(self.target, self.source.device)
        return [law and self._metric.describe(law) for law in laws]

    def __getstate__(self) -> dict[str, Any]:
        """Travels with its trajectory: no worker solves the plans again."""
        _ = self._trajectory
        return self.__dict__

    def __repr__(self) -> str:
        return f"GradientFlow({self.source!r}, {self.target!r}, steps={self.steps}, step_size={self.step_size:g})"


def _like(values: Tensor, x: Features) -> Features:
    """(n, d) values in the shape, kind, dtype and place of `x`."""
    shaped = values.reshape(x.shape)
    return shaped.to(x) if isinstance(x, Tensor) else shaped.cpu().numpy().astype(x.dtype)
