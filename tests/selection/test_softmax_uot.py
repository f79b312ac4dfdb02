"""Soft votes are row soft-maxes, and the limit of the published transport."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import ranked, similarities, softmax_log_masses, source_of_matrix

from continuum.core import ConvergenceWarning, InvalidInputError
from continuum.selection import SimilaritySource, SoftmaxUOT
from continuum.selection.kept import KeptProducts
from continuum.selection.unbalanced import semi_relaxed


@given(st.data())
def test_the_order_is_that_of_the_masses(data):
    n, m = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 7))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    epsilon = data.draw(st.sampled_from([1e-4, 0.01, 0.3, 100.0]))
    # coarse numbers tie, and their ties are exact
    rows = rng.integers(-2, 3, (n, 2)) if data.draw(st.booleans()) else rng.normal(size=(n, 2))
    source = SimilaritySource(rows, rng.normal(size=(m, 2)))
    k = data.draw(st.integers(1, n))
    found = SoftmaxUOT(epsilon=epsilon).order(source, k_max=k)
    logs = softmax_log_masses(similarities(source), epsilon)
    # equal but for the last bits of float64: masses that are sums of the same numbers in another order
    assert np.allclose(logs[found.indices], np.sort(logs)[::-1][:k], rtol=0, atol=1e-9)
    assert np.allclose(found.scores, np.exp(logs[found.indices]), rtol=1e-6)


@pytest.mark.parametrize("epsilon", [1e-4, 1e-3, 0.01, 0.1])
@pytest.mark.parametrize("keep", [0, 300_000, 1 << 27])
def test_large_pools_have_the_naive_order_whatever_is_kept(rng, epsilon, keep):
    source = SimilaritySource(rng.normal(size=(5000, 16)), rng.normal(size=(30, 16)), keep=keep)
    logs = softmax_log_masses(similarities(source), epsilon)
    for k in (1, 1000, 5000):
        found = SoftmaxUOT(epsilon=epsilon).order(source, k_max=k).indices
        if epsilon >= 0.01:
            assert found.tolist() == ranked(logs, k)
        # for small epsilon many masses are 1/m to all digits of float64
        assert np.allclose(logs[found], logs[ranked(logs, k)], rtol=0, atol=1e-11)


def test_equal_candidates_are_in_the_order_of_the_pool(rng):
    pool = np.repeat(rng.normal(size=(700, 8)), 3, axis=0)
    moved = rng.permutation(len(pool))
    source = SimilaritySource(pool[moved], rng.normal(size=(9, 8)))
    found = SoftmaxUOT().order(source).indices
    triples = found.reshape(-1, 3)
    assert (np.diff(moved[triples] // 3, axis=1) == 0).all()
    assert (np.diff(triples, axis=1) > 0).all()


@pytest.mark.parametrize("epsilon", [1e-6, 1e-4, 0.01, 10.0])
def test_masses_sum_to_one_and_are_finite(rng, epsilon):
    for normalize, scale in ((True, 1), (False, 30)):
        source = SimilaritySource(scale * rng.normal(size=(3000, 6)), rng.normal(size=(5, 6)), normalize=normalize)
        masses = source.softmax_mass(epsilon)
        assert np.isfinite(masses).all()
        assert np.isclose(masses.sum(), 1, rtol=1e-5)
        assert np.allclose(masses, np.exp(softmax_log_masses(similarities(source), epsilon)), rtol=1e-5, atol=1e-30)


def test_similarities_that_rise_late_do_not_overflow():
    s = np.concatenate([np.full((2, 2000), -300.0), np.full((2, 500), 300.0)], axis=1)
    s[1] *= -1
    s[:, -1] += 1
    source = source_of_matrix(s)
    for epsilon in (0.5, 0.01):
        logs = softmax_log_masses(s, epsilon)
        assert SoftmaxUOT(epsilon=epsilon).order(source, k_max=30).indices.tolist() == ranked(logs, 30)


def test_hot_votes_are_uniform_and_cold_ones_go_to_the_nearest(rng):
    source = SimilaritySource(rng.normal(size=(500, 6)), rng.normal(size=(8, 6)))
    assert np.allclose(source.softmax_mass(1e9), 1 / 500, rtol=1e-5)
    nearest = np.bincount(source.top(1).indices.ravel(), minlength=500) / 8
    assert np.allclose(source.softmax_mass(1e-7), nearest, atol=1e-3)


def potentials(source, epsilon, lam):
    kept = KeptProducts(source.products, source.keep)
    return semi_relaxed(kept, source.shares, 2 * epsilon, lam, tolerance=1e-9, max_iterations=1000)


@pytest.mark.parametrize("lam", [0.0099, 0.3, 0.7])
@pytest.mark.parametrize("keep", [0, 1 << 27])
def test_the_transport_is_that_of_pot(rng, lam, keep):
    n, m, epsilon = 300, 12, 0.05
    source = SimilaritySource(rng.normal(size=(n, 16)), rng.normal(size=(m, 16)), keep=keep)
    cost = (1 - similarities(source)) / 2
    plan = ot.unbalanced.sinkhorn_unbalanced(
        np.full(m, 1 / m),
        np.full(n, 1 / n),
        cost,
        epsilon,
        (np.inf, epsilon * lam / (1 - lam)),
        stopThr=1e-14,
        numItermax=10_000,
    )
    found = potentials(source, epsilon, lam)
    assert np.allclose(np.exp(found.log_masses), plan.sum(axis=0), rtol=1e-6, atol=0)
    order = SoftmaxUOT(epsilon=epsilon, lam=lam).order(source)
    assert order.indices.tolist() == ranked(plan.sum(axis=0), n)
    assert np.isclose(order.scores.sum(), 1, rtol=1e-12)


def test_repeated_queries_carry_their_mass(rng):
    pool, query = rng.normal(size=(200, 6)), rng.normal(size=(4, 6))
    twice = SimilaritySource(pool, np.concatenate([query, query[:1]]))
    plan = ot.unbalanced.sinkhorn_unbalanced(
        np.array([0.4, 0.2, 0.2, 0.2]),
        np.full(200, 1 / 200),
        (1 - similarities(SimilaritySource(pool, query))) / 2,
        0.05,
        (np.inf, 0.05),
        stopThr=1e-14,
        numItermax=10_000,
    )
    assert twice.products.u == 4
    assert np.allclose(np.exp(potentials(twice, 0.05, 0.5).log_masses), plan.sum(axis=0), rtol=1e-6)


@pytest.mark.parametrize("lam", [0.0, 0.5])
def test_a_tiny_epsilon_is_finite(rng, lam):
    source = SimilaritySource(rng.normal(size=(400, 6)), rng.normal(size=(5, 6)))
    assert np.isfinite(SoftmaxUOT(epsilon=1e-4, lam=lam).order(source).scores).all()


def test_no_penalty_is_the_limit_of_a_small_one(rng):
    source = SimilaritySource(rng.normal(size=(400, 6)), rng.normal(size=(5, 6)))
    masses = np.exp(potentials(source, 0.05, 1e-9).log_masses)
    assert np.allclose(masses, source.softmax_mass(0.05), rtol=1e-6)


def test_a_full_penalty_tells_nothing_apart_and_a_large_one_little():
    s = np.array([[0.9, 0.8, 0.1, 0.0], [0.7, 0.85, 0.2, 0.6]])
    with pytest.raises(InvalidInputError, match="with 1 all candidates receive the same"):
        SoftmaxUOT(lam=1.0)
    scores = SoftmaxUOT(lam=0.999, max_iterations=100_000).order(source_of_matrix(s)).scores
    assert np.allclose(scores, 0.25, atol=0.01)


def test_iterations_that_are_cut_short_warn(rng):
    source = SimilaritySource(rng.normal(size=(50, 6)), rng.normal(size=(5, 6)))
    with pytest.warns(ConvergenceWarning, match="in iteration 2, more than `tolerance`"):
        SoftmaxUOT(lam=0.9, max_iterations=2).order(source)


@pytest.mark.parametrize(
    "options", [{"epsilon": 0}, {"epsilon": -1}, {"lam": -0.1}, {"tolerance": 0}, {"max_iterations": 0}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(options))}`"):
        SoftmaxUOT(**options)
