"""Floor 3: the one harness. Knows `continuum.core` and no axis."""

from .budget import amount
from .churn import churn
from .dossier import provenance_of
from .evaluate import evaluate
from .exhibit_table import Kept
from .exhibits import Clouds, Exhibit, Facts, Images, Texts
from .found import Found
from .keeping import keep_exhibits, kept_exhibits
from .link import Link, link
from .marginal import Price, marginal_gains, price
from .pairwise import Pairwise
from .pareto import pareto
from .results import Results, status
from .scaling import ScalingFit, ScalingLaw, fit_scaling
from .search import Navigation, navigate
from .spread import path_intervals
from .summaries import (
    advantage,
    barrier,
    coverage_gap,
    decision_accuracy,
    endpoint_fidelity,
    frankle_barrier,
    largest_jump,
    monotonicity,
    spearman,
    tracking_rmse,
    win_share,
)
from .verdict import Verdict, verdict
from .verify import Verification, verify

__all__ = [
    "Clouds",
    "Exhibit",
    "Facts",
    "Found",
    "Images",
    "Kept",
    "Link",
    "Navigation",
    "Pairwise",
    "Price",
    "Results",
    "ScalingFit",
    "ScalingLaw",
    "Texts",
    "Verdict",
    "Verification",
    "advantage",
    "amount",
    "barrier",
    "churn",
    "coverage_gap",
    "decision_accuracy",
    "endpoint_fidelity",
    "evaluate",
    "fit_scaling",
    "frankle_barrier",
    "keep_exhibits",
    "kept_exhibits",
    "largest_jump",
    "link",
    "marginal_gains",
    "monotonicity",
    "navigate",
    "pareto",
    "path_intervals",
    "price",
    "provenance_of",
    "spearman",
    "status",
    "tracking_rmse",
    "verdict",
    "verify",
    "win_share",
]
