"""The data axis: labelled datasets, their optimal transport distance, and the geodesics between them."""

from .distance import DatasetDistance, otdd
from .fitted_map import FittedMap
from .flow import GradientFlow
from .geodesic import GeneralizedGeodesic
from .label_geometry import LabelTable, label_table
from .label_metrics import (
    Bures,
    ExactLabels,
    LabelMetric,
    MeansOnly,
    SupportsContext,
    SupportsError,
    SupportsGradient,
)
from .labelled import LabelledDataset, concatenate
from .lazy import LazyDataset
from .maps import Averages, Matching
from .mccann import McCann
from .mixup import Mixup
from .networks import Convolutional, Network, Perceptron, RawFeatures
from .neural_map import NeuralMap
from .noise_floor import NoiseFloor, noise_floor
from .pairwise import DistanceMatrix, MapCoordinates, distance_matrix
from .projection import Projection, project_onto_simplex
from .sliced_labels import SlicedLabels, SlicedLaw
from .sources import available, load, resize
from .transfer import fine_tuned, linear_probe, nearest_neighbour, otdd_to, pseudo_labels

__all__ = [
    "Averages",
    "Bures",
    "Convolutional",
    "DatasetDistance",
    "DistanceMatrix",
    "ExactLabels",
    "FittedMap",
    "GeneralizedGeodesic",
    "GradientFlow",
    "LabelMetric",
    "LabelTable",
    "LabelledDataset",
    "LazyDataset",
    "MapCoordinates",
    "Matching",
    "McCann",
    "MeansOnly",
    "Mixup",
    "Network",
    "NeuralMap",
    "NoiseFloor",
    "Perceptron",
    "Projection",
    "RawFeatures",
    "SlicedLabels",
    "SlicedLaw",
    "SupportsContext",
    "SupportsError",
    "SupportsGradient",
    "available",
    "concatenate",
    "distance_matrix",
    "fine_tuned",
    "label_table",
    "linear_probe",
    "load",
    "nearest_neighbour",
    "noise_floor",
    "otdd",
    "otdd_to",
    "project_onto_simplex",
    "pseudo_labels",
    "resize",
]
