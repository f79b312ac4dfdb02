"""Floor 2: the mathematics that axes share. Knows no axis."""

from .admission import admit_array, admit_masses, check_memory, check_spread
from .barycentric import barycentric_projection
from .cost import FactoredCost, GroundCost, PointCost, SquaredEuclidean, TableCost, WeightedSum, matrix
from .divergence import Divergence, check_divergence_memory, in_absolute_units, self_cost, sinkhorn_divergence
from .gaussian import Gaussian, LedoitWolf, MongeMap, bures2, gaussian_w2_squared, monge_map
from .measure import DiscreteMeasure
from .plan import Plan
from .pooling import Pooled
from .preflight import check_plan_memory, choose_solver
from .solvers import Exact, Sinkhorn, Sliced, Solver, SolverLike, Stratified, Streamed
from .transport import solve
from .truncation import projection_bounds

__all__ = [
    "DiscreteMeasure",
    "Divergence",
    "Exact",
    "FactoredCost",
    "Gaussian",
    "GroundCost",
    "LedoitWolf",
    "MongeMap",
    "Plan",
    "PointCost",
    "Pooled",
    "Sinkhorn",
    "Sliced",
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
    "check_divergence_memory",
    "check_memory",
    "check_plan_memory",
    "check_spread",
    "choose_solver",
    "gaussian_w2_squared",
    "in_absolute_units",
    "matrix",
    "monge_map",
    "projection_bounds",
    "self_cost",
    "sinkhorn_divergence",
    "solve",
]
