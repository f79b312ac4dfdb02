"""Floor 2: the mathematics that axes share. Knows no axis."""

from .admission import admit_array, admit_masses, check_memory
from .barycentric import barycentric_projection
from .cost import GroundCost, SquaredEuclidean, TableCost, WeightedSum, matrix
from .divergence import Divergence, sinkhorn_divergence
from .gaussian import Gaussian, bures2, gaussian_w2_squared
from .measure import DiscreteMeasure
from .transport import Exact, Plan, Sinkhorn, Solver, check_plan_memory, solve

__all__ = [
    "DiscreteMeasure",
    "Divergence",
    "Exact",
    "Gaussian",
    "GroundCost",
    "Plan",
    "Sinkhorn",
    "Solver",
    "SquaredEuclidean",
    "TableCost",
    "WeightedSum",
    "admit_array",
    "admit_masses",
    "barycentric_projection",
    "bures2",
    "check_memory",
    "check_plan_memory",
    "gaussian_w2_squared",
    "matrix",
    "sinkhorn_divergence",
    "solve",
]
