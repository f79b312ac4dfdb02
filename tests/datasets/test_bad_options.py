"""Options of the data axis that are of a wrong kind: one clear error each, before any work.

Those of `continuum.measures` are not here: in tests its annotations are enforced before its own checks are reached.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import InvalidInputError
from continuum.datasets import (
    Bures,
    GeneralizedGeodesic,
    GradientFlow,
    LabelledDataset,
    Mixup,
    NeuralMap,
    Perceptron,
    SlicedLabels,
    concatenate,
    distance_matrix,
    fine_tuned,
    linear_probe,
    noise_floor,
    otdd,
)
from continuum.measures import GaussianMeasure

X = np.random.default_rng(0).normal(size=(20, 2))
A, B = LabelledDataset(X, np.arange(20) % 2), LabelledDataset(X + 1, np.arange(20) % 2)
PATH = GeneralizedGeodesic.fit(A, {"b": B})

WRONG = {
    "metric class": lambda: otdd(A, B, labels=Bures),
    "weight as text": lambda: otdd(A, B, feature_weight="1"),
    "no weight": lambda: otdd(A, B, label_weight=None),
    "weights": lambda: otdd(A, B, label_weight=np.ones(2)),
    "shrinkage": lambda: Bures(shrinkage="none"),
    "label projections": lambda: SlicedLabels(projections=2.5),
    "map steps": lambda: NeuralMap(steps=2.5),
    "flow steps": lambda: GradientFlow(A, B, steps=2.5),
    "mixup": lambda: Mixup({"a": A, "b": B}, n=2.5),
    "floor": lambda: noise_floor(A, n=2.5),
    "network": lambda: Perceptron(steps=2.5),
    "network name": lambda: fine_tuned(A, B, network="cnn"),
    "network class": lambda: linear_probe(A, B, network=Perceptron),
    "shots of one class": lambda: linear_probe(A.subset(A.y == 0), B),
    "coordinates": lambda: distance_matrix({"a": A, "b": B}, progress=False).coordinates(2.5),
    "batch": lambda: PATH.lazily((1,)).loader("a"),
    "blur": lambda: PATH.extend(A, epsilon="a"),
    "concentration": lambda: PATH.lazily((1,), concentration="a"),
    "no datasets": lambda: concatenate([1]),
    "sparse": lambda: LabelledDataset(torch.eye(3).to_sparse(), [0, 1, 2]),
    "meta": lambda: LabelledDataset(torch.eye(3, device="meta"), [0, 1, 2]),
    "ragged": lambda: A.subset([[1], [2, 3]]),
    "missing class": lambda: LabelledDataset(np.eye(2), ["a", "b"], classes=["a", "b", None]),
    "floor of a Gaussian": lambda: GaussianMeasure(torch.zeros(2), torch.eye(2), -1.0),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_it_is_refused_by_an_error_of_the_library(wrong):
    with pytest.raises(InvalidInputError, match=r"got|needs|must"):
        wrong()


@pytest.mark.parametrize("rows", [np.array([], int), [[0, 1], [2, 3]], 20, "a"])
def test_rows_that_a_lazy_set_does_not_have_are_index_errors(rows):
    with pytest.raises(IndexError, match="rows must lie between"):
        PATH.lazily((1,))[rows]


def test_datasets_are_concatenated_from_any_iterable():
    assert len(concatenate(data for data in (A, B))) == 40
