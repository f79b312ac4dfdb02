"""What lies between two predict-then-optimise datasets: instances that travel, and decisions that are made anew."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from scipy.sparse import coo_array
from torch import Tensor

from continuum.core import IncompatibleError, Interval, LazyEndpoints, Metric, PerItem, Point, PointLike
from continuum.measures import SolverLike

from .cost import DecisionAwareCost
from .dataset import PtODataset
from .distance import ModeLike, Priced, decision_distance
from .problem import check_same_problem
from .regret import decision_regret

__all__ = ["DecisionPath", "decision_drift"]


@dataclass(frozen=True, eq=False)
class DecisionPath:
    r"""The path between two datasets along a transport plan, on which every instance is decided anew.

    $x_t = (1 - t)\, x + t\, x'$, $y_t = (1 - t)\, y + t\, y'$ for each atom of the plan, as in McCann (1997), and
    $z_t = z^*(y_t)$: a mixture of two decisions is often not allowed, and seldom the best. Both ends are reached
    exactly, their instances split into the atoms of the plan; logged decisions are not used. The plan is computed when
    a value is first asked for.

    Args:
        source: the dataset at t = 0.
        target: the dataset at t = 1, of the same problem and shape of features.
        cost: what the plan costs; None for `DecisionAwareCost(problem)`.
        mode: what chooses the plan; by default features and labels, which are what moves.
        solver: from `continuum.measures`.

    Raises:
        IncompatibleError: if problems or shapes of features differ.

    Example:
        >>> from continuum.decisions import PtODataset, TopK
        >>> source = PtODataset([[0.0]], [[3.0, 1.0]], TopK(items=2))
        >>> target = PtODataset([[1.0]], [[1.0, 5.0]], TopK(items=2))
        >>> path = DecisionPath(source, target, DecisionAwareCost(TopK(items=2), scale=None))
        >>> path.at(0.25).y, path.at(0.25).z, path.at(0.75).z
        (array([[2.5, 2. ]]), array([[1., 0.]]), array([[0., 1.]]))
    """

    source: PtODataset
    target: PtODataset
    cost: DecisionAwareCost | None = None
    _: KW_ONLY
    mode: ModeLike = Priced(1.0, 1.0)  # noqa: RUF009 -- frozen
    solver: SolverLike = "auto"
    domain: ClassVar[Interval] = Interval()

    def __post_init__(self) -> None:
        check_same_problem(self.source.problem, self.target.problem)
        shapes = tuple(self.source.x.shape[1:]), tuple(self.target.x.shape[1:])
        if len(set(shapes)) > 1:
            raise IncompatibleError(f"interpolated features must have one shape, got {shapes[0]} and {shapes[1]}.")

    @cached_property
    def _atoms(self) -> tuple[PtODataset, PtODataset]:
        """Both ends of every atom of the plan, with the mass of the atom as weight."""
        plan = decision_distance(self.source, self.target, self.cost, mode=self.mode, solver=self.solver).plan
        atoms = coo_array(plan)
        rows, columns = atoms.coords
        return _taken(self.source, rows, atoms.data), _taken(self.target, columns, atoms.data)

    def __getstate__(self) -> dict[str, Any]:
        """Travels with its atoms: no worker solves the plan again."""
        _ = self._atoms
        return self.__dict__

    def at(self, point: PointLike, /) -> PtODataset:
        (t,) = self.domain.point(point)
        start, end = self._atoms
        x, other = _alike(start.x, end.x)
        y = (1 - t) * start.y + t * end.y
        # A copy of the problem, which may hold arrays: values belong to those who asked for them.
        return PtODataset((1 - t) * x + t * other, y, copy.deepcopy(start.problem), weights=start.weights.copy())

    @property
    def endpoints(self) -> Mapping[Point, PtODataset]:
        """The two datasets, their instances split into the atoms of the plan."""
        return LazyEndpoints(self.domain.vertices(), lambda point: copy.deepcopy(self._atoms[int(point[0])]))

    def __repr__(self) -> str:
        return f"DecisionPath({self.source!r}, {self.target!r})"


def decision_drift(start: PtODataset) -> Metric:
    r"""What it costs to go on with the decisions of `start`: the mean of $f(z_0, y_t) - f(z_t, y_t)$ over a value.

    A metric of the values of a `DecisionPath`, whose instances are those of `start` in the same order.

    Args:
        start: a value of the path, such as `path.at(0)`.

    Example:
        >>> from continuum.decisions import PtODataset, TopK
        >>> source = PtODataset([[0.0]], [[3.0, 1.0]], TopK(items=2))
        >>> target = PtODataset([[1.0]], [[1.0, 5.0]], TopK(items=2))
        >>> path = DecisionPath(source, target, DecisionAwareCost(TopK(items=2), scale=None))
        >>> drift = decision_drift(path.at(0))
        >>> [drift(path.at(t)) for t in (0, 0.25, 0.5, 1)]
        [0.0, 0.0, 1.0, 4.0]
    """
    return Metric("decision drift", partial(_drift, start))


def _drift(start: PtODataset, data: PtODataset) -> PerItem:
    if len(start) != len(data):
        raise IncompatibleError(f"drift compares the same instances, got {len(start)} at the start and {len(data)}.")
    return PerItem.weighted(decision_regret(data.problem, start.z, data.y, optimal=data.z), data.weights)


def _taken(data: PtODataset, rows: Any, masses: Any) -> PtODataset:
    """The instances at `rows`, which may occur more than once."""
    x = data.x[torch.as_tensor(rows, device=data.x.device).long()] if isinstance(data.x, Tensor) else data.x[rows]
    return PtODataset(x, data.y[rows], data.problem, weights=masses / masses.sum())


def _alike(x: Any, other: Any) -> tuple[Any, Any]:
    """Both as tensors if one is."""
    place = next((side.device for side in (x, other) if isinstance(side, Tensor)), None)
    return (x, other) if place is None else (torch.as_tensor(x, device=place), torch.as_tensor(other, device=place))
