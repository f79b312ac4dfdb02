"""All shipped interpolants x all checks. A new interpolant is one line in `CASES`."""

from __future__ import annotations

import numpy as np
import torch

from continuum import Interval, Simplex, along, deferred, from_function, nest, product, tabulate, transform
from continuum.datasets import ExactLabels, GeneralizedGeodesic, GradientFlow, LabelledDataset, McCann, Mixup
from continuum.testing import Case, exact, parametrize_with_checks

CLOUD, SHIFT = np.arange(6.0).reshape(3, 2), np.array([1.0, -0.5])
TRANSLATION = exact.Translation(CLOUD, SHIFT)


def barycentre(*weights):
    return np.array(weights) @ np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 3.0]])


def centred(x):
    return x - x.mean(axis=0)


def cloud():
    return exact.Translation(CLOUD, SHIFT)


def onward(x):
    return exact.Translation(x, 2 * SHIFT)


def clusters(seed, n, dtype=np.float64):
    """Two classes of images of 2 x 2 pixels, with unequal weights."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, 2, 2)) + 3.0 * y[:, None, None] + seed
    weights = 1.0 + np.arange(n)
    return LabelledDataset(x.astype(dtype), y, weights / weights.sum())


def tensors(seed, n):
    data = clusters(seed, n)
    return LabelledDataset(torch.as_tensor(data.x), data.y, data.weights)


BASE, SOURCES = clusters(0, 12), {"one": clusters(1, 9), "two": clusters(2, 12)}
TRIANGLE = from_function(Simplex(("a", "b", "c")), barycentre)
SIZES = tabulate({0.0: CLOUD, 0.25: CLOUD + 1, 1.0: CLOUD * 2})

CASES = [
    TRANSLATION,
    TRIANGLE,
    transform(TRANSLATION, centred),
    Case(transform(SIZES, centred), name="Transformed table"),
    product(data=TRIANGLE, shift=TRANSLATION),
    Case(product(size=SIZES, other=SIZES), name="Product of tables"),
    nest(TRANSLATION, onward, Interval()),
    along(TRIANGLE, {"a": 1}, (0.0, 0.5, 0.5)),
    Case(along(product(t=SIZES), 0, 0.25), name="Segment of a table", jump_tolerance=1.0),  # it steps between levels
    SIZES,
    Case(tabulate({(0, 1): CLOUD, (2, 3): SHIFT}, axes=("a", "b")), name="Table of points"),
    deferred(cloud, domain=Interval()),
    GeneralizedGeodesic.fit(BASE, SOURCES),
    Case(GeneralizedGeodesic.fit(tensors(0, 8), {"only": tensors(1, 9)}), name="Geodesic of tensors to one source"),
    Case(along(GeneralizedGeodesic.fit(BASE, SOURCES), (1, 0), (0, 1)), name="Edge of a geodesic"),
    McCann(BASE, SOURCES["one"]),
    Case(McCann(tensors(0, 8), tensors(1, 8), labels=ExactLabels()), name="McCann of tensors"),
    Mixup(SOURCES),
    GradientFlow(BASE, SOURCES["one"], steps=4),
    Case(GradientFlow(tensors(0, 8), tensors(1, 8), steps=2, labels=ExactLabels()), name="Flow of tensors"),
]


@parametrize_with_checks(CASES)
def test_interpolant(interpolant, check):
    check(interpolant)
