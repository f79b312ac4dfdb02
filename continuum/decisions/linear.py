"""The linear objective, in which the parameters are the prices of the parts of a decision."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .problem import PtOProblem, admit_decisions, admit_parameters, check_paired

__all__ = ["LinearObjective"]


class LinearObjective:
    r"""$f(z, y) = \langle z, y \rangle$: what a problem inherits that adds its feasible set and `solve`."""

    @property
    def is_linear(self) -> Literal[True]:
        """That every decision on every instance is one product of matrices."""
        return True

    def objective(self: PtOProblem, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every decision on every instance, f(z_i, y_j), (k, m)."""
        return np.asarray(admit_decisions(self, z) @ admit_parameters(self, y).T)

    def paired(self: PtOProblem, z: Any, y: Any, /) -> NDArray[np.float64]:
        """Every decision on its own instance, f(z_i, y_i), (n,).

        Raises:
            IncompatibleError: if there are not as many decisions as instances.
        """
        z, y = admit_decisions(self, z), admit_parameters(self, y)
        check_paired(z, y)
        return np.asarray(np.einsum("nd,nd->n", z, y))
