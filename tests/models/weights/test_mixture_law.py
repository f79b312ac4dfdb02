"""Check Q: where a model is linear and the loss a square, what interpolation is beside training on the mixture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from continuum.models import CheckpointPath

SHARE = (0.0, 0.25, 0.5, 1.0)


def fit(x, y, weights):
    """Weighted least squares."""
    return np.linalg.solve(x.T @ (weights[:, None] * x), x.T @ (weights[:, None] * y))


def path_between(minus, plus):
    return CheckpointPath([{"w": torch.as_tensor(minus)}, {"w": torch.as_tensor(plus)}])


@pytest.mark.parametrize("share", SHARE)
def test_q_with_one_design_the_path_is_the_fit_to_every_mixture(rng, share):
    x, plus, minus = rng.normal(size=(30, 4)), rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    ones = np.ones(30)
    path = path_between(fit(x, minus, ones), fit(x, plus, ones))
    both = np.concatenate([share * ones, (1 - share) * ones])
    mixed = fit(np.concatenate([x, x]), np.concatenate([plus, minus]), both)
    np.testing.assert_allclose(path.at(share)["w"].numpy(), mixed, rtol=0, atol=1e-6)


def test_q_with_two_designs_the_fit_is_a_mean_with_matrix_weights_and_off_the_path(rng):
    x, z = rng.normal(size=(30, 4)), rng.normal(size=(30, 4)) * [1, 2, 3, 4]
    plus, minus, ones = rng.normal(size=(30, 2)), rng.normal(size=(30, 2)), np.ones(30)
    ends = fit(z, minus, ones), fit(x, plus, ones)
    mixed = fit(np.concatenate([x, z]), np.concatenate([plus, minus]), np.ones(60))
    expected = np.linalg.solve(x.T @ x + z.T @ z, x.T @ x @ ends[1] + z.T @ z @ ends[0])
    np.testing.assert_allclose(mixed, expected, rtol=0, atol=1e-12)
    nearest = min(np.abs(path_between(*ends).at(t)["w"].numpy() - mixed).max() for t in np.linspace(0, 1, 101))
    assert nearest > 0.01


def test_p_a_convex_loss_of_a_linear_model_has_no_barrier(rng):
    x, y, ones = rng.normal(size=(40, 4)), rng.normal(size=(40, 2)), np.ones(20)
    path = path_between(fit(x[:20], y[:20], ones), fit(x[20:], y[20:], ones))
    losses = [float(np.square(x @ path.at(t)["w"].numpy() - y).mean()) for t in np.linspace(0, 1, 11)]
    chord = np.linspace(losses[0], losses[-1], 11)
    assert (np.array(losses) - chord).max() <= 1e-7
