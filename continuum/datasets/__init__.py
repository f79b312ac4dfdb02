"""The data axis: labelled datasets, their optimal transport distance, and the geodesics between them."""

from .distance import DatasetDistance, otdd
from .geodesic import GeneralizedGeodesic, McCann
from .label_geometry import Bures, ExactLabels, LabelMetric, LabelTable, MeansOnly, label_table
from .labelled import LabelledDataset, concatenate
from .mixup import Mixup
from .projection import Projection, project_onto_simplex
from .sources import available, load, resize
from .transfer import Perceptron, linear_probe, nearest_neighbour, otdd_to

__all__ = [
    "Bures",
    "DatasetDistance",
    "ExactLabels",
    "GeneralizedGeodesic",
    "LabelMetric",
    "LabelTable",
    "LabelledDataset",
    "McCann",
    "MeansOnly",
    "Mixup",
    "Perceptron",
    "Projection",
    "available",
    "concatenate",
    "label_table",
    "linear_probe",
    "load",
    "nearest_neighbour",
    "otdd",
    "otdd_to",
    "project_onto_simplex",
    "resize",
]
