"""Laws of sliced label distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.core import IncompatibleError, InvalidInputError
from continuum.datasets import ExactLabels, LabelledDataset, LabelMetric, SlicedLabels, label_table, otdd
from continuum.measures import DiscreteMeasure, Sliced


def law(points, weights=None):
    points = torch.as_tensor(points, dtype=torch.float64)
    weights = np.full(len(points), 1 / len(points)) if weights is None else weights
    return DiscreteMeasure(points, torch.as_tensor(weights))


def squared(p, q, metric=None):
    metric = metric or SlicedLabels()
    return metric.squared(metric.describe(p), metric.describe(q))


def test_it_is_a_symmetric_label_metric_and_zero_for_equal_laws(rng):
    p, q = law(rng.normal(size=(30, 4))), law(rng.normal(size=(20, 4)) + 1)
    assert isinstance(SlicedLabels(), LabelMetric)
    assert squared(p, q) == squared(q, p) > 0
    assert squared(p, law(p.points.flip(0))) == pytest.approx(0, abs=1e-12)


def test_translation_is_exact(rng):
    x = rng.normal(size=(30, 4))
    assert squared(law(x), law(x + 1)) == pytest.approx(4, rel=1e-10)


def test_on_a_line_it_is_the_exact_distance_if_the_grid_has_the_points(rng):
    p, q = law(rng.normal(size=(32, 1))), law(rng.normal(size=(32, 1)) * 3)
    assert squared(p, q, SlicedLabels(2, 32)) == pytest.approx(squared(p, q, ExactLabels()), rel=1e-10)


def test_masses_are_the_same_as_repeated_points(rng):
    x, q = rng.normal(size=(5, 3)), law(rng.normal(size=(9, 3)))
    masses = np.array([1, 2, 1, 3, 1]) / 8
    assert squared(law(x, masses), q) == pytest.approx(squared(law(x.repeat([1, 2, 1, 3, 1], 0)), q), rel=1e-10)


def test_its_table_is_euclidean_and_serves_sliced_otdd(rng):
    sets = [LabelledDataset(rng.normal(size=(60, 4)) + k, np.arange(60) % 3) for k in range(2)]
    assert label_table(sets, SlicedLabels()).shift == 0
    found, exact = (otdd(*sets, labels=SlicedLabels(), solver=s) for s in (Sliced(), "auto"))
    assert found.lower <= exact.squared <= found.upper
    assert found.seed == 0


class FourthPowers:
    """Not the square of a Euclidean distance: of three points on a line the outer ones are too far apart."""

    def describe(self, law):
        return law.mean

    def squared(self, p, q):
        return float((p - q).square().sum()) ** 2


def test_sliced_otdd_takes_the_shift_off(rng):
    sets = [
        LabelledDataset(rng.normal(size=(60, 4)) + k + np.arange(60)[:, None] % 4, np.arange(60) % 4) for k in (0, 1)
    ]
    found, exact = (otdd(*sets, labels=FourthPowers(), solver=s) for s in (Sliced(), "auto"))
    assert label_table(sets, FourthPowers()).shift > 1
    assert found.lower <= exact.squared <= found.upper
    cost = ((sets[0].x[:, None] - sets[1].x[None]) ** 2).sum(-1)
    cost += found.label_table[np.ix_(sets[0].codes, sets[1].codes)]
    assert found.upper == pytest.approx((found.plan.toarray() * cost).sum(), rel=1e-9)


def test_what_it_cannot_do_is_said(rng):
    with pytest.raises(InvalidInputError, match="projections"):
        SlicedLabels(projections=0)
    with pytest.raises(IncompatibleError, match="dimensions"):
        squared(law(rng.normal(size=(5, 2))), law(rng.normal(size=(5, 3))))
