"""The weight axis: continuous families of models between adapters, and between checkpoints."""

from .batch_norm import recompute_batch_norm
from .checkpoint import CheckpointPath
from .coefficients import Attributes, Combination, Coordinates, Spherical, ThroughBase
from .compress import Compressed, compress
from .dare import Dare
from .factors import Adapter, LowRank, read_adapters
from .fine_tune import FineTuned, fine_tune_lora
from .geometry import Geometry, WeightMap, weight_geometry
from .identity import base_fingerprint
from .lora_export import LoraExport
from .lora_recipe import LoraRecipe
from .merged_export import MergedExport
from .merging import Linear, Method, ModelStock, TaskArithmetic
from .mixtures import mixture
from .model_path import ModelPath
from .path import WeightPath
from .slerp import Slerp
from .soup import Soup, Taste, decay_weights, greedy_soup
from .stored import open_checkpoint
from .ties import Ties

__all__ = [
    "Adapter",
    "Attributes",
    "CheckpointPath",
    "Combination",
    "Compressed",
    "Coordinates",
    "Dare",
    "FineTuned",
    "Geometry",
    "Linear",
    "LoraExport",
    "LoraRecipe",
    "LowRank",
    "MergedExport",
    "Method",
    "ModelPath",
    "ModelStock",
    "Slerp",
    "Soup",
    "Spherical",
    "TaskArithmetic",
    "Taste",
    "ThroughBase",
    "Ties",
    "WeightMap",
    "WeightPath",
    "base_fingerprint",
    "compress",
    "decay_weights",
    "fine_tune_lora",
    "greedy_soup",
    "mixture",
    "open_checkpoint",
    "read_adapters",
    "recompute_batch_norm",
    "weight_geometry",
]
