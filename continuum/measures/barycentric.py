"""Barycentric projection: the map that a transport plan suggests."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

from .admission import admit_array
from .plan import Plan

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
    mass = coupling.sum(1)
    if not bool((mass > 0).all()):
        raise InvalidInputError(f"source point {int(mass.argmin())} has no mass: a plan sends it nowhere; drop it.")
    # Divide the plan and not the product: a point that is sent to one place then arrives there bit for bit.
    if isinstance(coupling, Tensor):
        return ((coupling / mass[:, None]) @ carried.to(coupling.device)).to(carried.device)
    shares = coupling.copy()
    shares.data = coupling.data / np.repeat(mass, np.diff(coupling.indptr))
    return torch.as_tensor(shares @ carried.cpu().numpy(), device=carried.device)
