"""Floor 3: the one harness. Knows `continuum.core` and no axis."""

from .evaluate import evaluate
from .results import Results, status
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
    "Results",
    "advantage",
    "barrier",
    "endpoint_fidelity",
    "evaluate",
    "frankle_barrier",
    "largest_jump",
    "monotonicity",
    "spearman",
    "status",
    "tracking_rmse",
    "win_share",
]
