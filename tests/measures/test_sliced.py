"""Laws of sliced transport: certified bounds, a metric, one answer however a measure is written."""

from __future__ import annotations

import numpy as np
import pytest

from continuum.core import InvalidInputError
from continuum.measures import Exact, Sliced, SquaredEuclidean, TableCost, WeightedSum, solve
from continuum.measures.sliced import orthogonal_directions

torch = pytest.importorskip("torch")


def clouds(rng, n=60, m=60, d=5):
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) * np.linspace(0.5, 2, d) + 1


@pytest.mark.parametrize(("m", "weighted"), [(60, False), (47, False), (60, True), (47, True)])
def test_bounds_enclose_the_optimum_and_marginals_hold(rng, m, weighted):
    x, y = clouds(rng, m=m)
    b = rng.dirichlet(np.ones(m)) if weighted else np.full(m, 1 / m)
    found, exact = (solve(SquaredEuclidean(x, y), b=b, solver=s) for s in (Sliced(), Exact()))
    assert found.lower <= exact.value <= found.upper
    assert found.value <= exact.value + 4 * found.standard_error
    np.testing.assert_allclose(found.coupling.sum(0), b, atol=1e-12)
    np.testing.assert_allclose(found.coupling.sum(1), 1 / 60, atol=1e-12)
    cost = ((x[:, None] - y[None]) ** 2).sum(-1)
    assert found.upper == pytest.approx((found.coupling.toarray() * cost).sum(), rel=1e-10)


def test_one_dimension_is_exact(rng):
    x, y = clouds(rng, m=40, d=1)
    found, exact = (solve(SquaredEuclidean(x, y), solver=s) for s in (Sliced(projections=3), Exact()))
    assert found.value == pytest.approx(exact.value, rel=1e-10)
    assert found.upper == pytest.approx(exact.value, rel=1e-10)


def test_translation_is_exact(rng):
    x, _ = clouds(rng)
    found = solve(SquaredEuclidean(x, x + 2), solver=Sliced(projections=10))
    for number in (found.value, found.lower, found.upper):
        assert number == pytest.approx(20, rel=1e-6)


def test_it_is_symmetric_and_its_root_obeys_the_triangle_inequality(rng):
    sets = [rng.normal(size=(30 + k, 4)) * (k + 1) for k in range(3)]
    d = [[solve(SquaredEuclidean(p, q), solver=Sliced(50)).value ** 0.5 for q in sets] for p in sets]
    np.testing.assert_allclose(d, np.transpose(d), atol=1e-7)
    assert d[0][2] <= d[0][1] + d[1][2] + 1e-12


def test_masses_are_the_same_as_repeated_points(rng):
    x, y = clouds(rng, m=20)
    masses = np.repeat([1.0, 3.0], 10) / 40
    repeated = np.repeat(y, [1] * 10 + [3] * 10, axis=0)
    weighted = solve(SquaredEuclidean(x, y), b=masses, solver=Sliced(50)).value
    assert weighted == pytest.approx(solve(SquaredEuclidean(x, repeated), solver=Sliced(50)).value, rel=1e-10)


def test_points_without_mass_do_not_count(rng):
    x, y = clouds(rng)
    b = np.where(np.arange(60) < 40, 1 / 40, 0.0)
    whole, part = solve(SquaredEuclidean(x, y), b=b, solver=Sliced(20)), SquaredEuclidean(x, y[:40])
    assert whole.value == pytest.approx(solve(part, solver=Sliced(20)).value, rel=1e-10)
    assert whole.coupling[:, 40:].sum() == 0


def test_float32_agrees_with_float64_far_from_the_origin(rng):
    x, y = (side.astype(np.float32) + 100 for side in clouds(rng))
    narrow, wide = (solve(SquaredEuclidean(x.astype(t), y.astype(t)), solver=Sliced(50)) for t in ("f4", "f8"))
    assert narrow.value == pytest.approx(wide.value, rel=1e-5)  # rounding of float32


def test_weighted_sum_has_the_points_of_its_parts(rng):
    x, y = clouds(rng)
    both = WeightedSum(((2.0, SquaredEuclidean(x[:, :2], y[:, :2])), (0.5, SquaredEuclidean(x[:, 2:], y[:, 2:]))))
    z, w = both.points()
    torch.testing.assert_close(torch.cdist(z, w) ** 2, both.block(slice(None), slice(None)))


def test_cost_without_points_is_refused():
    table = TableCost(torch.ones(2, 2), torch.tensor([0, 1]), torch.tensor([0, 1]))
    for cost in (table, WeightedSum(((1.0, table),)), [[1.0, 2.0]]):
        with pytest.raises(InvalidInputError, match=r"Sliced\(\) needs a cost that is a squared distance"):
            solve(cost, solver=Sliced())


@pytest.mark.parametrize("projections", [0, 1])  # one alone does not know its error
def test_too_few_projections_are_refused(projections):
    with pytest.raises(InvalidInputError, match="projections"):
        Sliced(projections=projections)


@pytest.mark.parametrize(("d", "count"), [(5, 12), (5, 3), (1, 4)])
def test_directions_are_unit_vectors_orthogonal_within_a_block(rng, d, count):
    directions = orthogonal_directions(d, count, rng)
    assert directions.shape == (d, count)
    block = directions[:, : min(d, count)]
    torch.testing.assert_close(block.T @ block, torch.eye(min(d, count), dtype=torch.float64))
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(count, dtype=torch.float64))


def test_directions_are_uniform(rng):
    directions = orthogonal_directions(3, 30_000, rng)
    for power, moment in ((2, 1 / 3), (4, 1 / 5)):  # of a coordinate on the sphere in 3 dimensions: 3 / (d (d + 2))
        torch.testing.assert_close(directions.pow(power).mean(1), torch.full((3,), moment).double(), atol=6e-3, rtol=0)


def test_a_whole_block_has_no_error_for_a_pure_scaling(rng):
    x, _ = clouds(rng)
    # W_2^2 along a line is (s - 1)^2 times a variance: a quadratic form, whose mean over a basis is its trace.
    centred, block = x - x.mean(0), Sliced(projections=5)
    found = solve(SquaredEuclidean(centred, 3 * centred), solver=block)
    assert found.value == pytest.approx(4 * (centred**2).sum(1).mean(), rel=1e-10)


def test_standard_error_is_that_of_other_seeds(rng):
    x, y = clouds(rng)
    for count in (30, 200):  # below and above the number of directions whose blocks are counted
        found = [solve(SquaredEuclidean(x, y), solver=Sliced(count, seed)) for seed in range(40)]
        spread, claimed = np.std([f.value for f in found], ddof=1), np.mean([f.standard_error for f in found])
        assert claimed > spread / 1.5  # the spread of 40 values is known to 11 %
        assert count == 30 or claimed < 1.5 * spread


@pytest.mark.parametrize("narrow", [0, 1])
def test_sides_of_different_precision_are_widened(rng, narrow):
    sides = [side.astype(np.float32) if k == narrow else side for k, side in enumerate(clouds(rng))]
    mixed = solve(SquaredEuclidean(*sides), solver=Sliced(20))
    assert mixed.value == solve(SquaredEuclidean(*(side.astype(float) for side in sides)), solver=Sliced(20)).value


def test_upper_bound_is_the_cost_of_the_plan_for_float32_too(rng):
    x, y = (side.astype(np.float32) + 100 for side in clouds(rng))
    found = solve(SquaredEuclidean(x, y), solver=Sliced(20))
    cost = ((x[:, None].astype(float) - y[None].astype(float)) ** 2).sum(-1)
    assert found.upper == pytest.approx((found.coupling.toarray() * cost).sum(), rel=1e-12)
