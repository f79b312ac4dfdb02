"""`convention="microsoft"` is what the code of the authors computes: the same steps, by geomloss and SciPy alone."""

from __future__ import annotations

import geomloss
import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from continuum.datasets import LabelledDataset, otdd
from continuum.measures import Sinkhorn

ENTREG = 0.1  # their default; it is the epsilon of the halved cost, hence 0.2 of ours


@pytest.fixture
def pair(rng):
    """Three classes and two, of 3 features and unequal sizes."""
    return [
        LabelledDataset(rng.normal(size=(n, 3)) * scale + shift, np.arange(n) % k)
        for n, k, scale, shift in ((20, 3, 1.0, 0.0), (17, 2, 0.7, 1.0))
    ]


def gaussian_table(datasets):
    """Squared 2-Wasserstein distances of the Gaussians of all classes, by matrix square roots."""
    parts = [data.x[data.y == label] for data in datasets for label in data.classes]
    laws = [(x.mean(0), np.cov(x.T)) for x in parts]
    return np.array([[gaussian_w2(*p, *q) for q in laws] for p in laws])


def gaussian_w2(mean, covariance, other_mean, other_covariance):
    root = sqrtm(covariance).real
    cross = sqrtm(root @ other_covariance @ root).real
    return ((mean - other_mean) ** 2).sum() + np.trace(covariance + other_covariance - 2 * cross)


def theirs(source, target, feature_weight=1.0, label_weight=1.0, entreg=ENTREG, scaling=0.99):
    """A debiased loss of points that carry the number of their label, whose cost looks up halved squared distances."""
    table = torch.tensor(gaussian_table((source, target)))

    def cost(z, w):
        features = torch.cdist(z[..., :-1], w[..., :-1]) ** 2
        labels = table[z[..., -1].long()[..., :, None], w[..., -1].long()[..., None, :]]
        return (feature_weight * features + label_weight * labels) / 2

    x, y = (
        torch.tensor(np.column_stack([data.x, data.codes + first]))
        for data, first in ((source, 0), (target, len(source.classes)))
    )
    loss = geomloss.SamplesLoss(
        "sinkhorn", p=2, cost=cost, blur=entreg**0.5, scaling=scaling, debias=True, backend="tensorized", diameter=20.0
    )
    return float(loss(x, y))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.5), (1.0, 0.0)])
def test_8_the_default_of_the_authors_is_sinkhorn_of_one_fifth(pair, weights):
    """geomloss anneals once and stops, hence the tolerance."""
    solver, (feature, label) = Sinkhorn(2 * ENTREG, tolerance=1e-9), weights
    found = otdd(*pair, solver=solver, feature_weight=feature, label_weight=label, convention="microsoft")
    assert found.value == pytest.approx(theirs(*pair, *weights), rel=1e-3)


def test_8_one_tenth_would_be_told_apart(pair):
    found = otdd(*pair, solver=Sinkhorn(ENTREG, tolerance=1e-9), convention="microsoft").value
    assert found != pytest.approx(theirs(*pair), rel=3e-3)


def test_8_their_annealing_is_within_two_percent(pair):
    """geomloss halves its blur from stage to stage by default, and does not look whether it has converged."""
    assert theirs(*pair, scaling=0.5) == pytest.approx(theirs(*pair), rel=0.02)


@pytest.mark.parametrize("entreg", [0.5, 5.0])
def test_8_a_strength_of_theirs_is_twice_as_much_of_ours(pair, entreg):
    found = otdd(*pair, solver=Sinkhorn(2 * entreg, tolerance=1e-9), convention="microsoft").value
    assert found == pytest.approx(theirs(*pair, entreg=entreg), rel=1e-4)
