"""Floor 2: the mathematics that axes share. Knows no axis."""

from .admission import admit_array, admit_masses, check_memory, check_spread
from .barycentric import barycentric_projection
from .chamfer import chamfer
from .cost import (
    BoundedCost,
    Euclidean,
    FactoredCost,
    GroundCost,
    PointCost,
    SquaredEuclidean,
    TableCost,
    WeightedSum,
    matrix,
)
from .divergence import Divergence, check_divergence_memory, in_absolute_units, self_cost, sinkhorn_divergence
from .gaussian import GaussianMeasure, LedoitWolf, MongeMap, bures2, gaussian_w2_squared, monge_map
from .kernels import Gaussian, Kernel, Laplace, Riesz
from .measure import DiscreteMeasure
from .mmd import MMDGradient, mmd2, mmd_gradients, witness_gradient
from .plan import Plan
from .pooling import Pooled
from .preflight import check_plan_memory, choose_solver
from .sliced_energy import SlicedEnergy, sliced_energy
from .solvers import Exact, Sinkhorn, Sliced, Solver, SolverLike, Stratified, Streamed
from .transport import solve
from .truncation import projection_bounds

__all__ = [
    "BoundedCost",
    "DiscreteMeasure",
    "Divergence",
    "Euclidean",
    "Exact",
    "FactoredCost",
    "Gaussian",
    "GaussianMeasure",
    "GroundCost",
    "Kernel",
    "Laplace",
    "LedoitWolf",
    "MMDGradient",
    "MongeMap",
    "Plan",
    "PointCost",
    "Pooled",
    "Riesz",
    "Sinkhorn",
    "Sliced",
    "SlicedEnergy",
    "Solver",
    "SolverLike",
    "SquaredEuclidean",
    "Stratified",
    "Streamed",
    "TableCost",
    "WeightedSum",
    "admit_array",
    "admit_masses",
    "barycentric_projection",
    "bures2",
    "chamfer",
    "check_divergence_memory",
    "check_memory",
    "check_plan_memory",
    "check_spread",
    "choose_solver",
    "gaussian_w2_squared",
    "in_absolute_units",
    "matrix",
    "mmd2",
    "mmd_gradients",
    "monge_map",
    "projection_bounds",
    "self_cost",
    "sinkhorn_divergence",
    "sliced_energy",
    "solve",
    "witness_gradient",
]
