"""Floor 3: the one harness. Knows `continuum.core` and no axis."""

from .evaluate import evaluate
from .pareto import pareto
from .results import Results, status
from .search import Found, Navigation, navigate
from .summaries import (
    advantage,
    barrier,
    endpoint_fidelity,
    frankle_barrier,
    largest_jump,
    monotonicity,
    spearman,
    tracking_rmse,
    win_share,
)

__all__ = [
    "Found",
    "Navigation",
    "Results",
    "advantage",
    "barrier",
    "endpoint_fidelity",
    "evaluate",
    "frankle_barrier",
    "largest_jump",
    "monotonicity",
    "navigate",
    "pareto",
    "spearman",
    "status",
    "tracking_rmse",
    "win_share",
]
