"""The size axis: models of all sizes between a student and its teacher."""

from .assembly import Layer, assembled
from .calibration import Calibration, Chunks
from .confidence import Confidence, Saturation, TopProbability
from .control import random_student
from .counts import Counts, count_parameters
from .depth_graph import Choice, DepthGraph
from .distill_recipe import DistillRecipe
from .distillation import Distilled, distill
from .execution import Divergence, Work, divergence
from .exit_path import ExitLevel, ExitPath
from .exits import exit_depths
from .gated import Gate, GatedPath
from .klpatch import BackwardGreedy, KLPatch, PatchSearch
from .lattice import Lattice, LatticePath, ShortestPath
from .layer_collapse import LayerCollapse
from .layer_scores import block_influence, gradient_norms, lowest_first, single_drop_kl
from .layout import PUBLISHED, EveryNth, Given, KeepRule, Layout, layout_of
from .losses import CrossEntropy, HiddenCosine, Loss, TokenKL
from .lowest_drop import Drops, LowestDrop, drop_layers
from .members import Members
from .mixed import RandomSlots
from .orders import ORDERS, FirstToLast, LastToFirst, Order, Random, steps
from .own_words import own_words
from .path import PatchPath
from .provenance import Provenance, provenance_of, read_provenance, write_provenance
from .pruned import PrunedPath
from .pruning import Collapse, Delete, NeighbourMean, OneShot, Pruning, Repair, same_layout
from .states import Evaluation
from .student import initialize_student
from .surrogate import Interactions, Surrogate

__all__ = [
    "ORDERS",
    "PUBLISHED",
    "BackwardGreedy",
    "Calibration",
    "Choice",
    "Chunks",
    "Collapse",
    "Confidence",
    "Counts",
    "CrossEntropy",
    "Delete",
    "DepthGraph",
    "DistillRecipe",
    "Distilled",
    "Divergence",
    "Drops",
    "Evaluation",
    "EveryNth",
    "ExitLevel",
    "ExitPath",
    "FirstToLast",
    "Gate",
    "GatedPath",
    "Given",
    "HiddenCosine",
    "Interactions",
    "KLPatch",
    "KeepRule",
    "LastToFirst",
    "Lattice",
    "LatticePath",
    "Layer",
    "LayerCollapse",
    "Layout",
    "Loss",
    "LowestDrop",
    "Members",
    "NeighbourMean",
    "OneShot",
    "Order",
    "PatchPath",
    "PatchSearch",
    "Provenance",
    "PrunedPath",
    "Pruning",
    "Random",
    "RandomSlots",
    "Repair",
    "Saturation",
    "ShortestPath",
    "Surrogate",
    "TokenKL",
    "TopProbability",
    "Work",
    "assembled",
    "block_influence",
    "count_parameters",
    "distill",
    "divergence",
    "drop_layers",
    "exit_depths",
    "gradient_norms",
    "initialize_student",
    "layout_of",
    "lowest_first",
    "own_words",
    "provenance_of",
    "random_student",
    "read_provenance",
    "same_layout",
    "single_drop_kl",
    "steps",
    "write_provenance",
]
