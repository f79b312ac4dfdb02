"""The map that a plan suggests: where a point is sent, on average."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from continuum.core import IncompatibleError, InvalidInputError
from continuum.measures import Sinkhorn, SquaredEuclidean, barycentric_projection, solve
from continuum.testing import exact


def test_a_matching_sends_each_point_to_its_partner_bit_for_bit(rng):
    known = exact.permutation(rng, n=30)
    image = barycentric_projection(solve(SquaredEuclidean(known.x, known.y)), known.y)
    partner = known.plan.argmax(1)
    assert image.numpy().tobytes() == known.y[partner].tobytes()


@pytest.mark.parametrize("epsilon", [None, 0.05, 5.0])
def test_the_map_is_the_mean_of_the_plan_and_keeps_the_mean_of_the_target(rng, epsilon):
    known = exact.sorted_line(rng, 9, 6)
    solver = None if epsilon is None else Sinkhorn(epsilon)
    plan = solve(SquaredEuclidean(known.x, known.y), known.a, known.b, solver=solver)
    image = barycentric_projection(plan, known.y).numpy()
    coupling = plan.coupling.toarray() if epsilon is None else plan.coupling.numpy()
    np.testing.assert_allclose(image, coupling @ known.y / known.a[:, None], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(known.a @ image, known.b @ known.y, atol=1e-12)


def test_a_blurred_plan_shrinks_the_image_toward_the_mean(rng):
    x, y = rng.normal(size=(2, 20, 2))
    spreads = []
    for solver in (None, Sinkhorn(1.0), Sinkhorn(10.0), Sinkhorn(1e6)):
        spreads.append(float(barycentric_projection(solve(SquaredEuclidean(x, y), solver=solver), y).var(0).sum()))
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] == pytest.approx(0, abs=1e-6)


def test_tiny_masses_divide_out():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = solve([[0.0, 1.0], [1.0, 0.0]], [1e-300, 1.0], [1e-300, 1.0])
    assert barycentric_projection(plan, [[5.0], [7.0]]).tolist() == [[5.0], [7.0]]


def test_tensors_arrays_and_lists_carry_alike():
    plan = solve([[0.0, 1.0], [1.0, 0.0]])
    for values in ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), torch.tensor([[1, 2], [3, 4]])):
        assert barycentric_projection(plan, values).tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("solver", [None, Sinkhorn(0.1)])
def test_a_point_without_mass_is_sent_nowhere(solver):
    plan = solve(np.eye(2), [1.0, 0.0], solver=solver)
    with pytest.raises(InvalidInputError, match="source point 1 has no mass"):
        barycentric_projection(plan, np.zeros((2, 1)))


def test_values_must_belong_to_the_target_points():
    with pytest.raises(IncompatibleError, match="the plan has 3 target points, `values` has 2 rows"):
        barycentric_projection(solve(np.zeros((2, 3))), np.zeros((2, 1)))
