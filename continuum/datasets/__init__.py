"""The data axis: labelled datasets, their optimal transport distance, and the geodesics between them."""

from .distance import DatasetDistance, otdd
from .flow import GradientFlow
from .geodesic import GeneralizedGeodesic, McCann
from .label_geometry import Bures, ExactLabels, LabelMetric, LabelTable, MeansOnly, SupportsGradient, label_table
from .labelled import LabelledDataset, concatenate
from .mixup import Mixup
from .networks import Convolutional, Network, Perceptron, RawFeatures
from .noise_floor import NoiseFloor, noise_floor
from .projection import Projection, project_onto_simplex
from .sources import available, load, resize
from .transfer import fine_tuned, linear_probe, nearest_neighbour, otdd_to, pseudo_labels

__all__ = [
    "Bures",
    "Convolutional",
    "DatasetDistance",
    "ExactLabels",
    "GeneralizedGeodesic",
    "GradientFlow",
    "LabelMetric",
    "LabelTable",
    "LabelledDataset",
    "McCann",
    "MeansOnly",
    "Mixup",
    "Network",
    "NoiseFloor",
    "Perceptron",
    "Projection",
    "RawFeatures",
    "SupportsGradient",
    "available",
    "concatenate",
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
