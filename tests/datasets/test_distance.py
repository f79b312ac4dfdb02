"""The dataset distance: closed forms, metric axioms, invariances, and bounds that enclose the optimum.

Numbers in docstrings are those of the acceptance checks in the specification of the data axis.
"""

from __future__ import annotations

import types
from dataclasses import dataclass

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linprog

from continuum.core import (
    ContinuumWarning,
    ConvergenceWarning,
    IncompatibleError,
    InvalidInputError,
    ResourceError,
)
from continuum.datasets import Bures, DatasetDistance, ExactLabels, LabelledDataset, MeansOnly, label_table, otdd
from continuum.measures import (
    DiscreteMeasure,
    Exact,
    Sinkhorn,
    Sliced,
    Stratified,
    Streamed,
    shortlist,
    sinkhorn_divergence,
    solve,
)

METRICS = [Bures(), ExactLabels(), MeansOnly()]


@pytest.fixture
def pair(rng):
    """Two datasets of unequal size, weights and labels."""
    source = LabelledDataset(rng.normal(size=(18, 3)), rng.integers(0, 3, size=18), rng.dirichlet(np.ones(18)))
    return source, LabelledDataset(rng.normal(size=(15, 3)) + 1, list("ab" * 7 + "a"), rng.dirichlet(np.ones(15)))


def changed(data: LabelledDataset, **changes) -> LabelledDataset:
    parts = {"x": data.x, "y": data.y, "weights": data.weights, "classes": data.classes} | changes
    return LabelledDataset(**parts)


def dense(result: DatasetDistance):
    return result.plan.numpy() if isinstance(result.plan, torch.Tensor) else result.plan.toarray()


@dataclass(frozen=True)
class Fixed:
    """A label metric that is a table; a class is known by its first feature, which is constant."""

    table: np.ndarray

    def describe(self, law, /):
        return round(float(law.mean[0]))

    def squared(self, p, q, /):
        return float(self.table[p, q])


def not_euclidean(rng, k):
    squared = rng.random((k, k)) ** 4 * 10
    return np.triu(squared, 1) + np.triu(squared, 1).T


# Closed forms


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.5), (0.0, 3.0), (3.0, 0.0)])
def test_3_a_translation_costs_its_squared_length_in_features_and_in_labels(pair, metric, weights):
    source, _ = pair
    step = np.array([3.0, 0.0, 4.0])
    moved = changed(source, x=source.x + step)
    result = otdd(source, moved, labels=metric, feature_weight=weights[0], label_weight=weights[1])
    assert result.squared == pytest.approx(25 * sum(weights), rel=1e-10)


def test_3_scaling_a_class_has_the_closed_form(rng):
    x, s, weights = rng.normal(size=(40, 3)), 1.7, (2.0, 0.5)
    data = LabelledDataset(x - x.mean(0) + np.array([1.0, 2.0, 0.0]), [0] * 40)
    features = (data.x**2).sum(1).mean()
    labels = (data.x.mean(0) ** 2).sum() + data.x.var(0, ddof=1).sum()
    result = otdd(data, changed(data, x=s * data.x), feature_weight=weights[0], label_weight=weights[1])
    # x -> s x is the gradient of a convex function, hence optimal.
    assert result.squared == pytest.approx((1 - s) ** 2 * (weights[0] * features + weights[1] * labels), rel=1e-10)


def test_7_without_labels_it_is_plain_transport_of_the_features(pair):
    source, target = pair
    result = otdd(source, target, label_weight=0.0)
    assert result.squared == pytest.approx(
        ot.emd2(source.weights, target.weights, ot.dist(source.x, target.x)), rel=1e-10
    )
    assert result.label_table is None


@pytest.mark.parametrize("metric", METRICS)
def test_7_without_features_it_is_a_small_problem_between_classes(pair, metric):
    source, target = pair
    result = otdd(source, target, labels=metric, feature_weight=0.0, label_weight=2.0)
    a, b = source.weights @ source.probabilities, target.weights @ target.probabilities
    k, m = len(a), len(b)
    sums = np.vstack([np.kron(np.eye(k), np.ones(m)), np.kron(np.ones(k), np.eye(m))])
    programme = linprog(2 * result.label_table.ravel(), A_eq=sums, b_eq=np.concatenate([a, b]))
    assert result.squared == pytest.approx(programme.fun, rel=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("solver", ["auto", Exact(), Streamed(), Stratified(5)], ids=str)
def test_7_the_small_problem_gives_what_the_large_one_gives(rng, metric, solver):
    """Unequal sizes, points without weight, and a class with no others."""
    weights = rng.dirichlet(np.ones(18)) * (np.arange(18) > 3)
    source = LabelledDataset(rng.normal(size=(18, 3)), [9] * 4 + [0, 1] * 7, weights / weights.sum())
    target = LabelledDataset(rng.normal(size=(31, 3)) + 1, np.arange(31) % 4, rng.dirichlet(np.ones(31)))
    with pytest.warns(ContinuumWarning, match=r"without any sample are left out: \[9\]"):
        result = otdd(source, target, labels=metric, solver=solver, feature_weight=0.0, label_weight=2.0)
    cost = 2 * result.label_table[np.ix_(source.codes, target.codes)]
    whole = solve(cost, source.weights, target.weights)
    for number in (result.squared, result.lower, result.upper, (dense(result) * cost).sum()):
        assert number == pytest.approx(whole.value, rel=1e-9)
    assert result.converged
    np.testing.assert_allclose(dense(result).sum(1), source.weights, atol=1e-12)
    np.testing.assert_allclose(dense(result).sum(0), target.weights, atol=1e-12)
    f, g = result.potentials
    assert ((f[:, None] + g).numpy() - cost).max() <= 1e-12


def test_7_many_points_with_labels_alone_need_no_memory_of_pairs(rng):
    source, target = (LabelledDataset(rng.normal(size=(n, 1)), np.arange(n) % 5) for n in (150_000, 200_000))
    result = otdd(source, target, solver=Exact(), feature_weight=0.0)  # a matrix of them would take 240 GB
    assert result.lower == pytest.approx(result.squared, abs=1e-12)
    for options in ({}, {"feature_weight": 0.0, "label_weight": 0.0}):
        with pytest.raises(ResourceError, match="150000 and 200000 points"):
            otdd(source, target, solver=Exact(), **options)


@pytest.mark.parametrize("metric", METRICS)
def test_the_cost_is_that_of_a_loop_over_pairs(pair, metric):
    source, target = pair
    result = otdd(source, target, labels=metric, feature_weight=0.5, label_weight=2.0)
    table = label_table(pair, metric).block(0, 1)
    cost = np.array(
        [
            [0.5 * ((x - y) ** 2).sum() + 2 * table[i, j] for y, j in zip(target.x, target.codes, strict=True)]
            for x, i in zip(source.x, source.codes, strict=True)
        ]
    )
    assert result.squared == pytest.approx(ot.emd2(source.weights, target.weights, cost), rel=1e-10)
    assert result.squared == pytest.approx((dense(result) * cost).sum(), rel=1e-12)
    assert (result.label_table == table).all()
    assert (result.source_labels, result.target_labels) == ((0, 1, 2), ("a", "b"))


def test_one_class_on_each_side_adds_a_constant_to_plain_transport(pair):
    """Fault F6 of the reliability list."""
    source, target = (changed(data, y=np.zeros(len(data), int), classes=None) for data in pair)
    constant = label_table((source, target), Bures()).block(0, 1)[0, 0]
    assert otdd(source, target).squared == pytest.approx(otdd(source, target, label_weight=0.0).squared + constant)


def test_the_distance_is_the_root_and_the_number(pair):
    result = otdd(*pair)
    assert result.distance == pytest.approx(result.squared**0.5)
    assert float(result) == result.value == result.squared
    for convention, value in {"squared": 1, "microsoft": 0.5}.items():
        assert otdd(*pair, convention=convention).value == pytest.approx(value * result.squared)
    assert otdd(*pair, convention="distance").value == result.distance
    assert result.n == (18, 15)
    assert result.seconds > 0
    assert "n=(18, 15), converged=True" in repr(result)


# Metric axioms and invariances


@pytest.mark.parametrize("metric", METRICS)
def test_1_a_dataset_is_at_no_distance_from_itself_and_stays_where_it_is(pair, metric):
    for data in pair:
        result = otdd(data, data, labels=metric)
        assert 0 <= result.squared <= 1e-12
        np.testing.assert_allclose(dense(result), np.diag(data.weights), atol=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_1_order_names_and_frame_do_not_matter(rng, pair, metric):
    source, target = pair
    expected = otdd(source, target, labels=metric).squared
    rows = rng.permutation(len(source))
    shuffled = changed(source, x=source.x[rows], y=source.y[rows], weights=source.weights[rows])
    renamed = changed(source, y=[f"class {9 - y}" for y in source.y], classes=None)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = [changed(data, x=data.x @ rotation + np.array([5.0, -2.0, 1.0])) for data in pair]
    for first, second in ((shuffled, target), (renamed, target), turned):
        assert otdd(first, second, labels=metric).squared == pytest.approx(expected, rel=1e-9)


@pytest.mark.filterwarnings("ignore:classes of one sample")
@pytest.mark.parametrize("metric", METRICS)
def test_2_symmetry_and_the_triangle_inequality(rng, metric):
    for _ in range(5):
        data = [
            LabelledDataset(rng.normal(size=(n, 2)) * rng.uniform(0.3, 3), rng.integers(0, k, size=n))
            for n, k in ((12, 2), (9, 3), (15, 4))
        ]
        d = [[otdd(p, q, labels=metric).distance for q in data] for p in data]
        assert d[0][1] == pytest.approx(d[1][0], rel=1e-9)
        assert d[0][2] <= d[0][1] + d[1][2] + 1e-9
        assert d[0][1] <= d[0][2] + d[2][1] + 1e-9


def test_6_gaussian_labels_are_never_above_exact_ones_but_for_the_covariance_of_n_minus_1(rng):
    source, target = (LabelledDataset(rng.gamma(1.0, size=(200, 2)), [0] * 200) for _ in range(2))
    gaussian, exact = (otdd(source, target, labels=metric).squared for metric in (Bures(), ExactLabels()))
    assert gaussian <= exact * (1 + 1e-9)
    assert otdd(source, target, labels=MeansOnly()).squared <= gaussian


def test_datasets_in_images_tensors_and_other_precisions_are_alike(pair):
    source, target = pair
    expected = otdd(source, target).squared
    shaped = changed(source, x=source.x.reshape(18, 1, 3))
    as_tensor = changed(target, x=torch.tensor(target.x))
    assert otdd(shaped, target).squared == expected
    assert otdd(source, as_tensor).squared == expected
    assert otdd(changed(source, x=source.x.astype(np.float32)), as_tensor).squared == pytest.approx(expected, rel=1e-6)


def test_points_without_weight_do_not_count(pair):
    source, target = pair
    weights = np.where(np.arange(18) % 3 > 0, source.weights, 0)
    padded = changed(source, weights=weights / weights.sum())
    kept = padded.subset(weights > 0)
    assert otdd(padded, target).squared == pytest.approx(otdd(kept, target).squared, rel=1e-11)


# Soft labels, and tables that are not Euclidean


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sides", [(True, False), (False, True), (True, True)])
def test_soft_labels_that_are_certain_are_hard_labels(pair, metric, sides):
    expected = otdd(*pair, labels=metric)
    certain = [changed(data, y=data.probabilities) if soft else data for data, soft in zip(pair, sides, strict=True)]
    result = otdd(*certain, labels=metric)
    assert result.squared == pytest.approx(expected.squared, rel=1e-9)
    assert result.lower == pytest.approx(expected.lower, rel=1e-9)


def fixed_problem(rng, soft):
    """Two datasets of three classes each, whose six labels have a table without coordinates."""
    table = not_euclidean(rng, 6)
    datasets = []
    for start in (0, 3):
        classes, y = np.arange(start, start + 3), np.arange(12) % 3
        x = np.column_stack([classes[y], rng.normal(size=(12, 2))])
        datasets.append(LabelledDataset(x, np.eye(3)[y] if soft else classes[y], classes=classes))
    return (*datasets, table)


@pytest.mark.parametrize("soft", [False, True])
def test_9_a_table_that_is_not_euclidean_gives_its_own_value_with_labels_hard_or_soft(rng, soft):
    source, target, table = fixed_problem(rng, soft)
    whole = label_table((source, target), Fixed(table))
    assert whole.shift > 0.1
    cost = ot.dist(source.x, target.x) + 2 * table[source.codes][:, 3 + target.codes]
    result = otdd(source, target, labels=Fixed(table), label_weight=2.0)
    assert result.squared == pytest.approx(ot.emd2([], [], cost), rel=1e-10)
    assert (dense(result) * cost).sum() == pytest.approx(result.squared, rel=1e-10)
    assert result.lower <= result.squared == result.upper
    # The same through coordinates: too high by exactly the shift.
    e, f = whole.coordinates(0)[source.codes], whole.coordinates(1)[target.codes]
    embedded = ot.emd2([], [], ot.dist(source.x, target.x) + 2 * ot.dist(e, f))
    assert embedded - 2 * whole.shift == pytest.approx(result.squared, rel=1e-9)


def test_9_soft_labels_cost_the_quadratic_extension_of_any_table(rng):
    """|Ep - Eq|^2 is p'Sq - p'Sp/2 - q'Sq/2 for a Euclidean table S, and so for others without their shift."""
    source, target, table = fixed_problem(rng, soft=True)
    source, target = (changed(data, y=rng.dirichlet(np.ones(3), size=12)) for data in (source, target))
    p, q = np.pad(source.y, ((0, 0), (0, 3))), np.pad(target.y, ((0, 0), (3, 0)))
    own = [0.5 * np.einsum("ik,kl,il->i", r, table, r) for r in (p, q)]
    cost = 20 * ot.dist(source.x, target.x) + p @ table @ q.T - own[0][:, None] - own[1]
    assert label_table((source, target), FixedOrder(table)).shift > 0.1
    result = otdd(source, target, labels=FixedOrder(table), feature_weight=20.0)
    assert result.squared == pytest.approx(ot.emd2([], [], cost), rel=1e-9)


class FixedOrder:
    """A label metric that is a table; a class is known by when it was described, whatever is mixed into its law."""

    def __init__(self, table):
        self.table, self.seen = table, 0

    def describe(self, law, /):
        self.seen += 1
        return self.seen - 1

    def squared(self, p, q, /):
        return float(self.table[p, q])


# Labels whose distances are known up to an error


@dataclass(frozen=True)
class Rough(Fixed):
    """A table that may be wrong."""

    wrong: np.ndarray

    def error(self, p, q, /):
        return float(self.wrong[p, q])


def tables_within(rng, table, wrong):
    """The lowest table, the highest, and some between."""
    for part in (-1.0, 1.0, *rng.uniform(-1, 1, size=(4, 6, 6))):
        yield np.maximum(table + (part + np.transpose(part)) / 2 * wrong, 0)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("solver", ["auto", Sinkhorn(0.05, "mean"), Sliced(64), Streamed()], ids=str)
def test_bounds_hold_for_every_table_within_the_error(rng, soft, solver):
    source, target, table = fixed_problem(rng, soft)
    wrong = 0.5 * not_euclidean(rng, 6)
    plain = otdd(source, target, labels=Fixed(table), solver=solver, label_weight=2.0)
    rough = otdd(source, target, labels=Rough(table, wrong), solver=solver, label_weight=2.0)
    assert rough.squared == plain.squared
    assert rough.lower < plain.lower
    assert rough.upper > plain.upper
    for possible in tables_within(rng, table, wrong):
        truth = otdd(source, target, labels=Fixed(possible), label_weight=2.0)
        assert rough.lower - 1e-9 <= truth.squared <= rough.upper + 1e-9


def test_the_error_is_that_of_the_worst_plan_and_not_of_the_worst_pair():
    """Half of the mass is in each class, so that the one bad pair can take no more than half."""
    source, target = (LabelledDataset([[float(k)] for k in classes], list(classes)) for classes in ("01", "23"))
    table, wrong = np.ones((4, 4)) - np.eye(4), np.zeros((4, 4))
    wrong[0, 2] = wrong[2, 0] = 0.2
    found = otdd(source, target, labels=Rough(table, wrong), feature_weight=0.0)
    assert (found.lower, found.squared, found.upper) == pytest.approx((0.9, 1.0, 1.1))


def test_15_soft_labels_between_them_cost_what_the_error_says(rng):
    """Of mixed labels the distances within a dataset count as well."""
    source, target, table = fixed_problem(rng, soft=True)
    source, target = (changed(data, y=rng.dirichlet(np.ones(3), size=12)) for data in (source, target))
    wrong = 0.3 * not_euclidean(rng, 6)

    class RoughOrder(FixedOrder):
        def error(self, p, q, /):
            return float(wrong[p, q])

    rough = otdd(source, target, labels=RoughOrder(table), feature_weight=20.0)
    for possible in tables_within(rng, table, wrong):
        truth = otdd(source, target, labels=FixedOrder(possible), feature_weight=20.0)
        assert rough.lower - 1e-9 <= truth.squared <= rough.upper + 1e-9


@pytest.mark.parametrize("rank", [1, 3, 8, 12])
@pytest.mark.parametrize("soft", [False, True])
def test_15_truncated_labels_bracket_the_distance(rng, rank, soft):
    scales = 0.7 ** np.arange(12)
    sets = [
        LabelledDataset(
            rng.normal(size=(n, 12)) * scales + k, rng.dirichlet(np.ones(3), n) if soft else np.arange(n) % 3
        )
        for k, n in enumerate((30, 24))
    ]
    truth = otdd(*sets).squared
    found = otdd(*sets, labels=Bures(rank=rank))
    assert found.lower - 1e-9 <= truth <= found.upper + 1e-9
    assert found.lower <= found.squared <= found.upper
    if rank == 12:
        assert (found.lower, found.upper) == pytest.approx((truth, truth), rel=1e-9)


# Certificates


@pytest.mark.parametrize(
    "solver", [Exact(), Exact(1), Sinkhorn(0.05, "mean"), Sinkhorn(1e-3, "mean", max_iterations=1)]
)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.filterwarnings("ignore::continuum.core.errors.ConvergenceWarning")
def test_10_bounds_enclose_the_optimum_and_the_plan_has_its_marginals(pair, solver, soft):
    source, target = (changed(data, y=data.probabilities) if soft else data for data in pair)
    best, result = otdd(*pair), otdd(source, target, solver=solver)
    assert result.lower - 1e-9 <= best.squared <= result.upper + 1e-9
    assert result.squared == result.upper
    np.testing.assert_allclose(dense(result).sum(1), source.weights, atol=1e-12)
    np.testing.assert_allclose(dense(result).sum(0), target.weights, atol=1e-12)
    assert [len(potential) for potential in result.potentials] == [18, 15]


def test_stopping_early_is_said(pair):
    with pytest.warns(ConvergenceWarning):
        result = otdd(*pair, solver=Sinkhorn(1e-3, max_iterations=1))
    assert not result.converged
    assert result.residual > 1e-6


def test_16_repeats_are_bitwise_equal_and_no_global_random_state_is_used(pair):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second = (otdd(*pair, labels=ExactLabels()) for _ in range(2))
    assert first.squared == second.squared
    assert dense(first).tobytes() == dense(second).tobytes()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


# Refusals


@pytest.mark.parametrize("name", ["feature_weight", "label_weight"])
@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_negative_or_not_finite_are_refused(pair, name, weight):
    with pytest.raises(InvalidInputError, match=f"`{name}` must be finite and not negative, got {weight}"):
        otdd(*pair, **{name: weight})


@pytest.mark.parametrize("label_weight", [0.0, 1.0])
def test_datasets_of_other_dimensions_are_refused(pair, label_weight):
    wider = LabelledDataset(np.zeros((4, 5)), [0, 1, 0, 1])
    with pytest.raises(IncompatibleError, match=r"3.* features|features.* 3|\[3, 5\]"):
        otdd(pair[0], wider, label_weight=label_weight)


def test_microsoft_with_sinkhorn_is_half_the_debiased_value(pair):
    """Half of a Sinkhorn divergence: 0 for equal sets, half of the exact value for a small epsilon."""
    solver = Sinkhorn(0.5, tolerance=1e-5)
    assert otdd(pair[0], pair[0], solver=solver, convention="microsoft").value == pytest.approx(0, abs=1e-4)
    assert otdd(pair[0], pair[0], solver=solver).value > 0.01
    small = otdd(*pair, solver=Sinkhorn(0.01, "mean", 1e-4), convention="microsoft").value
    assert small == pytest.approx(otdd(*pair).squared / 2, rel=0.02)
    plain = otdd(*pair, solver=solver, convention="microsoft", label_weight=0.0).value
    measures = (DiscreteMeasure(data.features(), data.weights) for data in pair)
    assert 2 * plain == pytest.approx(sinkhorn_divergence(*measures, solver=solver).value, abs=1e-5)


def test_an_unknown_convention_is_refused(pair):
    with pytest.raises(InvalidInputError, match=r"`convention` must be one of .*got 'halved'"):
        otdd(*pair, convention="halved")


@pytest.mark.parametrize("soft", [False, True])
def test_every_solver_agrees_on_what_it_bounds(rng, monkeypatch, soft):
    for name, value in {"_SMALL": 100, "_FEW": 10, "_PER_POINT": 5}.items():
        monkeypatch.setattr(shortlist, name, value)
    source, target = (
        LabelledDataset(
            rng.normal(size=(n, 4)).astype(np.float32), rng.dirichlet(np.ones(3), n) if soft else rng.integers(0, 3, n)
        )
        for n in (60, 45)
    )
    best = otdd(source, target)
    for solver in (Streamed(0.01, 40), Stratified(20, seed=3), Sinkhorn(0.05, "mean")):
        found = otdd(source, target, solver=solver)
        assert found.lower <= best.squared + 1e-9 <= found.upper + 2e-9
        assert found.seed == getattr(solver, "seed", None)
        assert (found.standard_error > 0) == isinstance(solver, Stratified)


def test_the_debiased_value_is_converged_only_if_all_three_terms_are():
    point = LabelledDataset(np.zeros((1, 2)), [0])
    cloud = LabelledDataset(np.random.default_rng(0).normal(size=(30, 2)), np.zeros(30, int))
    rough = Sinkhorn(0.5, max_iterations=1)
    with pytest.warns(ConvergenceWarning, match="self-transport"):
        found = otdd(point, cloud, solver=rough, convention="microsoft", label_weight=0)
    assert not found.converged


def test_auto_streams_what_does_not_fit_as_a_matrix(rng, monkeypatch):
    data, moved = (LabelledDataset(rng.normal(size=(5000, 2)) + k, np.arange(5000) % 2) for k in (0, 1))
    monkeypatch.setattr("psutil.virtual_memory", lambda: types.SimpleNamespace(available=10**9))
    with pytest.raises(ResourceError, match="with Exact needs"):
        otdd(data, moved, solver=Exact())
    found = otdd(data, moved)
    assert found.converged
    assert 0 < found.residual <= 0.01


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("solver", ["auto", Sliced(8), Sinkhorn(0.1, "mean"), Streamed()], ids=str)
def test_features_too_small_for_their_squares_are_refused_and_not_called_equal(pair, solver, weights):
    tiny = [changed(data, x=data.x * 1e-170) for data in pair]
    with pytest.raises(InvalidInputError, match="underflow"):
        otdd(*tiny, solver=solver, feature_weight=weights[0], label_weight=weights[1])


def test_the_debiased_value_asks_for_the_memory_of_its_self_terms(monkeypatch):
    asked = []
    monkeypatch.setattr("continuum.datasets.distance.check_divergence_memory", asked.append)
    small, large = (LabelledDataset(np.arange(float(n))[:, None], np.zeros(n, int)) for n in (2, 40))
    otdd(small, large, solver=Sinkhorn(5.0), convention="microsoft", label_weight=0)
    assert asked == [40]
