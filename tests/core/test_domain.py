"""The laws of domains: canonical points, nested grids, honest refusals."""

from __future__ import annotations

import itertools
import json
import math
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import Domain, DomainError, Interval, InvalidInputError, Levels, Points, Product, Simplex, rng_for

NESTED = (5, 9, 17, 33)

finite = st.floats(-1e9, 1e9)
names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)


@st.composite
def intervals(draw):
    low, high = sorted(draw(st.lists(finite, min_size=2, max_size=2, unique=True)))
    return Interval(low, high)


@st.composite
def log_intervals(draw):
    low, high = sorted(draw(st.lists(st.floats(1e-12, 1e12), min_size=2, max_size=2, unique=True)))
    return Interval(low, high, spacing="log")


@st.composite
def finite_sets(draw):
    axes = draw(names)
    row = st.tuples(*[finite] * len(axes))
    return Points(tuple(draw(st.lists(row, min_size=1, max_size=6, unique=True))), axes)


levels = st.lists(finite, min_size=1, max_size=40, unique=True).map(lambda v: Levels(tuple(sorted(v))))
simplices = names.map(lambda axes: Simplex(tuple(axes)))
factors = st.one_of(intervals(), log_intervals(), levels, simplices, finite_sets())
products = st.dictionaries(st.sampled_from("pqr"), factors, min_size=1, max_size=2).map(lambda f: Product(**f))
domains = st.one_of(factors, products, st.builds(lambda a, b: Product(outer=a, inner=b), products, factors))


@given(domains, st.integers(1, 6), st.integers(0, 2**32))
def test_listed_points_are_canonical(domain, n, seed):
    listed = [*domain.grid(n), *domain.sample(n, rng_for(seed)), *domain.vertices()]
    for point in listed:
        assert type(point) is tuple
        assert all(type(c) is float for c in point)
        assert len(point) == len(domain.axes)
        assert domain.point(point) == point
        assert point in domain
        assert tuple(json.loads(json.dumps(point))) == point


@given(domains, st.integers(0, 2**32))
def test_every_domain_is_a_hashable_value_that_pickles(domain, seed):
    assert isinstance(domain, Domain)
    twin = pickle.loads(pickle.dumps(domain))
    assert twin == domain
    assert hash(twin) == hash(domain)
    assert twin.sample(3, rng_for(seed)) == domain.sample(3, rng_for(seed))


@given(domains, st.lists(st.floats(), max_size=6))
def test_any_numbers_are_refused_or_become_canonical(domain, numbers):
    """Point is total: DomainError or an idempotent point, for infinities, NaN, subnormals and wrong lengths too."""
    try:
        point = domain.point(numbers)
    except DomainError:
        assert numbers not in domain
    else:
        assert domain.point(point) == point
        assert numbers in domain


@given(st.one_of(intervals(), log_intervals()))
def test_interval_grids_refine_each_other_bit_for_bit(interval):
    grids = [interval.grid(n) for n in NESTED]
    for coarse, fine in itertools.pairwise(grids):
        assert fine[::2] == coarse
        assert fine == tuple(sorted(fine))
    assert (grids[0][0], grids[0][-1]) == interval.vertices()


@given(names)
def test_simplex_grids_refine_each_other_bit_for_bit(axes):
    simplex = Simplex(tuple(axes))
    grids = [set(simplex.grid(n)) for n in NESTED[:3]]
    assert grids[0] <= grids[1] <= grids[2]
    assert set(simplex.vertices()) <= grids[0]


@given(levels)
def test_grids_of_levels_refine_each_other(domain):
    grids = [set(domain.grid(n)) for n in NESTED]
    assert grids[0] <= grids[1] <= grids[2] <= grids[3]
    assert set(domain.vertices()) <= grids[0]


def test_grids_of_even_levels_refine_each_other():
    """Requests half-way between two levels must round alike in every grid."""
    for k in range(2, 130):
        domain = Levels(tuple(0.1 * i for i in range(k)))
        grids = [set(domain.grid(n)) for n in NESTED]
        assert grids[0] <= grids[1] <= grids[2] <= grids[3]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_simplex_grid_is_the_lattice(k, n):
    grid = Simplex(tuple("abcd"[:k])).grid(n)
    assert len(grid) == (1 if n == 1 else math.comb(n - 1 + k - 1, k - 1))
    assert len(set(grid)) == len(grid)
    assert all(math.isclose(math.fsum(point), 1, abs_tol=1e-15) for point in grid)


def test_product_grid_is_the_product_of_grids():
    domain = Product(a=Interval(), b=Simplex(("x", "y")))
    assert len(domain.grid(5)) == 25
    assert domain.vertices() == ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0))


@given(st.lists(st.floats(0, 1, allow_subnormal=True), min_size=3, max_size=3))
def test_weights_that_sum_to_one_are_accepted_and_keep_their_zeros(weights):
    total = math.fsum(weights)
    simplex = Simplex(("a", "b", "c"))
    if total < 1e-300:
        assert weights not in simplex
        return
    normal = [weight / total for weight in weights]
    point = simplex.point(normal)
    assert math.isclose(math.fsum(point), 1, abs_tol=1e-12)
    assert [c == 0 for c in point] == [c == 0 for c in normal]
    np.testing.assert_allclose(point, normal, rtol=1e-9)


def test_subnormal_weights_survive():
    tiny = 5e-324
    assert Simplex(("a", "b")).point((tiny, 1.0)) == (tiny, 1.0)


@pytest.mark.parametrize("off", [9e-7, -9e-7])
def test_a_sum_off_by_rounding_is_renormalised(off):
    point = Simplex(("a", "b")).point((0.5 + off, 0.5))
    assert math.fsum(point) == 1
    assert point != (0.5, 0.5)


@pytest.mark.parametrize("off", [2e-6, -2e-6])
def test_a_sum_off_by_more_is_refused(off):
    with pytest.raises(DomainError, match="a, b must sum to 1, got"):
        Simplex(("a", "b")).point((0.5 + off, 0.5))


def test_rounding_below_zero_is_clipped():
    assert Simplex(("a", "b")).point((-5e-7, 1.0)) == (0.0, 1.0)
    with pytest.raises(DomainError, match="a must be at least 0, got -2e-06"):
        Simplex(("a", "b")).point((-2e-6, 1.0 + 2e-6))


@pytest.mark.parametrize("domain", [Interval(-1, 1), Levels((-1, 0, 1)), Points(((0, 0),), ("a", "b")), Simplex("ab")])
def test_negative_zero_is_zero(domain):
    asked = {1: (-0.0,), 2: (-0.0, -0.0)}[len(domain.axes)]
    point = domain.point((-0.0, 1.0) if isinstance(domain, Simplex) else asked)
    assert math.copysign(1, point[0]) == 1


def test_equal_intervals_have_one_form():
    assert repr(Interval(0, 1)) == repr(Interval(np.float64(-0.0), 1.0))


def test_a_member_close_to_another_is_its_own_point():
    assert Points(((0.0,), (1e-10,)), ("a",)).point(1e-10) == (1e-10,)


def test_ends_forgive_rounding_only():
    assert Interval(0, 0.3).point(0.1 + 0.2) == (0.3,)
    with pytest.raises(DomainError):
        Interval(0, 0.3).point(0.3 + 1e-9)


@pytest.mark.parametrize(
    ("asked", "level"), [(0, 0.0), (0.4, 0.25), (0.625, 0.25), (0.626, 1.0), (1, 1.0), (-1e-13, 0.0)]
)
def test_levels_snap_to_the_nearest_and_down_on_a_tie(asked, level):
    assert Levels((0, 0.25, 1)).point(asked) == (level,)


@given(levels, st.floats(0, 1))
def test_no_level_is_nearer_than_the_chosen_one(domain, s):
    low, high = domain.values[0], domain.values[-1]
    t = min(max(low + s * (high - low), low), high)
    (chosen,) = domain.point(t)
    assert abs(chosen - t) == min(abs(level - t) for level in domain.values)


@given(st.one_of(intervals(), levels), st.integers(0, 2**32))
def test_samples_are_inside_and_reproducible(domain, seed):
    first, second = (domain.sample(5, rng_for(seed)) for _ in range(2))
    assert first == second
    low, high = domain.vertices()[0], domain.vertices()[-1]
    assert all(low <= point <= high for point in first)


def test_samples_are_uniform(rng):
    linear = np.array(Interval(2, 4).sample(4000, rng))
    assert abs(linear.mean() - 3) < 0.05  # 5 standard errors
    logarithmic = np.log10(np.array(Interval(1e-4, 1, spacing="log").sample(4000, rng)))
    assert abs(logarithmic.mean() + 2) < 0.1
    weights = np.array(Simplex("abc").sample(4000, rng))
    np.testing.assert_allclose(weights.mean(0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(weights.var(0), 1 / 18, atol=0.005)  # Dirichlet(1, 1, 1)


def test_log_spacing_has_equal_ratios():
    np.testing.assert_allclose(Interval(1e-4, 1, spacing="log").grid(5), [[1e-4], [1e-3], [1e-2], [0.1], [1]])


SPELLED = [
    0.5,
    (0.5,),
    [0.5],
    {"t": 0.5},
    np.float32(0.5),
    np.array(0.5),
    np.array([0.5]),
    Fraction(1, 2),
    Decimal("0.5"),
    (c for c in [0.5]),
]


@pytest.mark.parametrize("spelled", SPELLED, ids=lambda x: type(x).__name__)
def test_one_point_has_many_spellings(spelled):
    assert Interval().point(spelled) == (0.5,)


def test_missing_weights_are_zero():
    simplex = Simplex(("a", "b", "c"))
    assert simplex.point({"b": 1}) == (0.0, 1.0, 0.0)
    assert simplex.point({"c": 0.25, "a": 0.75}) == (0.75, 0.0, 0.25)


def test_products_are_asked_flat_or_by_factor():
    domain = Product(data=Simplex(("a", "b")), model=Interval())
    point = (0.25, 0.75, 0.5)
    assert domain.axes == ("data.a", "data.b", "model")
    assert domain.point(point) == point
    assert domain.point({"data.a": 0.25, "data.b": 0.75, "model": 0.5}) == point
    assert domain.point({"data": {"a": 0.25, "b": 0.75}, "model": {"t": 0.5}}) == point
    assert domain.point({"model": 0.5, "data": (0.25, 0.75)}) == point
    assert domain.split(point) == {"data": (0.25, 0.75), "model": (0.5,)}


def test_products_nest():
    domain = Product(outer=Product(x=Interval(), y=Interval()), inner=Interval())
    assert domain.axes == ("outer.x", "outer.y", "inner")
    assert domain.point({"outer": {"x": 0, "y": 1}, "inner": 0.5}) == (0.0, 1.0, 0.5)


REFUSED = [
    (Interval(0, 1), 1.2, r"point \(1.2,\) is outside .*: t must lie in \[0, 1\]"),
    (Interval(0, 1, axis="alpha"), math.nan, "alpha is nan"),
    (Interval(), -math.inf, "t is -inf"),
    (Interval(), 10**400, "must be a number"),
    (Levels((0, 0.5)), 0.6, r"\(0.6,\).*level must lie in \[0, 0.5\] \(2 levels\)"),
    (Simplex(("mnist", "usps")), (-0.5, 1.5), "mnist must be at least 0, got -0.5"),
    (Simplex(("mnist", "usps")), (0.2, 0.2), "mnist, usps must sum to 1, got 0.4"),
    (Simplex(("mnist", "usps")), {"mnist": 0.5, "emnist": 0.5}, r"unknown \['emnist'\]"),
    (Simplex(("mnist", "usps")), {}, "must sum to 1, got 0"),
    (Points(((0, 1),), ("a", "b")), (5, 5), r"\(5.0, 5.0\) of axes \('a', 'b'\).*the nearest is \(0.0, 1.0\)"),
    (Product(data=Interval(), model=Interval()), (0, 3), r"in factor `model`: point \(3.0,\)"),
    (Product(data=Interval(), model=Interval()), {"data": 0}, r"missing \['model'\]"),
    (Interval(), (0, 0), "needs 1 coordinates"),
    (Interval(), (), "needs 1 coordinates"),
    (Interval(), None, "must be numbers, got None"),
    (Interval(), "0.5", "must be numbers, got '0.5'"),
    (Interval(), ["0.5"], "must be a number, got '0.5'"),
    (Interval(), [None], "must be a number, got None"),
    (Interval(), 1j, "must be a number"),
    (Interval(), object(), "must be a number"),
    (Interval(), {3: 0.5}, r"unknown \['3'\]"),
]


@pytest.mark.parametrize(("domain", "asked", "message"), REFUSED)
def test_refusals_name_axis_value_and_bound(domain, asked, message):
    with pytest.raises(DomainError, match=message):
        domain.point(asked)
    assert asked not in domain


@pytest.mark.parametrize(
    "make",
    [
        lambda: Interval(1, 1),
        lambda: Interval(1, 0),
        lambda: Interval(0, math.inf),
        lambda: Interval(math.nan, 1),
        lambda: Interval("0", 1),
        lambda: Interval(None, 1),
        lambda: Interval(0, 1, axis=""),
        lambda: Interval(0, 1, spacing="cubic"),
        lambda: Interval(0, 1, spacing="log"),
        lambda: Levels(()),
        lambda: Levels((0, 0)),
        lambda: Levels((1, 0)),
        lambda: Levels((0, math.nan)),
        lambda: Levels(("a",)),
        lambda: Simplex(()),
        lambda: Simplex(("a", "a")),
        lambda: Simplex((1, 2)),
        lambda: Points((), ("a",)),
        lambda: Points(((0,), (0,)), ("a",)),
        lambda: Points(((0, 1),), ("a",)),
        lambda: Product(),
        lambda: Product(a=3),
        lambda: Product(**{"a": Simplex(("x", "y")), "a.x": Interval()}),
        lambda: Interval().grid(0),
        lambda: Simplex(("a",)).sample(0, np.random.default_rng(0)),
    ],
)
def test_impossible_domains_are_refused(make):
    with pytest.raises(InvalidInputError):
        make()
