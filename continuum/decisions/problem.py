"""What a predict-then-optimise problem is: decisions, parameters that are not known yet, and an objective.

Implementers do not inherit from anything: an object with these members is a problem, and regret, the decision-aware
cost and the distance work with it.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from continuum.core import IncompatibleError, InvalidInputError, fingerprint, is_whole
from continuum.measures import admit_array

__all__ = [
    "Decisions",
    "LinearProblem",
    "Parameters",
    "PtOProblem",
    "Sense",
    "SupportsFeasibility",
    "admit_decisions",
    "admit_parameters",
    "admit_problem",
    "check_paired",
    "check_same_problem",
    "sign",
]

Sense = Literal["min", "max"]
Parameters = NDArray[np.float64]  # (n, dim_y), one row for each instance
Decisions = NDArray[np.float64]  # (n, dim_z), one row for each instance


@runtime_checkable
class PtOProblem(Protocol):
    r"""Optimise $f(z, y)$ over decisions z of one feasible set; the parameters y are known only after the decision.

    The optimal decision of an instance is $z^*(y) = \arg\mathrm{opt}_{z \in Z} f(z, y)$, one and the same for equal y:
    ties are broken by a rule, so that distances between decisions mean something.
    """

    @property
    def sense(self) -> Sense:
        """Whether f is a cost, "min", or a value, "max"."""
        ...

    @property
    def dim_y(self) -> int:
        """How many parameters an instance has."""
        ...

    @property
    def dim_z(self) -> int:
        """How many numbers a decision has."""
        ...

    def solve(self, y: Any, /) -> Decisions:
        """The optimal decisions of all instances, (n, dim_z), of parameters (n, dim_y)."""
        ...

    def objective(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every decision on every instance, f(z_i, y_j), (k, m), of z (k, dim_z) and y (m, dim_y)."""
        ...

    def paired(self, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every decision on its own instance, f(z_i, y_i), (n,), of z (n, dim_z) and y (n, dim_y)."""
        ...


@runtime_checkable
class LinearProblem(PtOProblem, Protocol):
    r"""A problem of objective $f(z, y) = \langle z, y \rangle$: all decisions on all instances are one product."""

    @property
    def is_linear(self) -> Literal[True]:
        """That the objective is linear in both arguments, and dim_y = dim_z."""
        ...


@runtime_checkable
class SupportsFeasibility(Protocol):
    """A problem that can tell which decisions are allowed; those that are logged are then checked."""

    def is_feasible(self, z: Any, /) -> NDArray[np.bool_]:
        """Whether each decision of (n, dim_z) is in the feasible set, (n,)."""
        ...


def sign(problem: PtOProblem) -> int:
    """1 for a problem that minimises and -1 for one that maximises: `sign * f` is a cost."""
    return 1 if problem.sense == "min" else -1


def admit_problem(problem: Any) -> PtOProblem:
    """`problem`, if it is one.

    Raises:
        InvalidInputError: naming what is missing.
    """
    if isinstance(problem, type) or not isinstance(problem, PtOProblem):
        raise InvalidInputError(
            f"`problem` must be a predict-then-optimise problem such as TopK(50, 2), got {_name(problem)}; it needs "
            "`sense`, `dim_y`, `dim_z`, `solve`, `objective` and `paired`."
        )
    if problem.sense not in ("min", "max"):
        raise InvalidInputError(f"`sense` of {_name(problem)} must be 'min' or 'max', got {problem.sense!r}.")
    for name in ("dim_y", "dim_z"):
        size = getattr(problem, name)
        if not is_whole(size) or size < 1:
            raise InvalidInputError(f"`{name}` of {_name(problem)} must be a whole number above 0, got {size!r}.")
    return problem


def admit_parameters(problem: PtOProblem, y: Any, name: str = "y") -> Parameters:
    """`y` as parameters of the instances of `problem`, (n, dim_y) in float64.

    Raises:
        InvalidInputError: if it is empty, has NaN or infinite entries, or other than `dim_y` columns.
    """
    return _admit(problem, y, name, problem.dim_y, "parameters")


def admit_decisions(problem: PtOProblem, z: Any, name: str = "z") -> Decisions:
    """`z` as decisions of `problem`, (n, dim_z) in float64; whether they are allowed is another question.

    Raises:
        InvalidInputError: if it is empty, has NaN or infinite entries, or other than `dim_z` columns.
    """
    return _admit(problem, z, name, problem.dim_z, "numbers in a decision")


def check_paired(z: Decisions, y: Parameters) -> None:
    """Refuse decisions that are not one for each instance.

    Raises:
        IncompatibleError: naming how many there are of both.
    """
    if len(z) != len(y):
        raise IncompatibleError(f"`z` has {len(z)} decisions and `y` has {len(y)} instances; pair them one to one.")


def check_same_problem(source: PtOProblem, target: PtOProblem) -> None:
    """Refuse two problems of which one's decisions cannot be valued by the other.

    Raises:
        IncompatibleError: if they differ in kind, in size or in any number of theirs.
    """
    if source is not target and fingerprint(source) != fingerprint(target):
        raise IncompatibleError(
            f"source and target must share one problem, feasible set and objective, got {_brief(source)} and "
            f"{_brief(target)}; decisions of one have no value in the other."
        )


def _admit(problem: PtOProblem, array: Any, name: str, width: int, what: str) -> NDArray[np.float64]:
    admitted = np.asarray(admit_array(array, name, ndim=2).cpu().numpy())
    if admitted.shape[1] != width:
        raise InvalidInputError(
            f"`{name}` must have shape (n, {width}), the {what} of {_name(problem)}, got {admitted.shape}."
        )
    return admitted


def _name(problem: Any) -> str:
    return problem.__name__ if isinstance(problem, type) else type(problem).__name__


def _brief(problem: PtOProblem) -> str:
    described = repr(problem)
    return described if len(described) <= 60 else f"{_name(problem)}(dim_y={problem.dim_y}, dim_z={problem.dim_z}, ...)"
