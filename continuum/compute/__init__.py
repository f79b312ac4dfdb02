"""The compute axis: equilibrium models over vectors and over distributions, and budgets of iterations between."""

from .augmentation import Augmentation
from .backward import Backward, BackwardReport, Implicit, Phantom, Unrolled
from .budget import Budgeted, BudgetPath, Changes, InputPoints, Iterations, Particles, Spending, Tolerances
from .clouds import CloudSet, clouds_of_images
from .completion import CompletionNetwork, completed
from .equilibrium import DEQ, DistributionalDEQ, Equilibrium, Head, MeasureNetwork, jacobian_penalty, spread
from .fixed_point import Budget, FixedPoint, FixedPointProblem, SampleMap, solve_fixed_point
from .flow import Euler, Momentum, Polyak, WassersteinFlow
from .heads import ClassificationHead, CompletionHead, MaxHead, PointHead
from .latent import Attractors, LatentField, attractors
from .local_network import LocalNetwork
from .networks import AnchoredNetwork, PaperNetwork
from .partial import partial_view
from .particles import PointCloudBatch
from .pcn import PCN, CoarseToFine
from .point_transformer import PointTransformer
from .pointnet import PointNet
from .propagation import Propagation
from .propagation_tasks import digit_pairs, spiral_arms
from .solvers import Anderson, Broyden, Damped, Picard, Solver
from .sources import Objects, load_furniture
from .spaces import Clouds, Space, Vectors
from .stopping import DiscrepancyRatio, PredictionChange, Residual, Stop
from .training import Anytime, AtEquilibrium, Direct, Fitted, Objective, TrainingRecipe, train_equilibrium
from .weight_tied import WeightTied

__all__ = [
    "DEQ",
    "PCN",
    "AnchoredNetwork",
    "Anderson",
    "Anytime",
    "AtEquilibrium",
    "Attractors",
    "Augmentation",
    "Backward",
    "BackwardReport",
    "Broyden",
    "Budget",
    "BudgetPath",
    "Budgeted",
    "Changes",
    "ClassificationHead",
    "CloudSet",
    "Clouds",
    "CoarseToFine",
    "CompletionHead",
    "CompletionNetwork",
    "Damped",
    "Direct",
    "DiscrepancyRatio",
    "DistributionalDEQ",
    "Equilibrium",
    "Euler",
    "Fitted",
    "FixedPoint",
    "FixedPointProblem",
    "Head",
    "Implicit",
    "InputPoints",
    "Iterations",
    "LatentField",
    "LocalNetwork",
    "MaxHead",
    "MeasureNetwork",
    "Momentum",
    "Objective",
    "Objects",
    "PaperNetwork",
    "Particles",
    "Phantom",
    "Picard",
    "PointCloudBatch",
    "PointHead",
    "PointNet",
    "PointTransformer",
    "Polyak",
    "PredictionChange",
    "Propagation",
    "Residual",
    "SampleMap",
    "Solver",
    "Space",
    "Spending",
    "Stop",
    "Tolerances",
    "TrainingRecipe",
    "Unrolled",
    "Vectors",
    "WassersteinFlow",
    "WeightTied",
    "attractors",
    "clouds_of_images",
    "completed",
    "digit_pairs",
    "jacobian_penalty",
    "load_furniture",
    "partial_view",
    "solve_fixed_point",
    "spiral_arms",
    "spread",
    "train_equilibrium",
]
