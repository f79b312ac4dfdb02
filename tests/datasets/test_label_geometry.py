"""Distances between labels, and the coordinates that reproduce them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import ot
import pytest
import torch

from continuum.core import ContinuumWarning, IncompatibleError, InvalidInputError
from continuum.datasets import (
    Bures,
    ExactLabels,
    GeneralizedGeodesic,
    LabelledDataset,
    LabelTable,
    MeansOnly,
    SupportsContext,
    SupportsError,
    SupportsGradient,
    label_table,
    otdd,
)
from continuum.measures import DiscreteMeasure, Exact, LedoitWolf, Pooled, Sliced

METRICS = [Bures(), ExactLabels(), MeansOnly()]


def squared_distances(points):
    return ((points[:, None] - points[None]) ** 2).sum(-1)


def coordinates(table: LabelTable):
    return np.concatenate([table.coordinates(i) for i in range(len(table.labels))])


def one_dataset(squared) -> LabelTable:
    return LabelTable(np.asarray(squared, float), (tuple(range(len(squared))),))


def two_datasets(rng, shape=((30, 3), (20, 3))):
    return [LabelledDataset(rng.normal(size=s) + 3 * k, rng.integers(0, 3, size=s[0])) for k, s in enumerate(shape)]


# Coordinates (acceptance check 9)


def test_a_euclidean_table_is_reproduced_without_a_shift(rng):
    squared = squared_distances(rng.normal(size=(9, 4)))
    table = one_dataset(squared)
    assert table.shift == 0
    np.testing.assert_allclose(squared_distances(table.coordinates(0)), squared, atol=1e-12)


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_any_table_is_reproduced_up_to_its_shift_also_with_equal_labels(rng, copies):
    """Equal labels give eigenvalues 0, which eigh mixes with that of the constant vector."""
    for size in range(2, 8):
        squared = rng.random((size, size)) ** 3
        squared = np.triu(squared, 1) + np.triu(squared, 1).T
        places = np.tile(np.arange(size), copies)
        table = one_dataset(squared[np.ix_(places, places)])
        shifted = table.squared + table.shift * (1 - np.eye(len(places)))
        np.testing.assert_allclose(squared_distances(table.coordinates(0)), shifted, atol=1e-13)


def test_the_shift_of_the_square_is_that_of_lingoes():
    """The path metric of a 4-cycle: J S J / -2 has eigenvalues 2, 2, 0 and -1 for squared distances 1 and 4."""
    table = one_dataset([[0, 1, 4, 1], [1, 0, 1, 4], [4, 1, 0, 1], [1, 4, 1, 0]])
    centred = -0.5 * (np.eye(4) - 0.25) @ table.squared @ (np.eye(4) - 0.25)
    assert np.linalg.eigvalsh(centred) == pytest.approx([-1, 0, 2, 2], abs=1e-14)
    assert table.shift == pytest.approx(2, rel=1e-14)


def test_the_shift_is_the_least_that_will_do(rng):
    squared = rng.random((6, 6))
    squared = np.triu(squared, 1) + np.triu(squared, 1).T
    table, centring = one_dataset(squared), np.eye(6) - 1 / 6
    assert table.shift > 0
    for share, least in ((1.0, 0.0), (0.99, -1e-4)):
        shifted = squared + share * table.shift * (1 - np.eye(6))
        lowest = np.linalg.eigvalsh(-0.5 * centring @ shifted @ centring).min()
        assert (lowest > -1e-12) if least == 0 else (lowest < least)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_labels_that_are_all_equal_share_one_place(size):
    table = one_dataset(np.zeros((size, size)))
    assert table.shift == 0
    assert np.abs(squared_distances(table.coordinates(0))).max() == 0


# Tables


@pytest.mark.parametrize("metric", METRICS)
def test_a_table_is_symmetric_with_zero_diagonal_and_laid_out_by_dataset(rng, metric):
    first, second = two_datasets(rng)
    table = label_table((first, second), metric)
    assert (table.squared == table.squared.T).all()
    assert (table.squared >= 0).all()
    assert np.diag(table.squared).tolist() == [0.0] * 6
    assert (table.block(0, 1) == table.squared[:3, 3:]).all()
    assert (table.block(1, 0) == table.block(0, 1).T).all()
    assert table.labels == ((0, 1, 2), (0, 1, 2))
    np.testing.assert_allclose(
        squared_distances(coordinates(table)), table.squared + table.shift * (1 - np.eye(6)), atol=1e-10
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_cross_table_is_the_cross_block_of_the_whole(rng, metric):
    datasets = two_datasets(rng)
    whole, cross = (label_table(datasets, metric, cross_only=only) for only in (False, True))
    assert (cross.block(0, 1) == whole.block(0, 1)).all()
    assert not cross.block(0, 0).any()


@pytest.mark.parametrize("metric", METRICS)
def test_a_law_is_at_no_distance_from_itself(rng, metric):
    data, _ = two_datasets(rng)
    twin = LabelledDataset(data.x[::-1], data.y[::-1])
    assert np.diag(label_table((data, twin), metric).block(0, 1)) == pytest.approx([0, 0, 0], abs=1e-12)


def test_entries_are_those_of_an_independent_implementation(rng):
    first, second = two_datasets(rng)
    found = {type(metric): label_table((first, second), metric).block(0, 1) for metric in METRICS}
    for i in range(3):
        for j in range(3):
            x, y = first.x[first.y == i], second.x[second.y == j]
            means = ((x.mean(0) - y.mean(0)) ** 2).sum()
            gaussian = ot.gaussian.bures_wasserstein_distance(x.mean(0), y.mean(0), np.cov(x.T), np.cov(y.T)) ** 2
            assert found[MeansOnly][i, j] == pytest.approx(means, rel=1e-12)
            assert found[Bures][i, j] == pytest.approx(gaussian, rel=1e-8)
            assert found[ExactLabels][i, j] == pytest.approx(ot.emd2([], [], ot.dist(x, y)), rel=1e-10)


def test_means_bound_the_other_metrics_from_below(rng):
    datasets = two_datasets(rng)
    means, gaussian, exact = (
        label_table(datasets, metric).block(0, 1) for metric in (MeansOnly(), Bures(), ExactLabels())
    )
    assert (means <= gaussian + 1e-12).all()
    assert (means <= exact + 1e-12).all()


@pytest.mark.filterwarnings("ignore:classes of one sample")
@pytest.mark.parametrize("metric", METRICS)
def test_one_sample_duplicates_and_constant_features_are_finite(rng, metric):
    """Acceptance check 5."""
    x = rng.normal(size=(12, 5))
    x[:, 2], x[4:8] = 1.0, x[4]
    data = LabelledDataset(x, ["one", *["pair"] * 2, *["many"] * 9])
    table = label_table((data, data), metric)
    assert np.isfinite(table.squared).all()
    assert np.diag(table.block(0, 1)) == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.isfinite(coordinates(table)).all()


@pytest.mark.parametrize("metric", METRICS)
def test_weights_and_soft_labels_weigh_the_points_of_a_class(rng, metric):
    x, other = rng.normal(size=(6, 2)), LabelledDataset(rng.normal(size=(5, 2)), [0] * 5)
    repeated = label_table((LabelledDataset(x[[0, 1, 2]], [0] * 3), other), metric).block(0, 1)
    # Points of weight 0, and of no share in the class, do not count.
    weighted = LabelledDataset(x, [0] * 6, np.array([1, 1, 1, 0, 0, 0]) / 3)
    soft = LabelledDataset(x, np.repeat([[1.0, 0.0], [0.0, 1.0]], 3, axis=0))
    assert label_table((weighted, other), metric).block(0, 1)[0] == pytest.approx(repeated[0], rel=1e-10)
    assert label_table((soft, other), metric).block(0, 1)[0] == pytest.approx(repeated[0], rel=1e-10)


def test_a_class_is_the_law_of_its_weighted_points():
    data = LabelledDataset(np.array([[0.0], [4.0], [9.0]]), ["a", "a", "b"], [0.1, 0.3, 0.6])
    soft = LabelledDataset(data.x, [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], [0.2, 0.4, 0.4])
    origin = LabelledDataset(np.zeros((1, 1)), ["o"])
    assert label_table((origin, data), MeansOnly()).block(0, 1)[0] == pytest.approx([3**2, 9**2])
    assert label_table((origin, soft), MeansOnly()).block(0, 1)[0] == pytest.approx([2**2, (22 / 3) ** 2])
    assert label_table((origin, data), ExactLabels()).block(0, 1)[0] == pytest.approx([0.75 * 16, 81])


def test_an_empty_hard_class_warns_and_an_unused_soft_label_does_not(rng):
    x = rng.normal(size=(2, 2))
    with pytest.warns(ContinuumWarning, match=r"without any sample are left out: \['c', 'd'\]"):
        hard = label_table((LabelledDataset(x, ["a", "b"], classes=tuple("abcd")),), MeansOnly())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        soft = label_table((LabelledDataset(x, np.eye(4)[:2], classes=tuple("abcd")),), MeansOnly())
    assert (hard.squared == soft.squared).all()
    assert not hard.squared[2:].any()


def test_datasets_of_other_dimensions_have_no_table(rng):
    with pytest.raises(IncompatibleError, match=r"datasets have \[3, 4\] features"):
        label_table(two_datasets(rng, ((9, 3), (9, 4))), Bures())


def test_only_an_estimated_covariance_warns_of_a_class_of_one_sample(rng):
    data = LabelledDataset(rng.normal(size=(3, 2)), ["lone", "two", "two"])
    other = LabelledDataset(rng.normal(size=(4, 2)), [0, 0, 1, 1])
    with pytest.warns(ContinuumWarning, match="of one sample .*lone"):
        label_table((data, other), Bures())
    for metric in (Bures(unbiased=False), ExactLabels(), MeansOnly()):
        label_table((data, other), metric)  # a warning is an error here


def test_without_the_correction_for_bias_splitting_a_point_changes_nothing(rng):
    x, y = rng.normal(size=(6, 3)), [0, 0, 0, 1, 1, 1]
    whole = LabelledDataset(x, y)
    split = LabelledDataset(x[[0, 0, 1, 2, 3, 4, 5]], [0, *y], np.array([0.5, 0.5, 1, 1, 1, 1, 1]) / 6)
    other = LabelledDataset(rng.normal(size=(5, 3)), [0, 0, 1, 1, 1])
    tables = [label_table((data, other), Bures(unbiased=False)).squared for data in (whole, split)]
    np.testing.assert_allclose(*tables, rtol=1e-12)
    assert not np.allclose(*(label_table((data, other), Bures()).squared for data in (whole, split)), rtol=1e-3)


def test_shrinkage_brings_the_classes_of_two_samples_of_one_law_nearer(rng):
    halves = [LabelledDataset(rng.normal(size=(30, 40)), [0, 1] * 15) for _ in range(2)]
    plain, shrunk = (label_table(halves, Bures(shrinkage=s)).block(0, 1) for s in (None, LedoitWolf()))
    assert (shrunk < plain).all()


# Classes that have something in common


def pooled_entry(first, second, i, j, rho, unbiased):
    """An entry by POT, with covariances by NumPy."""
    covariances = []
    for data, label in ((first, i), (second, j)):
        parts = [data.x[data.y == k] for k in range(3)]
        scatter = sum((x - x.mean(0)).T @ (x - x.mean(0)) for x in parts)
        common = scatter / (len(data) - (3 if unbiased else 0))
        covariances.append((1 - rho) * np.cov(parts[label].T, bias=not unbiased) + rho * common)
    means = [data.x[data.y == label].mean(0) for data, label in ((first, i), (second, j))]
    return ot.gaussian.bures_wasserstein_distance(*means, *covariances) ** 2


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("rho", [0.3, 1.0])
def test_pooled_entries_are_those_of_an_independent_implementation(rng, unbiased, rho):
    first, second = two_datasets(rng)
    found = label_table((first, second), Bures(unbiased=unbiased, shrinkage=Pooled(rho))).block(0, 1)
    expected = [[pooled_entry(first, second, i, j, rho, unbiased) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize("unbiased", [True, False])
def test_pooling_runs_from_the_plain_table_to_that_of_the_means(rng, unbiased):
    datasets = two_datasets(rng)
    plain, means = (label_table(datasets, metric) for metric in (Bures(unbiased=unbiased), MeansOnly()))
    none, all_of_it = (label_table(datasets, Bures(unbiased=unbiased, shrinkage=Pooled(rho))) for rho in (0.0, 1.0))
    assert (none.squared == plain.squared).all()
    for k in range(2):
        np.testing.assert_allclose(all_of_it.block(k, k), means.block(k, k), atol=1e-10)
    # Between datasets the two common covariances differ, by one number for all pairs of classes.
    assert np.ptp(all_of_it.block(0, 1) - means.block(0, 1)) == pytest.approx(0, abs=1e-10)
    assert (all_of_it.block(0, 1) - means.block(0, 1) > 1e-3).all()


def test_pooling_knows_weights_soft_labels_and_classes_without_mass(rng):
    """Without the correction for bias a dataset is its law: splitting or padding it changes nothing."""
    x, y = rng.normal(size=(7, 3)), np.array([0, 0, 0, 1, 1, 1, 1])
    other = LabelledDataset(rng.normal(size=(5, 3)), [0, 0, 1, 1, 1])
    metric = Bures(unbiased=False, shrinkage=Pooled(0.4))
    expected = label_table((LabelledDataset(x, y), other), metric).block(0, 1)
    split = LabelledDataset(x[[0, 0, *range(1, 7)]], y[[0, 0, *range(1, 7)]], np.array([0.5, 0.5, *[1.0] * 6]) / 7)
    padded = LabelledDataset(np.vstack([x, 9 * x]), [*y, *[2] * 7], [1 / 7] * 7 + [0.0] * 7)
    soft = LabelledDataset(x, np.eye(3)[y])
    with pytest.warns(ContinuumWarning, match="without any sample"):
        tables = [label_table((data, other), metric).block(0, 1)[:2] for data in (split, padded, soft)]
    for table in tables:
        np.testing.assert_allclose(table, expected, rtol=1e-11)


def test_pooling_brings_the_classes_of_two_samples_of_one_law_nearer(rng):
    halves = [LabelledDataset(rng.normal(size=(90, 40)), np.arange(90) % 6) for _ in range(2)]
    plain, pooled = (label_table(halves, Bures(shrinkage=s)).block(0, 1) for s in (None, Pooled(0.8)))
    assert (pooled < plain / 2).all()


@pytest.mark.filterwarnings("ignore:classes of one sample")
def test_a_class_of_one_sample_borrows_its_covariance(rng):
    data = LabelledDataset(rng.normal(size=(12, 3)), ["one", *["many"] * 11])
    table = label_table((data,), Bures(shrinkage=Pooled(1.0)))
    assert table.squared[0, 1] == pytest.approx(label_table((data,), MeansOnly()).squared[0, 1])


class Centred:
    """A label metric of means from the middle of all classes: a class depends on the others."""

    def describe(self, law, /):
        raise AssertionError("not asked for")

    def describe_all(self, datasets, /):
        means = [(mass, law.mean) for classes in datasets for mass, law in classes]
        middle = sum(mass * mean for mass, mean in means) / sum(mass for mass, _ in means)
        return [mean - middle for _, mean in means]

    def squared(self, p, q, /):
        return float((p.abs() - q.abs()).square().sum())


def test_a_metric_may_look_at_all_classes_first():
    assert isinstance(Centred(), SupportsContext)
    assert not isinstance(MeansOnly(), SupportsContext)
    first = LabelledDataset([[0.0], [2.0]], ["a", "c"], classes=("a", "b", "c"))
    second = LabelledDataset([[1.0], [9.0]], ["d", "e"])
    with pytest.warns(ContinuumWarning, match="without any sample"):
        table = label_table((first, second), Centred())
    # The middle is 3: means at -3, -1, -2 and 6, of which signs do not count.
    assert table.block(0, 1).tolist() == [[1, 9], [0, 0], [1, 25]]


# Truncated covariances (acceptance check 15)

TRUNCATED = [Bures(unbiased=True), Bures(shrinkage=Pooled(0.3)), Bures(shrinkage=LedoitWolf()), Bures(unbiased=False)]


def wide_datasets(rng, n=40, d=30):
    """Three classes each, whose covariances have most of their trace in few directions."""
    scales = 0.8 ** np.arange(d)
    turned = [np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(3)]
    sets = []
    for shift in (0.0, 1.0):
        y = np.arange(n) % 3
        x = rng.normal(size=(n, d)) * scales
        sets.append(LabelledDataset(np.stack([row @ turned[k] for row, k in zip(x, y, strict=True)]) + shift, y))
    return sets


@pytest.mark.parametrize("metric", TRUNCATED, ids=str)
@pytest.mark.parametrize("rank", [1, 4, 15])
def test_15_the_table_knows_how_far_off_its_entries_are(rng, metric, rank):
    datasets = wide_datasets(rng)
    exact = label_table(datasets, metric)
    table = label_table(datasets, Bures(metric.unbiased, metric.shrinkage, rank))
    assert not exact.error.any()
    assert (np.abs(table.squared - exact.squared) <= table.error + 1e-10).all()
    assert (table.error == table.error.T).all()
    assert not np.diag(table.error).any()
    assert (table.error + np.eye(6) > 0).all()
    assert (table.error_block(0, 1) == table.error[:3, 3:]).all()


def test_15_directions_enough_for_all_give_the_exact_table(rng):
    datasets = wide_datasets(rng)
    exact, table = (label_table(datasets, Bures(rank=rank)) for rank in (None, 30))
    np.testing.assert_allclose(table.squared, exact.squared, rtol=1e-9)
    assert table.error.max() < 1e-12


def test_a_cross_table_has_no_errors_where_it_has_no_distances(rng):
    table = label_table(wide_datasets(rng), Bures(rank=4), cross_only=True)
    assert not table.error_block(0, 0).any()
    assert table.error_block(0, 1).all()


def test_a_table_of_ones_own_is_exact_unless_it_says_otherwise():
    assert one_dataset(np.ones((3, 3))).error.tolist() == np.zeros((3, 3)).tolist()
    assert isinstance(Bures(), SupportsError)
    assert not isinstance(ExactLabels(), SupportsError)


@pytest.mark.parametrize("rank", [0, -3])
def test_a_rank_is_positive(rank):
    with pytest.raises(InvalidInputError, match=f"`rank` must be at least 1.*got {rank}"):
        Bures(rank=rank)


# Gradients


@pytest.mark.parametrize("metric", [*METRICS, Bures(unbiased=False)], ids=repr)
@pytest.mark.parametrize("shape", [(9, 3), (4, 6)], ids=str)
def test_the_gradient_is_that_of_differences(rng, metric, shape):
    assert isinstance(metric, SupportsGradient)
    (n, d), weights = shape, rng.dirichlet(np.full(shape[0], 5.0))
    x, q = rng.normal(size=shape), metric.describe(DiscreteMeasure(rng.normal(size=(8, d)) + 1))

    def value(points):
        return metric.squared(metric.describe(DiscreteMeasure(points, weights)), q)

    found = metric.gradient(DiscreteMeasure(x, weights), q).numpy()
    step = 1e-5
    for i in range(n):
        for k in range(d):
            ahead, behind = x.copy(), x.copy()
            ahead[i, k] += step
            behind[i, k] -= step
            slope = (value(ahead) - value(behind)) / (2 * step)
            assert weights[i] * found[i, k] == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("metric", METRICS, ids=repr)
def test_a_point_is_drawn_to_a_point(metric):
    law, goal = DiscreteMeasure([[1.0, 0.0]]), DiscreteMeasure([[4.0, 4.0]])
    found = metric.gradient(law, metric.describe(goal))
    assert torch.equal(found, torch.tensor([[-6.0, -8.0]], dtype=torch.float64))


@pytest.mark.parametrize(
    "metric", [Bures(shrinkage=LedoitWolf()), Bures(shrinkage=Pooled(0.5)), Bures(rank=2)], ids=str
)
def test_the_gradient_of_a_changed_covariance_is_refused(rng, metric):
    law = DiscreteMeasure(rng.normal(size=(4, 2)))
    with pytest.raises(InvalidInputError, match=r"gradient of Bures.*without `shrinkage` and `rank`"):
        metric.gradient(law, metric.describe(law))


def three_classes(rng, shift=0.0):
    y = np.arange(36) % 3
    return LabelledDataset(rng.normal(size=(36, 2)) * (1 + y[:, None]) + 4.0 * y[:, None] + shift, y)


@pytest.mark.parametrize("soft", [False, True])
def test_f4_a_class_without_points_changes_nothing(rng, soft):
    whole, other = three_classes(rng), three_classes(rng, 1.0)
    member = whole.y < 2
    kept = whole.subset(member)  # of three classes, one without points
    if soft:
        kept = LabelledDataset(kept.x, kept.probabilities, classes=kept.classes)
    fresh = LabelledDataset(whole.x[member], whole.y[member])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ContinuumWarning)  # hard labels: the empty class is named
        table, expected = (label_table((data, other), Bures()) for data in (kept, fresh))
        assert table.shift == pytest.approx(expected.shift, abs=1e-9)
        for solver in (Exact(), Sliced()):
            found, right = (otdd(data, other, solver=solver).squared for data in (kept, fresh))
            assert found == pytest.approx(right, rel=1e-9)
        sources = {"a": other, "b": three_classes(rng, 3.0)}
        path, right = (GeneralizedGeodesic.fit(data, sources) for data in (kept, fresh))
    np.testing.assert_allclose(path.gram, right.gram, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(path.project().weights, right.project().weights, rtol=0, atol=1e-9)


@dataclass(frozen=True)
class Says:
    """A metric of somebody else."""

    value: object

    def describe(self, law):
        return law.mean

    def squared(self, p, q):
        return self.value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, None, "far", 1j])
def test_what_is_no_squared_distance_is_refused_by_the_names_of_both_labels(rng, value):
    one, other = three_classes(rng), three_classes(rng, 1.0)
    with pytest.raises(InvalidInputError, match=r"0 of dataset 0 and 0 of dataset 1 are .* apart"):
        otdd(one, other, labels=Says(value))


def test_a_class_in_place_of_a_metric_and_no_datasets_are_refused(rng):
    with pytest.raises(InvalidInputError, match="must be Bures"):
        otdd(three_classes(rng), three_classes(rng), labels=Bures)
    with pytest.raises(InvalidInputError, match="at least one dataset"):
        label_table([], Bures())
