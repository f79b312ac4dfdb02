"""Laws of distances between all pairs, and of their map."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from continuum.core import IncompatibleError, InvalidInputError
from continuum.datasets import (
    Bures,
    DistanceMatrix,
    ExactLabels,
    LabelledDataset,
    SlicedLabels,
    distance_matrix,
    otdd,
)
from continuum.measures import Exact, Sinkhorn, Sliced


def datasets(rng, count=4):
    return {
        f"set {k}": LabelledDataset(rng.normal(size=(30 + k, 3)) * (1 + k), np.arange(30 + k) % (2 + k % 2))
        for k in range(count)
    }


@pytest.mark.parametrize(
    ("labels", "solver"), list(product([Bures(), ExactLabels()], ["auto", Sinkhorn(0.5)])), ids=lambda one: str(one)[:8]
)
def test_it_agrees_with_otdd_pair_by_pair(rng, labels, solver):
    sets = datasets(rng, 3)
    found = distance_matrix(sets, labels=labels, solver=solver, feature_weight=0.5, label_weight=2.0, progress=False)
    for (i, p), (j, q) in product(enumerate(sets.values()), repeat=2):
        if i < j:
            one = otdd(p, q, labels=labels, solver=solver, feature_weight=0.5, label_weight=2.0)
            numbers = found.squared[i, j], found.lower[i, j], found.upper[i, j]
            assert numbers == pytest.approx((one.squared, one.lower, one.upper), rel=1e-9)
            assert found.converged[i, j] == one.converged


def test_labels_alone_are_small_problems_of_any_number_of_points(rng):
    sets = {f"set {k}": LabelledDataset(rng.normal(size=(n, 1)) + k, np.arange(n) % 3) for k, n in enumerate((90, 80))}
    many = {"first": LabelledDataset(rng.normal(size=(200_000, 1)), np.arange(200_000) % 4), **sets}
    found = distance_matrix(many, solver=Exact(), feature_weight=0.0, progress=False)
    one = otdd(*sets.values(), feature_weight=0.0)
    assert found.squared[1, 2] == pytest.approx(one.squared, rel=1e-9)
    assert found.converged.all()


def test_bounds_allow_for_the_error_of_the_labels(rng):
    sets = datasets(rng, 3)
    truth = distance_matrix(sets, progress=False)
    found = distance_matrix(sets, labels=Bures(rank=1), progress=False)
    assert found.label_table.error.any()
    assert (found.lower - 1e-9 <= truth.squared).all()
    assert (truth.squared <= found.upper + 1e-9).all()
    assert (found.lower <= found.squared).all()
    assert (found.squared <= found.upper).all()


def test_it_agrees_with_sliced_otdd_for_a_euclidean_table(rng):
    sets = datasets(rng, 2)
    options = {"labels": SlicedLabels(), "solver": Sliced(projections=2000)}
    one = otdd(*sets.values(), **options)
    # The coordinates of labels may differ, and with them the projections.
    assert distance_matrix(sets, **options).squared[0, 1] == pytest.approx(one.squared, abs=5 * one.standard_error)


def test_it_is_a_metric(rng):
    d = distance_matrix(datasets(rng), labels=ExactLabels(), progress=False).distance
    assert (d == d.T).all()
    assert (np.diag(d) == 0).all()
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-9).all()


def test_frame_has_the_names_on_both_sides(rng):
    found = distance_matrix(datasets(rng, 2), label_weight=0, progress=False)
    frame = found.to_frame()
    assert found.label_table is None
    assert list(frame.index) == list(frame.columns) == ["set 0", "set 1"]
    assert frame.loc["set 0", "set 1"] == found.distance[0, 1]


def matrix_of(points):
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    names = tuple(f"p{k}" for k in range(len(points)))
    return DistanceMatrix(names, squared, squared, squared, np.ones_like(squared, bool), None, 0.0)


def test_scaling_recovers_a_plane(rng):
    points = rng.normal(size=(6, 2))
    found = matrix_of(points).coordinates()
    assert found.share == pytest.approx(1)
    np.testing.assert_allclose(matrix_of(found.coordinates).squared, matrix_of(points).squared, atol=1e-12)
    assert (found.coordinates[np.abs(found.coordinates).argmax(0), [0, 1]] > 0).all()


def test_share_is_what_a_line_shows_of_a_plane():
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])
    assert matrix_of(points).coordinates(1).share == pytest.approx(8 / 10)


def test_what_it_cannot_do_is_said(rng):
    with pytest.raises(InvalidInputError, match="at least one"):
        distance_matrix({})
    with pytest.raises(InvalidInputError, match="dimension"):
        matrix_of(np.eye(3)).coordinates(4)
    wide = LabelledDataset(rng.normal(size=(9, 5)), np.arange(9) % 3)
    with pytest.raises(IncompatibleError, match="features"):
        distance_matrix({"a": wide, **datasets(rng, 1)}, progress=False)


def test_signs_do_not_hang_on_rounding():
    points = np.array([[-1.0, 0], [1, 0]])  # both entries of the axis are equally large
    for noise in (-1e-15, 0.0, 1e-15):
        first = matrix_of(points * (1 + noise)).coordinates(1).coordinates[:, 0]
        np.testing.assert_allclose(first, [1, -1])


def test_repr_tells_the_range_on_one_line():
    assert repr(matrix_of(np.array([[0.0], [3.0], [4.0]]))) == (
        "DistanceMatrix(3 datasets, distances 1 to 4, converged=True)"
    )
    assert repr(matrix_of(np.zeros((1, 1)))) == "DistanceMatrix(1 datasets, converged=True)"
