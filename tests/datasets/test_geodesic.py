"""Paths between datasets: end points, closed forms, independent transport solves, and the structure of labels.

Numbers in names are those of the acceptance checks in the specification of the data axis.
"""

from __future__ import annotations

import pickle
import types

import numpy as np
import ot
import pytest
import torch

from continuum.core import ConvergenceWarning, DomainError, IncompatibleError, InvalidInputError, ResourceError
from continuum.datasets import (
    Bures,
    ExactLabels,
    GeneralizedGeodesic,
    LabelledDataset,
    McCann,
    MeansOnly,
    Mixup,
    label_table,
    otdd,
)
from continuum.measures import Exact, Sinkhorn
from continuum.testing import exact

POINTS = [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5), (0.0, 0.5, 0.5), (1 / 3, 1 / 3, 1 / 3)]


def cloud(rng, n=30, d=3, k=3, shift=0.0) -> LabelledDataset:
    return LabelledDataset(rng.normal(size=(n, d)) + shift, rng.permutation(np.arange(n) % k))


def w2_squared(x, y, a=None, b=None) -> float:
    """Independent of the library."""
    return float(ot.emd2([] if a is None else a, [] if b is None else b, ot.dist(x, y), numItermax=10**7))


def rows(x):
    return sorted(map(tuple, x.tolist()))


@pytest.fixture
def three(rng):
    """A base and three sources of its size."""
    sources = {name: cloud(rng, k=k, shift=3.0 * k) for name, k in (("one", 1), ("two", 2), ("four", 4))}
    return cloud(rng), sources


@pytest.fixture(params=["equal sizes", "other sizes"])
def plain(request, rng):
    """A geodesic of features only."""
    base = LabelledDataset(rng.normal(size=(25, 3)), [0] * 25, rng.dirichlet(np.ones(25)) * 0.5 + 0.02)
    sizes = (25, 25, 25) if request.param == "equal sizes" else (10, 25, 40)
    if request.param == "equal sizes":
        base = LabelledDataset(base.x, base.y)
    sources = {str(i): cloud(rng, n=n, shift=i) for i, n in enumerate(sizes)}
    return base, sources, GeneralizedGeodesic.fit(base, sources, label_weight=0.0)


# End points and values


@pytest.mark.parametrize("metric", [Bures(), ExactLabels(), MeansOnly()])
def test_11_each_vertex_is_its_source_with_its_labels(three, metric):
    base, sources = three
    path = GeneralizedGeodesic.fit(base, sources, labels=metric)
    assert path.domain.axes == ("one", "two", "four")
    for vertex, (name, source) in zip(path.domain.vertices(), sources.items(), strict=True):
        end = path.at(vertex)
        found = [(*x, path.classes[code]) for x, code in zip(end.x.tolist(), end.codes, strict=True)]
        given = [(*x, (name, int(y))) for x, y in zip(source.x.tolist(), source.y, strict=True)]
        assert sorted(found) == sorted(given)
        assert (path.endpoints[vertex].x == end.x).all()
        assert (path.endpoints[vertex].y == end.y).all()


@pytest.mark.parametrize("point", POINTS)
def test_11_points_and_labels_are_mixtures_of_the_vertices(three, point):
    base, sources = three
    path = GeneralizedGeodesic.fit(base, sources)
    ends = [path.at(vertex) for vertex in path.domain.vertices()]
    value = path.at(point)
    np.testing.assert_allclose(value.x, sum(a * end.x for a, end in zip(point, ends, strict=True)), atol=1e-12)
    np.testing.assert_allclose(value.y, sum(a * end.y for a, end in zip(point, ends, strict=True)), atol=1e-15)
    assert (value.weights == base.weights).all()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("solver", [None, Sinkhorn(0.5, "mean")])
def test_12_label_rows_are_distributions_and_block_i_has_mass_a_i(three, point, solver):
    base, sources = three
    value = GeneralizedGeodesic.fit(base, sources, solver=solver).at(point)
    assert value.classes == (("one", 0), ("two", 0), ("two", 1), *(("four", k) for k in range(4)))
    np.testing.assert_allclose(value.y.sum(1), 1, atol=1e-14)
    for i, (name, source) in enumerate(sources.items()):
        block = [column for column, (owner, _) in enumerate(value.classes) if owner == name]
        np.testing.assert_allclose(value.y[:, block].sum(1), point[i], atol=1e-14)
        # Transport keeps the mass of every class.
        np.testing.assert_allclose(
            value.weights @ value.y[:, block], point[i] * (source.weights @ source.probabilities), atol=1e-12
        )


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("solver", [None, Sinkhorn(0.5, "mean")])
def test_14_the_mean_is_the_mixture_of_the_means(three, point, solver):
    base, sources = three
    value = GeneralizedGeodesic.fit(base, sources, solver=solver).at(point)
    means = sum(a * source.x.mean(0) for a, source in zip(point, sources.values(), strict=True))
    np.testing.assert_allclose(value.weights @ value.x, means, atol=1e-10)


def test_13_gaussians_with_common_axes_mix_their_means_and_roots(rng):
    """P_a = N(sum a_i m_i, (sum a_i S_i^(1/2))^2) if the base commutes too, exactly so for the moments of a sample."""
    x = rng.normal(size=(200, 3))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T  # mean 0 and covariance 1
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    roots = [(axes * rng.uniform(0.3, 3, size=3)) @ axes.T for _ in range(3)]
    means = rng.normal(size=(3, 3))
    sources = {
        str(i): LabelledDataset(rng.permutation(x @ root + mean), [0] * 200)
        for i, (root, mean) in enumerate(zip(roots, means, strict=True))
    }
    path = GeneralizedGeodesic.fit(LabelledDataset(x, [0] * 200), sources)
    for point in POINTS:
        value, root = path.at(point).x, np.einsum("i,ijk->jk", point, roots)
        np.testing.assert_allclose(value.mean(0), point @ means, atol=1e-10)
        np.testing.assert_allclose(np.cov(value.T), root @ root, atol=1e-10)


# The closed form


@pytest.mark.parametrize("point", POINTS)
def test_11_an_independent_solve_finds_the_closed_form_of_the_distance(plain, point):
    base, _, path = plain
    value = path.at(point)
    assert path.distance_to_base(point) ** 2 == pytest.approx(
        w2_squared(value.x, base.x, value.weights, base.weights), rel=1e-9
    )


@pytest.mark.parametrize("point", POINTS)
def test_11_the_identity_of_generalized_geodesics(plain, point):
    """a'Ga = q'a - a'Da/2, with q_i and D_ij integrated from the maps and the path itself (section 3.1)."""
    base, _, path = plain
    ends = [path.at(vertex).x for vertex in path.domain.vertices()]
    q = np.array([base.weights @ ((end - base.x) ** 2).sum(1) for end in ends])
    d = np.array([[base.weights @ ((s - t) ** 2).sum(1) for t in ends] for s in ends])
    a = np.array(point)
    direct = base.weights @ ((path.at(point).x - base.x) ** 2).sum(1)
    assert path.distance_to_base(point) ** 2 == pytest.approx(direct, rel=1e-10)
    assert q @ a - a @ d @ a / 2 == pytest.approx(direct, rel=1e-10)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 3.0), (0.0, 1.0)])
def test_11_the_gram_matrix_is_that_of_displacements_of_features_and_label_coordinates(three, weights):
    base, sources = three
    metric = MeansOnly()
    path = GeneralizedGeodesic.fit(base, sources, labels=metric, feature_weight=weights[0], label_weight=weights[1])
    table = label_table((base, *sources.values()), metric)
    assert path.label_shift == table.shift == 0
    start, moves = base.probabilities @ table.coordinates(0), []
    for place, vertex in enumerate(path.domain.vertices(), start=1):
        end, count = path.at(vertex), [0, 1, 3, 7]
        turn = end.y[:, count[place - 1] : count[place]] @ table.coordinates(place) - start
        moves.append(np.hstack([weights[0] ** 0.5 * (end.x - base.x), weights[1] ** 0.5 * turn]).ravel() / 30**0.5)
    np.testing.assert_allclose(path.gram, np.array(moves) @ np.array(moves).T, rtol=1e-10, atol=1e-10)
    assert np.linalg.eigvalsh(path.gram).min() > -1e-10


@pytest.mark.parametrize("metric", [Bures(), ExactLabels(), MeansOnly()])
def test_11_a_vertex_is_as_far_as_its_source_by_the_dataset_distance(three, metric):
    base, sources = three
    path = GeneralizedGeodesic.fit(base, sources, labels=metric, label_weight=2.0)
    for vertex, source in zip(path.domain.vertices(), sources.values(), strict=True):
        expected = otdd(base, source, labels=metric, label_weight=2.0).squared
        # In coordinates each pair of labels is too far by the shift.
        assert path.distance_to_base(vertex) ** 2 - 2 * path.label_shift == pytest.approx(expected, rel=1e-9)


def test_11_the_nearest_mixture_is_certified_and_nearer_than_any_source(plain):
    _, _, path = plain
    best = path.project()
    assert best.converged
    assert best.kkt_gap <= 1e-9 * np.abs(path.gram).max()
    assert path.distance_to_base(best.weights) ** 2 == pytest.approx(best.squared, rel=1e-9, abs=1e-12)
    for point in (*path.domain.grid(6), *path.domain.vertices()):
        assert best.squared <= path.distance_to_base(point) ** 2 + 1e-9


def test_11_one_source_gets_all_weight(rng):
    path = GeneralizedGeodesic.fit(cloud(rng), {"only": cloud(rng, n=12, shift=1.0)})
    assert path.project().weights == (1.0,)


@pytest.mark.parametrize("metric", [ExactLabels(), MeansOnly()])
def test_11_the_base_among_its_sources_gets_all_weight_at_no_distance(rng, metric):
    base, other = cloud(rng, k=2), cloud(rng, n=21, shift=1.0)
    path = GeneralizedGeodesic.fit(base, {"other": other, "base": base}, labels=metric)
    assert path.label_shift == 0
    assert (path.at((0.0, 1.0)).x == base.x).all()
    best = path.project()
    assert best.weights == pytest.approx((0, 1), abs=1e-9)
    assert best.squared == pytest.approx(0, abs=1e-10)


def test_11_a_source_given_twice_does_not_change_the_value(three):
    base, sources = three
    once = GeneralizedGeodesic.fit(base, sources, labels=MeansOnly()).project()
    twice = GeneralizedGeodesic.fit(base, {**sources, "again": sources["two"]}, labels=MeansOnly()).project()
    assert twice.squared == pytest.approx(once.squared, rel=1e-9)


# What comes in, and who owns what goes out


@pytest.mark.filterwarnings("ignore:classes of one sample")
def test_base_points_without_weight_are_left_out(rng):
    base = cloud(rng, n=10)
    weights = np.where(np.arange(10) < 3, 0, 1 / 7)
    path = GeneralizedGeodesic.fit(LabelledDataset(base.x, base.y, weights), {"a": cloud(rng, n=8)})
    assert len(path.at((1.0,))) == 7


@pytest.mark.parametrize("kind", ["float32", "float64", "tensor", "gradient", "images"])
def test_values_are_of_the_kind_of_the_base(rng, kind):
    base, sources = cloud(rng, d=4), {"a": cloud(rng, d=4), "b": cloud(rng, n=12, d=4)}
    x = {
        "float32": lambda: base.x.astype(np.float32),
        "float64": lambda: base.x,
        "tensor": lambda: torch.tensor(base.x).half(),
        "gradient": lambda: torch.tensor(base.x, requires_grad=True),
        "images": lambda: base.x.reshape(-1, 2, 2),
    }[kind]()
    if kind == "images":
        sources = {n: LabelledDataset(s.x.reshape(-1, 2, 2), s.y, classes=s.classes) for n, s in sources.items()}
    path = GeneralizedGeodesic.fit(LabelledDataset(x, base.y), sources)
    for point in ((1.0, 0.0), (0.25, 0.75)):
        value = path.at(point).x
        assert (type(value), value.dtype, value.shape) == (type(x), x.dtype, x.shape)


@pytest.mark.parametrize("point", [(1.0, 0.0), (0.5, 0.5)])
def test_what_is_returned_may_be_written_to(rng, point):
    paths = [
        GeneralizedGeodesic.fit(cloud(rng), {"a": cloud(rng), "b": cloud(rng)}),
        Mixup({"a": cloud(rng), "b": cloud(rng)}),
    ]
    for path in paths:
        value = path.at(point)
        before = {name: getattr(value, name).copy() for name in ("x", "y", "weights")}
        value.x[:], value.y[:], value.weights[:] = 7, 0, 0
        for name, kept in before.items():
            assert (getattr(path.at(point), name) == kept).all()


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_what_mccann_returns_may_be_written_to(line, t):
    _, _, path = line
    value = path.at(t)
    before = value.x.copy(), value.y.copy()
    value.x[:], value.y[:], value.weights[:] = 7, 0, 0
    assert (path.at(t).x == before[0]).all()
    assert (path.at(t).y == before[1]).all()


def test_16_repeats_are_bitwise_equal(rng):
    base, sources = cloud(rng), {"a": cloud(rng, n=20), "b": cloud(rng, n=33)}
    first, second = (GeneralizedGeodesic.fit(base, sources) for _ in range(2))
    assert first.gram.tobytes() == second.gram.tobytes()
    assert first.at((0.3, 0.7)).x.tobytes() == second.at((0.3, 0.7)).x.tobytes()


def test_what_cannot_be_fitted_is_refused(rng):
    with pytest.raises(InvalidInputError, match="at least one"):
        GeneralizedGeodesic.fit(cloud(rng), {})
    with pytest.raises(IncompatibleError, match="3"):
        GeneralizedGeodesic.fit(cloud(rng), {"a": cloud(rng, d=4)})
    with pytest.raises(InvalidInputError, match=r"`label_weight` must be .* got -1"):
        GeneralizedGeodesic.fit(cloud(rng), {"a": cloud(rng)}, label_weight=-1.0)
    with pytest.raises(DomainError, match="sum to 1"):
        GeneralizedGeodesic.fit(cloud(rng), {"a": cloud(rng)}).at((0.5,))


# McCann


@pytest.fixture(params=[(20, 20), (14, 23)], ids=str)
def line(request, rng):
    n, m = request.param
    source, target = cloud(rng, n=n), cloud(rng, n=m, shift=1.5)
    target = LabelledDataset(target.x, target.y, rng.dirichlet(np.ones(m)) if n != m else None)
    return source, target, McCann(source, target, label_weight=0.0)


def test_mccann_has_constant_speed(line):
    source, target, path = line
    length = w2_squared(source.x, target.x, source.weights, target.weights) ** 0.5
    times = (0.0, 0.2, 0.5, 1.0)
    for s in times:
        for t in times:
            p, q = path.at(s), path.at(t)
            assert max(w2_squared(p.x, q.x, p.weights, q.weights), 0) ** 0.5 == pytest.approx(
                abs(s - t) * length, abs=1e-7
            )


def test_mccann_ends_at_source_and_target_as_measures_also_of_other_sizes(line):
    source, target, path = line
    for t, data, name in ((0.0, source, "source"), (1.0, target, "target")):
        end, mass = path.at(t), {}
        for x, code, weight in zip(end.x.tolist(), end.codes, end.weights, strict=True):
            place = (*x, end.classes[code])
            mass[place] = mass.get(place, 0.0) + weight
        given = {(*x, (name, int(y))): w for x, y, w in zip(data.x.tolist(), data.y, data.weights, strict=True)}
        assert mass == pytest.approx(given, abs=1e-14)
        assert (path.endpoints[(t,)].x == end.x).all()
        assert (path.endpoints[(t,)].y == end.y).all()


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_mccann_labels_are_split_between_the_two_sets(line, t):
    _, target, path = line
    value = path.at(t)
    assert value.classes == tuple(("source", k) for k in range(3)) + tuple(("target", k) for k in range(3))
    np.testing.assert_allclose(value.y[:, :3].sum(1), 1 - t, atol=1e-15)
    np.testing.assert_allclose(value.y[:, 3:].sum(1), t, atol=1e-15)
    np.testing.assert_allclose(value.weights @ value.y[:, 3:], t * (target.weights @ target.probabilities), atol=1e-14)


def test_mccann_of_a_translation_moves_at_constant_velocity_with_its_labels(rng):
    data = cloud(rng)
    step = np.array([5.0, 0.0, -1.0])
    path = McCann(data, LabelledDataset(data.x + step, data.y))
    value = path.at(0.3)
    assert rows(value.x.round(12)) == rows((data.x + 0.3 * step).round(12))
    for label in range(3):
        np.testing.assert_allclose(value.y[:, 3 + label], 0.3 / 0.7 * value.y[:, label], atol=1e-15)


def test_mccann_pairs_arrays_and_tensors_of_any_precision(rng):
    source, target = cloud(rng, n=8), cloud(rng, n=8, shift=1.0)
    expected = McCann(source, target).at(0.5).x
    as_tensor = LabelledDataset(torch.tensor(target.x), target.y)
    single = LabelledDataset(source.x.astype(np.float32), source.y)
    for t in (0.0, 0.5, 1.0):
        assert McCann(source, as_tensor).at(t).x.dtype == torch.float64
        assert McCann(single, target).at(t).x.dtype == np.float64
    np.testing.assert_allclose(McCann(source, as_tensor).at(0.5).x, expected, rtol=1e-15)


def test_mccann_refuses_what_it_cannot_join(rng):
    with pytest.raises(IncompatibleError, match=r"one feature shape"):
        McCann(cloud(rng), cloud(rng, d=4))
    with pytest.raises(InvalidInputError, match="`label_weight` must be finite and not negative"):
        McCann(cloud(rng), cloud(rng), label_weight=-1.0).at(0.5)


def test_maps_are_monotone_for_gradients_of_convex_functions(rng):
    known = exact.convex_gradient(rng, n=40)
    order = rng.permutation(40)
    path = McCann(LabelledDataset(known.x, [0] * 40), LabelledDataset(known.y[order], [0] * 40))
    assert rows(path.at(0.5).x.round(10)) == rows(((known.x + known.y) / 2).round(10))


def test_what_an_endpoint_is_written_with_does_not_reach_the_path(rng):
    base, other = (LabelledDataset(rng.normal(size=(6, 2)), [0, 0, 0, 1, 1, 1]) for _ in range(2))
    for path in (GeneralizedGeodesic.fit(base, {"a": base, "b": other}), McCann(base, other), Mixup({"a": base})):
        for point, value in path.endpoints.items():
            before = path.at(point).x.copy()
            value.x[:] = 7
            np.testing.assert_array_equal(path.at(point).x, before)


def test_a_path_between_two_sets_travels_with_its_plan(rng, monkeypatch):
    path = McCann(*(LabelledDataset(rng.normal(size=(6, 2)), [0, 0, 0, 1, 1, 1]) for _ in range(2)))
    sent = pickle.dumps(path)
    monkeypatch.setattr("continuum.datasets.mccann.otdd", None)  # would be called by a second solve
    np.testing.assert_array_equal(pickle.loads(sent).at(0.5).x, path.at(0.5).x)


def test_a_plan_that_cannot_fit_is_refused_before_labels_are_compared(rng, monkeypatch):
    data = LabelledDataset(rng.normal(size=(6, 2)), [0, 0, 0, 1, 1, 1])
    monkeypatch.setattr("psutil.virtual_memory", lambda: types.SimpleNamespace(available=1))
    for name in ("distance", "geodesic"):
        monkeypatch.setattr(f"continuum.datasets.{name}.label_table", None)
    for request in (
        lambda: otdd(data, data),
        lambda: GeneralizedGeodesic.fit(data, {"a": data}),
        lambda: McCann(data, data).at(0.5),
    ):
        with pytest.raises(ResourceError):
            request()


def test_labels_alone_make_maps_of_any_number_of_points(rng):
    """Classes of equal mass that are far apart go to each other whole: each point goes to one of its class."""
    base, other = (
        LabelledDataset(rng.normal(size=(n, 1)) + 9 * (np.arange(n) % 2)[:, None], np.arange(n) % 2)
        for n in (60_000, 60_000)
    )
    path = GeneralizedGeodesic.fit(base, {"other": other}, solver=Exact(), feature_weight=0.0)
    assert (other.codes[path.maps[0].indices] == base.codes).all()
    expected = otdd(base, other, solver=Exact(), feature_weight=0.0)
    assert path.distance_to_base((1.0,)) == pytest.approx(expected.distance, rel=1e-9)


def test_a_map_from_a_plan_that_did_not_converge_says_so(rng):
    base, other = (LabelledDataset(rng.normal(size=(20, 2)), [0, 1] * 10) for _ in range(2))
    assert GeneralizedGeodesic.fit(base, {"other": other}).converged
    with pytest.warns(ConvergenceWarning, match="the optimum lies in"):
        path = GeneralizedGeodesic.fit(base, {"other": other}, solver=Exact(max_iterations=1))
    assert not path.converged


@pytest.mark.parametrize("wrong", [(np.zeros((2, 2)), [0, 1]), None, 3, "data"])
def test_what_is_no_dataset_is_refused_by_name(wrong):
    good = LabelledDataset(np.zeros((2, 2)), [0, 0])
    for request in (
        lambda: otdd(wrong, good),
        lambda: otdd(good, wrong),
        lambda: GeneralizedGeodesic.fit(wrong, {"a": good}),
        lambda: GeneralizedGeodesic.fit(good, {"a": wrong}),
        lambda: GeneralizedGeodesic.fit(good, [good]),
        lambda: McCann(good, wrong),
        lambda: Mixup([wrong]),
        lambda: otdd(good, good, labels="exact"),
    ):
        with pytest.raises(InvalidInputError, match=r"`(source|target|base|sources|labels)"):
            request()
