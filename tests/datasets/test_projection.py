"""Projection onto the simplex: exact minimisers, a certificate, and agreement with non-negative least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from continuum.core import InvalidInputError
from continuum.datasets import project_onto_simplex
from continuum.testing import exact

SEEDS = st.integers(0, 2**32 - 1)


def assert_certified(found, gram):
    a, unit = np.array(found.weights), max(np.abs(gram).max(), 1e-300)
    assert (a >= 0).all()
    assert a.sum() == pytest.approx(1, abs=1e-12)
    assert found.squared == pytest.approx(max(a @ gram @ a, 0), abs=1e-12 * unit)
    assert found.converged
    assert 0 <= found.kkt_gap <= 1e-9 * unit
    assert ((gram @ a) >= a @ gram @ a - 1e-9 * unit).all()
    assert found.squared <= np.diag(gram).min() + 1e-9 * unit


@given(seed=SEEDS, k=st.integers(1, 10))
def test_a_diagonal_form_has_the_closed_form(seed, k):
    known = exact.simplex_quadratic(np.random.default_rng(seed), k)
    found = project_onto_simplex(known.gram)
    assert found.weights == pytest.approx(known.weights, rel=1e-9)
    assert found.squared == pytest.approx(known.value, rel=1e-12)
    assert_certified(found, known.gram)


@given(
    seed=SEEDS,
    m=st.integers(1, 12),
    d=st.integers(1, 8),
    offset=st.sampled_from([0.0, 3.0]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    copies=st.booleans(),
)
def test_the_shortest_vector_of_a_hull_is_that_of_least_squares(seed, m, d, offset, scale, copies):
    rng = np.random.default_rng(seed)
    vectors = scale * (rng.normal(size=(d, m)) + offset)
    if copies:
        vectors = vectors[:, rng.integers(0, m, size=m)]
    found = project_onto_simplex(vectors.T @ vectors)
    assert_certified(found, vectors.T @ vectors)
    penalty = 1e4 * np.abs(vectors).max()
    a, _ = nnls(np.vstack([vectors, np.full((1, m), penalty)]), np.append(np.zeros(d), penalty))
    rival = np.sum((vectors @ a / a.sum()) ** 2)
    assert found.squared <= rival + 1e-9 * np.abs(vectors).max() ** 2


def test_one_vertex_takes_all():
    found = project_onto_simplex([[4.0]])
    assert found.weights == (1.0,)
    assert found.squared == 4


def test_a_vertex_at_the_origin_takes_all():
    found = project_onto_simplex([[0.0, 0.0], [0.0, 5.0]])
    assert found.weights == (1.0, 0.0)
    assert (found.squared, found.kkt_gap) == (0, 0)


def test_an_interior_origin_is_reached():
    triangle = np.array([[1, 0], [-0.5, 3**0.5 / 2], [-0.5, -(3**0.5) / 2]])
    found = project_onto_simplex(triangle @ triangle.T)
    assert found.weights == pytest.approx([1 / 3] * 3)
    assert found.squared == pytest.approx(0, abs=1e-15)


def test_copies_of_a_vertex_may_split_its_weight_but_not_change_the_value():
    gram = np.array([[1.0, 0.2], [0.2, 3.0]])
    places = [0, 1, 0, 1, 0]
    once, often = project_onto_simplex(gram), project_onto_simplex(gram[np.ix_(places, places)])
    assert often.squared == pytest.approx(once.squared, rel=1e-12)
    assert sum(a for a, place in zip(often.weights, places, strict=True) if place == 0) == pytest.approx(
        once.weights[0]
    )


def test_nothing_but_zeros_is_any_point_of_the_simplex():
    found = project_onto_simplex(np.zeros((3, 3)))
    assert sum(found.weights) == 1
    assert (found.squared, found.converged) == (0, True)


def test_order_of_the_vertices_permutes_the_weights(rng):
    vectors = rng.normal(size=(6, 4)) + 1
    gram, order = vectors.T @ vectors, rng.permutation(4)
    weights = np.array(project_onto_simplex(gram).weights)
    assert project_onto_simplex(gram[np.ix_(order, order)]).weights == pytest.approx(weights[order], abs=1e-12)


@pytest.mark.parametrize(
    ("gram", "says"),
    [
        ([[1.0, 2.0, 3.0]], r"`gram` must be square, got shape \(1, 3\)"),
        ([[1.0, 2.0], [0.0, 1.0]], "`gram` must be symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "positive semi-definite, its smallest eigenvalue is -1"),
        ([[np.nan]], "`gram` has 1 NaN"),
        (np.zeros((0, 0)), "`gram` is empty"),
    ],
    ids=str,
)
def test_what_is_no_gram_matrix_is_refused(gram, says):
    with pytest.raises(InvalidInputError, match=says):
        project_onto_simplex(gram)


def test_vertices_of_very_different_lengths_are_projected_exactly():
    found = project_onto_simplex(np.diag([1e12, 1.0, 1.0]))
    assert found.converged
    assert found.squared == pytest.approx(0.5, rel=1e-9)
    np.testing.assert_allclose(found.weights, [5e-13, 0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize("unit", [1e308, 1.0, 1e-300])
def test_the_unit_of_the_gram_matrix_does_not_matter(unit):
    found = project_onto_simplex(np.eye(3) * unit)
    assert found.converged
    assert found.squared / unit == pytest.approx(1 / 3)


def test_columns_of_all_scales_end_at_a_certified_minimum(rng):
    for _ in range(300):
        m = int(rng.integers(2, 7))
        moves = rng.normal(size=(8, m)) * 10.0 ** rng.uniform(-4, 4, m)
        found = project_onto_simplex(moves.T @ moves)
        gram = moves.T @ moves
        a = np.array(found.weights)
        assert found.converged
        assert a @ gram @ a - (gram @ a).min() <= 1e-8 * (a @ gram @ a) + 1e-12 * (np.abs(gram) @ a).min()
