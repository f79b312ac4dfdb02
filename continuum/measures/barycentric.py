"""Barycentric projection: the map that a transport plan suggests."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .admission import admit_array
from .transport import Plan

__all__ = ["barycentric_projection"]


def barycentric_projection(plan: Plan, values: Any) -> Float[Tensor, "n d"]:
    r"""Mean of what each source point is sent to: $T(x_i) = \sum_j \pi_{ij} v_j / \sum_j \pi_{ij}$.

    For an exact plan between equally many points of equal mass this is a matching: nothing is averaged. Ambrosio, Gigli
    & Savaré (2008), definition 5.4.2.

    Args:
        plan: plan between n source and m target points.
        values: what the target points carry, (m, d): their locations, or their label distributions.

    Raises:
        InvalidInputError: if a source point has no mass, since it is sent nowhere.
    """
    carried = admit_array(values, "values", ndim=2)
    m = plan.coupling.shape[1]
    if len(carried) != m:
        raise IncompatibleError(f"the plan has {m} target points, `values` has {len(carried)} rows.")
    coupling = plan.coupling
    if isinstance(coupling, Tensor):
        moved, mass = coupling @ carried.to(coupling.device), coupling.sum(1)
    else:
        moved, mass = torch.as_tensor(coupling @ carried.cpu().numpy()), torch.as_tensor(coupling.sum(axis=1))
    if not bool((mass > 0).all()):
        raise InvalidInputError(
            f"source point {int(mass.argmin())} has no mass, so a plan sends it nowhere; drop such points."
        )
    return (moved / mass[:, None]).to(carried.device)
