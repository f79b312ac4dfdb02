"""Transport over a short list of pairs: the optimum of the whole problem, whatever the cost and the masses."""

from __future__ import annotations

import warnings

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from continuum.measures import shortlist
from continuum.measures.rows import DenseRows, FactoredRows
from continuum.measures.shortlist import c_transform, shortlist_transport
from continuum.measures.simplex import sparse_simplex, staircase

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def short_lists_of_small_problems(monkeypatch):
    """Lists and hierarchies are for large problems; here small ones go the same way."""
    for name, value in {"_SMALL": 9, "_FEW": 3, "_PER_POINT": 2, "_SAMPLE": 5}.items():
        monkeypatch.setattr(shortlist, name, value)


def masses(rng, n, lopsided):
    a = rng.random(n) ** (15 if lopsided else 1) + 1e-9
    return torch.tensor(a / a.sum())


def costs(rng, kind, n, m):
    if kind == "noise":
        return rng.normal(size=(n, m))
    if kind == "ties":
        return rng.integers(0, 3, size=(n, m)).astype(float)
    if kind == "constant":
        return np.full((n, m), 2.5)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    return np.square(x[:, None] - y).sum(2)


def assert_optimal(found, c, a, b):
    c, p, q = (k.numpy() for k in (c, a, b))
    unit = max(np.abs(c).max(), 1)
    assert found.converged
    assert found.lower == pytest.approx(found.upper, abs=1e-12 * unit)
    assert found.lower == pytest.approx(float(a @ found.f + b @ found.g), abs=1e-12 * unit)
    # POT is a little off where masses differ by many orders of magnitude.
    assert found.upper == pytest.approx(ot.emd2(p, q, c - c.min(), numItermax=10**6) + c.min(), abs=1e-6 * unit)
    flow = found.flow
    np.testing.assert_allclose(np.bincount(flow.rows, flow.masses, len(p)), p, atol=1e-13)
    np.testing.assert_allclose(np.bincount(flow.columns, flow.masses, len(q)), q, atol=1e-13)
    assert (flow.masses >= 0).all()
    assert bool((found.f[:, None] + found.g <= torch.tensor(c) + 1e-12 * unit).all())


@settings(max_examples=150)
@given(
    seed=SEEDS,
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    kind=st.sampled_from(["noise", "ties", "constant", "plane"]),
    lopsided=st.booleans(),
)
def test_the_optimum_is_that_of_all_pairs(seed, n, m, kind, lopsided):
    rng = np.random.default_rng(seed)
    c, a, b = torch.tensor(costs(rng, kind, n, m)), masses(rng, n, lopsided), masses(rng, m, lopsided)
    found = shortlist_transport(DenseRows(c), a, b, tolerance=1e-12, max_rounds=200, max_iterations=10**6)
    assert_optimal(found, c, a, b)


def test_few_pairs_are_ever_listed(rng, monkeypatch):
    monkeypatch.setattr(shortlist, "_PER_POINT", 8)
    listed = []

    def spy(rows, *rest):
        listed.append(len(rows))
        return sparse_simplex(rows, *rest)

    monkeypatch.setattr(shortlist, "sparse_simplex", spy)
    x, y = (torch.tensor(rng.normal(size=(300, 6))) for _ in range(2))
    c, a = torch.cdist(x, y).square(), torch.full((300,), 1 / 300, dtype=torch.float64)
    assert_optimal(
        shortlist_transport(DenseRows(c), a, a, tolerance=1e-12, max_rounds=99, max_iterations=10**6), c, a, a
    )
    assert max(listed) < 0.1 * 300 * 300


@pytest.mark.parametrize("max_rounds", [1, 2])
def test_bounds_and_marginals_hold_after_any_round(rng, max_rounds):
    c, a, b = torch.tensor(rng.random((40, 50))), masses(rng, 40, True), masses(rng, 50, True)
    found = shortlist_transport(DenseRows(c), a, b, tolerance=0.0, max_rounds=max_rounds, max_iterations=10**6)
    best = ot.emd2(a.numpy(), b.numpy(), c.numpy())
    assert found.lower <= best + 1e-14
    assert found.upper >= best - 1e-14
    np.testing.assert_allclose(np.bincount(found.flow.rows, found.flow.masses, 40), a, atol=1e-13)


def test_a_simplex_that_is_stopped_still_gives_a_plan_and_bounds(rng):
    c, a = torch.tensor(rng.random((40, 40))), torch.full((40,), 1 / 40, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the simplex method of POT has a complaint of its own
        found = shortlist_transport(DenseRows(c), a, a, tolerance=0.0, max_rounds=9, max_iterations=1)
    assert not found.converged
    assert found.lower <= ot.emd2(a.numpy(), a.numpy(), c.numpy()) <= found.upper
    np.testing.assert_allclose(np.bincount(found.flow.columns, found.flow.masses, 40), a, atol=1e-13)


@given(seed=SEEDS, scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_bounds_of_single_precision_enclose_the_optimum_of_the_cost_itself(seed, scale):
    rng = np.random.default_rng(seed)
    u, v = (torch.tensor(rng.normal(size=(k, 30)) * scale) for k in (40, 30))
    a, b = masses(rng, 40, False), masses(rng, 30, False)
    rows = FactoredRows(u.float(), v.float())
    found = shortlist_transport(rows, a, b, relative=1e-3, max_rounds=50, max_iterations=10**6)
    c = (u @ v.T).numpy()
    best = ot.emd2(a.numpy(), b.numpy(), c - c.min()) + c.min()
    assert found.lower <= best
    slack = torch.tensor(c) - (found.f - rows.rounding(found.g))[:, None] - found.g
    assert float(slack.min()) >= -1e-12 * scale**2
    flow = found.flow
    assert flow.masses @ c[flow.rows, flow.columns] >= best - 1e-12 * scale**2


def test_both_ways_to_hold_a_cost_read_the_same(rng):
    u, v = (torch.tensor(rng.normal(size=(k, 4))) for k in (7, 5))
    dense, factored = DenseRows(u @ v.T), FactoredRows(u, v)
    g = torch.tensor(rng.normal(size=5))
    rows, columns = np.array([0, 6, 3]), np.array([4, 0, 0])
    for held in (dense, factored):
        assert held.shape == (7, 5)
        assert held.transposed().shape == (5, 7)
        torch.testing.assert_close(held.reduced(slice(1, 4), g), dense.c[1:4] - g)
        np.testing.assert_allclose(held.entries(rows, columns), dense.c.numpy()[rows, columns])
        torch.testing.assert_close(
            held.pick(slice(0, 7, 2), torch.tensor([3, 1])).reduced(slice(None), g[:2] * 0), dense.c[::2][:, [3, 1]]
        )
        torch.testing.assert_close(c_transform(held, g), (dense.c - g).amin(1))


@given(seed=SEEDS, n=st.integers(1, 30), m=st.integers(1, 30), lopsided=st.booleans())
def test_a_staircase_is_a_plan_of_few_pairs(seed, n, m, lopsided):
    rng = np.random.default_rng(seed)
    a, b = masses(rng, n, lopsided), masses(rng, m, lopsided)
    flow = staircase(a, b)
    np.testing.assert_allclose(np.bincount(flow.rows, flow.masses, n), a, atol=1e-15)
    np.testing.assert_allclose(np.bincount(flow.columns, flow.masses, m), b, atol=1e-15)
    assert len(flow.masses) <= n + m
    assert (np.diff(flow.rows) >= 0).all()
    assert (np.diff(flow.columns) >= 0).all()
