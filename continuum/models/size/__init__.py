"""The size axis: models of all sizes between a student and its teacher."""

from .assembly import Layer, assembled
from .calibration import Calibration
from .counts import Counts, count_parameters
from .depth_graph import Choice, DepthGraph
from .distill_recipe import DistillRecipe
from .distillation import Distilled, distill
from .execution import Divergence, Work
from .gated import Gate, GatedPath
from .klpatch import BackwardGreedy, KLPatch, PatchSearch
from .lattice import Lattice, LatticePath, ShortestPath
from .layout import PUBLISHED, EveryNth, Given, KeepRule, Layout, layout_of
from .losses import CrossEntropy, HiddenCosine, Loss, TokenKL
from .members import Members
from .mixed import RandomSlots
from .orders import ORDERS, FirstToLast, LastToFirst, Order, Random, steps
from .path import PatchPath
from .provenance import Provenance, provenance_of, read_provenance, write_provenance
from .states import Evaluation
from .student import initialize_student
from .surrogate import Interactions, Surrogate

__all__ = [
    "ORDERS",
    "PUBLISHED",
    "BackwardGreedy",
    "Calibration",
    "Choice",
    "Counts",
    "CrossEntropy",
    "DepthGraph",
    "DistillRecipe",
    "Distilled",
    "Divergence",
    "Evaluation",
    "EveryNth",
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
    "Layout",
    "Loss",
    "Members",
    "Order",
    "PatchPath",
    "PatchSearch",
    "Provenance",
    "Random",
    "RandomSlots",
    "ShortestPath",
    "Surrogate",
    "TokenKL",
    "Work",
    "assembled",
    "count_parameters",
    "distill",
    "initialize_student",
    "layout_of",
    "provenance_of",
    "read_provenance",
    "steps",
    "write_provenance",
]
