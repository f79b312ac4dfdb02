"""Decision disparities: what is lost where one decision takes the place of another.

A disparity is a ground cost between two datasets of one problem. It takes n + m solves, those of the two datasets, and
no more: every decision is valued on every instance, for a linear objective by one product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import GroundCost, WeightedSum, admit_array

from .dataset import PtODataset
from .problem import LinearProblem, PtOProblem, admit_parameters, check_same_problem, sign

__all__ = ["Disparity", "Profile", "check_disparity", "disparity_cost"]

Places = slice | Tensor
Kind = Literal["target", "source", "sym", "profile"]

_ROUNDING = 1e-12  # of the size of the objective: what sums of another order differ by
_TOLERANCE = 1e-9  # the same: by how much a solver may miss the optimum
_REFERENCE = 128  # instances of each side that a profile is taken on, if it is not told which


@dataclass(frozen=True, eq=False)
class Profile:
    r"""The profile disparity on given instances, a pseudo-metric between decisions of any number of datasets.

    $g(z, z') = \frac1R \sum_r |f(z, y_r) - f(z', y_r)|$: decisions stand at $(f(z, y_r))_r$, and their distance is that
    of L1.

    Args:
        reference: the parameters $y_r$ on which decisions are compared, (R, dim_y).

    Raises:
        InvalidInputError: if they are NaN, infinite or no matrix.
    """

    reference: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", np.asarray(admit_array(self.reference, "reference", ndim=2).cpu()))


Disparity = Kind | Profile


def check_disparity(disparity: Any) -> None:
    """Refuse what names no disparity.

    Raises:
        InvalidInputError: naming those that exist.
    """
    if not isinstance(disparity, Profile) and not (isinstance(disparity, str) and disparity in get_args(Kind)):
        raise InvalidInputError(
            f"`disparity` must be one of {get_args(Kind)} or Profile(reference), got {disparity!r}."
        )


def disparity_cost(source: PtODataset, target: PtODataset, disparity: Disparity = "target") -> GroundCost:
    r"""What is lost where decision i of the source and decision j of the target are swapped, (n, m).

    With f a cost (a value is negated first):

    - "target": $f(z_i, y'_j) - f(z'_j, y'_j)$, the regret on the target's instance of the source's decision;
    - "source": $f(z'_j, y_i) - f(z_i, y_i)$, the same with the sides exchanged;
    - "sym": the mean of both, symmetric;
    - "profile": $\frac1R \sum_r |f(z_i, y_r) - f(z'_j, y_r)|$ over reference instances, the only one that obeys the
      triangle inequality. They are up to 128 of each side, evenly spaced; between more than two datasets it is a
      pseudo-metric with one `Profile(reference)` for all.

    The first three are regrets, at least 0, where the decisions that are replaced are optimal. Where they were logged,
    absolute values are taken. Differences within 1e-12 of the size of the objective are rounding and count as 0. After
    Rodriguez-Diaz et al. (2025), whose published code leaves open on which side decisions are valued.

    Args:
        source: a dataset.
        target: another one of the same problem.
        disparity: which of the four.

    Returns:
        A ground cost. That of a linear problem has factors, but for "profile" and for logged decisions.

    Raises:
        InvalidInputError: if `disparity` names none.
        IncompatibleError: if the problems differ; and when costs are computed, if a decision beats one that is called
            optimal: feasible sets differ, or the solver is not exact.

    Example:
        >>> from continuum.decisions import PtODataset, TopK
        >>> from continuum.measures import matrix
        >>> source = PtODataset([[0.0]], [[5.0, 1.0]], TopK(items=2))
        >>> target = PtODataset([[0.0]], [[2.0, 4.0]], TopK(items=2))
        >>> [float(matrix(disparity_cost(source, target, kind))) for kind in ("target", "source", "sym")]
        [2.0, 4.0, 3.0]
    """
    check_disparity(disparity)
    check_same_problem(source.problem, target.problem)
    if isinstance(disparity, Profile):
        return _profile_cost(source, target, admit_parameters(source.problem, disparity.reference, "reference"))
    if disparity == "profile":
        return _profile_cost(source, target, np.concatenate([_spread(source.y), _spread(target.y)]))
    if disparity == "target":
        return _regret(source, target)
    if disparity == "source":
        return _transposed(_regret(target, source))
    return WeightedSum(((0.5, _regret(source, target)), (0.5, _transposed(_regret(target, source)))))


@dataclass(frozen=True, eq=False)
class RegretCost:
    """What instance j loses if it gets decision i in place of its own; its absolute value if its own is not optimal.

    Args:
        problem: what is decided.
        z: the decisions, (n, dim_z).
        y: parameters of the instances, (m, dim_y).
        own: what their own decisions cost, (m,).
        is_optimal: whether their own decisions are optimal.
    """

    problem: PtOProblem
    z: Tensor
    y: Tensor
    own: Tensor
    is_optimal: bool
    least: ClassVar[float] = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.z), len(self.y)

    def block(self, rows: Places, columns: Places) -> Tensor:
        excess = torch.add(-self.own[columns], _costs(self.problem, self.z[rows], self.y[columns]))
        return _admitted(excess, _size(self.own, self.y)) if self.is_optimal else excess.abs_()


@dataclass(frozen=True, eq=False)
class RegretProduct:
    """The regret of a linear problem, an inner product of what is known of the decision and of the instance.

    Args:
        u: factors of one side, (n, k).
        v: factors of the other, (m, k).
        size: how large the objective is.
    """

    u: Tensor
    v: Tensor
    size: float
    least: ClassVar[float] = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.u), len(self.v)

    def block(self, rows: Places, columns: Places) -> Tensor:
        return _admitted(self.u[rows] @ self.v[columns].T, self.size)

    def factors(self, rows: Places, columns: Places, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return self.u[rows].to(dtype, copy=True), self.v[columns].to(dtype, copy=True)


@dataclass(frozen=True, eq=False)
class Transposed:
    """A cost with the sides exchanged."""

    cost: RegretCost
    least: ClassVar[float] = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.cost.shape
        return n, m

    def block(self, rows: Places, columns: Places) -> Tensor:
        return self.cost.block(columns, rows).T


@dataclass(frozen=True, eq=False)
class ProfileCost:
    """Mean absolute difference of the costs of two decisions on instances, from these costs (n, R) and (m, R)."""

    costs: Tensor
    others: Tensor
    least: ClassVar[float] = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.costs), len(self.others)

    def block(self, rows: Places, columns: Places) -> Tensor:
        return torch.cdist(self.costs[rows], self.others[columns], p=1).div_(self.costs.shape[1])


def _regret(decided: PtODataset, instances: PtODataset) -> RegretProduct | RegretCost:
    """The decisions of one dataset on the instances of another."""
    problem = instances.problem
    y, z = torch.as_tensor(instances.y), torch.as_tensor(decided.z)
    own = sign(problem) * torch.as_tensor(problem.paired(instances.z, instances.y))
    if not (isinstance(problem, LinearProblem) and problem.is_linear and instances.is_optimal):
        return RegretCost(problem, z, y, own, instances.is_optimal)
    u = torch.cat([z, torch.ones(len(z), 1, dtype=z.dtype)], 1)
    v = torch.cat([sign(problem) * y, -own[:, None]], 1)
    return RegretProduct(u, v, _size(own, y))


def _transposed(cost: RegretProduct | RegretCost) -> GroundCost:
    return RegretProduct(cost.v, cost.u, cost.size) if isinstance(cost, RegretProduct) else Transposed(cost)


def _profile_cost(source: PtODataset, target: PtODataset, reference: Any) -> ProfileCost:
    y = torch.as_tensor(reference)
    return ProfileCost(*(_costs(data.problem, torch.as_tensor(data.z), y) for data in (source, target)))


def _spread(y: Any) -> Any:
    """Some rows of `y`, evenly spaced."""
    return y[np.unique(np.linspace(0, len(y) - 1, min(len(y), _REFERENCE)).round().astype(int))]


def _costs(problem: PtOProblem, z: Tensor, y: Tensor) -> Tensor:
    """Every decision on every instance, as a cost."""
    values = admit_array(problem.objective(z.numpy(), y.numpy()), "objective(z, y)", ndim=2)
    if values.shape != (len(z), len(y)):
        raise InvalidInputError(
            f"`objective` of {type(problem).__name__} must give ({len(z)}, {len(y)}) values, got {tuple(values.shape)}."
        )
    return values if sign(problem) > 0 else -values


def _size(own: Tensor, y: Tensor) -> float:
    return float(own.abs().max() + y.abs().max())


def _admitted(excess: Tensor, size: float) -> Tensor:
    """Regrets in the same memory, without rounding errors."""
    least = float(excess.min())
    if least < -_TOLERANCE * size:
        i, j = divmod(int(excess.argmin()), excess.shape[1])
        raise IncompatibleError(
            f"a decision of the other side beats one that is called optimal by {-least:.3g} (row {i}, column {j} of "
            "the block): feasible sets differ, or `solve` is not exact; give decisions as logged, `z=`, if so."
        )
    return torch.threshold_(excess, _ROUNDING * size, 0.0)
