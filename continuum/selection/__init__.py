"""Targeted selection: which part of a pool serves a task, as an ordering and as a path over budgets."""

from .adam import AdamDirection
from .alignment import Alignment
from .baselines import Random, Stratified
from .concatenated import Concatenated
from .diagnostics import mmd2_to, nearest_to, quantile_groups, transport_to
from .doubly_greedy import DoublyGreedy
from .dsir import DSIR
from .duplicates import distinct, drop_near_duplicates, overlap
from .extraction import extract
from .facility_location import FacilityLocation
from .ghost import LinearGradients, ghost_products, linear_gradients
from .gradients import GradientFeatures, gradient_scores
from .herding import Herding
from .knn_kde import KnnKDE
from .knn_uniform import KnnUniform
from .last_layer import LastLayerGradients, last_layer_gradients
from .loss_drop import LossDrop, PathLosses
from .mean_similarity import MeanSimilarity
from .ordering import Ordering
from .precomputed import Precomputed
from .projection import SRHT, CountSketch, Projection, Rademacher
from .representation import EncodesQueries, Representation
from .round_robin import RoundRobin
from .rounding import inclusion, systematic_counts, systematic_sample
from .select import select
from .selector import Selector
from .similarity import Nearest, SimilaritySource
from .softmax_uot import SoftmaxUOT
from .subset_path import Subset, SubsetPath
from .tfidf import TfidfSVD
from .weighted_path import Weighted, WeightedPath

__all__ = [
    "DSIR",
    "SRHT",
    "AdamDirection",
    "Alignment",
    "Concatenated",
    "CountSketch",
    "DoublyGreedy",
    "EncodesQueries",
    "FacilityLocation",
    "GradientFeatures",
    "Herding",
    "KnnKDE",
    "KnnUniform",
    "LastLayerGradients",
    "LinearGradients",
    "LossDrop",
    "MeanSimilarity",
    "Nearest",
    "Ordering",
    "PathLosses",
    "Precomputed",
    "Projection",
    "Rademacher",
    "Random",
    "Representation",
    "RoundRobin",
    "Selector",
    "SimilaritySource",
    "SoftmaxUOT",
    "Stratified",
    "Subset",
    "SubsetPath",
    "TfidfSVD",
    "Weighted",
    "WeightedPath",
    "distinct",
    "drop_near_duplicates",
    "extract",
    "ghost_products",
    "gradient_scores",
    "inclusion",
    "last_layer_gradients",
    "linear_gradients",
    "mmd2_to",
    "nearest_to",
    "overlap",
    "quantile_groups",
    "select",
    "systematic_counts",
    "systematic_sample",
    "transport_to",
]
