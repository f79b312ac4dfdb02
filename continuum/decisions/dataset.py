"""Predict-then-optimise datasets: features, parameters, and the decisions that these call for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from continuum.core import InvalidInputError
from continuum.measures import admit_array, admit_masses

from .problem import (
    Decisions,
    Parameters,
    PtOProblem,
    SupportsFeasibility,
    admit_decisions,
    admit_parameters,
    admit_problem,
)

__all__ = ["PtODataset"]


@dataclass(frozen=True, eq=False)
class PtODataset:
    r"""n triplets (x, y, z): what is seen, what it costs, and what is decided, of one predict-then-optimise problem.

    Decisions are the optimal ones, $z_i = z^*(y_i)$, unless others were logged. They are solved for all at once when
    they are first read, and kept. Make a changed dataset anew: `dataclasses.replace` would log the old decisions for
    it. Elmachtoub and Grigas (2022); Mandi et al. (2024).

    Args:
        x: features, (n, ...): an array or a tensor, kept as it is if it is floating.
        y: parameters, (n, dim_y).
        problem: what is decided.
        z: decisions that were made, (n, dim_z), if they are not the optimal ones.
        weights: masses (n,), normalised to sum to 1; None for uniform.

    Attributes:
        z: the decisions, (n, dim_z).
        is_optimal: whether decisions are those of the problem's own solver.

    Raises:
        InvalidInputError: for NaN, an empty set, lengths or widths that differ, and for logged decisions that are not
            allowed; when decisions are first read, for parameters that the problem refuses.

    Example:
        >>> from continuum.decisions import TopK
        >>> data = PtODataset([[0.0], [1.0]], [[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]], TopK(items=3, k=2))
        >>> data
        PtODataset(n=2, features=(1,), problem=TopK, dim_y=3, dim_z=3)
        >>> data.z
        array([[1., 0., 1.],
               [0., 1., 1.]])
    """

    x: Any
    y: Parameters
    problem: PtOProblem
    z: Any = field(default_factory=lambda: None)  # no class attribute, so that `__getattr__` is asked once it is gone
    weights: Any = None
    is_optimal: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        problem = admit_problem(self.problem)
        x, y = _admit_features(self.x), admit_parameters(problem, self.y)
        if len(x) != len(y):
            raise InvalidInputError(f"`x` has {len(x)} instances and `y` has {len(y)}.")
        weights = admit_masses(self.weights, len(x), "weights").numpy()
        for name, value in {"x": x, "y": y, "weights": weights, "is_optimal": self.z is None}.items():
            object.__setattr__(self, name, value)
        if self.z is None:
            object.__delattr__(self, "z")
        else:
            object.__setattr__(self, "z", _admit_logged(problem, self.z, len(x)))

    def __getattr__(self, name: str) -> Any:
        if name != "z" or "y" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__setattr__(self, "z", solve(self.problem, self.y))
        return self.z

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        problem = self.problem
        return (
            f"PtODataset(n={len(self)}, features={tuple(self.x.shape[1:])}, problem={type(problem).__name__}, "
            f"dim_y={problem.dim_y}, dim_z={problem.dim_z}{'' if self.is_optimal else ', logged'})"
        )

    @property
    def features(self) -> Tensor:
        """`x` as vectors, (n, d), on its device; it may share memory with `x`, so do not write into it."""
        flat = self.x.reshape(len(self), -1)
        return flat if isinstance(flat, Tensor) else torch.from_numpy(np.require(flat, None, ("C", "W")))

    def subset(self, indices: Any) -> PtODataset:
        """The instances at `indices` (integers, a mask or a slice), with renormalised weights.

        Decisions that are known are kept, not solved again.

        Raises:
            InvalidInputError: if `indices` do not fit, nothing is left, or only instances of weight 0.
        """
        rows = _rows(indices, len(self))
        weights = self.weights[rows]
        if weights.sum() == 0:
            raise InvalidInputError(f"subset leaves {len(rows)} of {len(self)} instances, of total weight 0.")
        x = self.x[torch.as_tensor(rows, device=self.x.device)] if isinstance(self.x, Tensor) else self.x[rows]
        part = PtODataset(x, self.y[rows], self.problem, weights=weights / weights.sum())
        object.__setattr__(part, "is_optimal", self.is_optimal)
        if "z" in self.__dict__:
            object.__setattr__(part, "z", self.z[rows])
        return part


def solve(problem: PtOProblem, y: Parameters, name: str = "y") -> Decisions:
    """The optimal decisions of checked parameters, checked in their turn.

    Raises:
        InvalidInputError: for parameters that the problem refuses, and for a solver of wrong shapes or NaN.
    """
    z = admit_decisions(problem, problem.solve(y), f"solve({name})")
    if len(z) != len(y):
        raise InvalidInputError(f"`solve` of {type(problem).__name__} gave {len(z)} decisions for {len(y)} instances.")
    return z


def _admit_features(x: Any) -> Any:
    admitted = admit_array(x, "x", keep=True)
    if admitted.ndim == 0:
        raise InvalidInputError("`x` must have one row for each instance, got a single number.")
    return x.detach().to(admitted) if isinstance(x, Tensor) else np.asarray(admitted.numpy())


def _admit_logged(problem: PtOProblem, z: Any, n: int) -> Decisions:
    decisions = admit_decisions(problem, z)
    if len(decisions) != n:
        raise InvalidInputError(f"`z` has {len(decisions)} decisions for {n} instances.")
    if isinstance(problem, SupportsFeasibility):
        bad = np.flatnonzero(~problem.is_feasible(decisions))
        if len(bad):
            raise InvalidInputError(
                f"`z` has {len(bad)} decisions that {type(problem).__name__} does not allow, the first in row "
                f"{bad[0]}; were they made for another feasible set?"
            )
    return decisions


def _rows(indices: Any, n: int) -> NDArray[np.intp]:
    """`indices` as row numbers below n, at least one."""
    try:
        rows = np.atleast_1d(np.arange(n)[indices if isinstance(indices, slice) else np.asarray(indices)])
    except (IndexError, ValueError) as error:
        raise InvalidInputError(f"`indices` must be rows of the {n} instances, or a mask or slice: {error}.") from None
    if rows.ndim != 1 or rows.size == 0:
        raise InvalidInputError(f"`indices` must be a list of rows, at least one, got shape {rows.shape}.")
    return rows
