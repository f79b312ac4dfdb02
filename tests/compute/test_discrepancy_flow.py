"""The flow of the discrepancy: closed forms on the line, slopes, and what it keeps."""

import pytest
import torch
from maps import affine

from continuum.compute import Clouds, Euler, Momentum, Polyak, WassersteinFlow, solve_fixed_point
from continuum.core import InvalidInputError
from continuum.measures import Gaussian, Laplace, Riesz, mmd2

pytestmark = pytest.mark.filterwarnings("ignore::continuum.core.errors.ConvergenceWarning")


def diracs(a, b):
    """One particle at a, and a map that sends everything to b."""
    target = torch.tensor([[[float(b)]]], dtype=torch.float64)
    return lambda z: target.expand_as(z), torch.tensor([[[float(a)]]], dtype=torch.float64)


def path_of(f, z, solver, steps):
    """The points at which F is evaluated."""
    seen = []

    def watched(state):
        seen.append(float(state.detach()))
        return f(state)

    solve_fixed_point(watched, z, solver=solver, tolerance=0, max_iter=steps)
    return seen


def test_a_particle_walks_towards_another_in_steps_of_one_size_and_then_swings():
    f, z = diracs(0.0, 1.0)
    walk = path_of(f, z, WassersteinFlow(Euler(0.3)), 12)
    assert walk[:4] == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert all(abs(place - 1) <= 0.3 for place in walk[4:])
    assert max(abs(place - 1) for place in walk[4:]) > 0.05


def test_the_polyak_step_lands_exactly():
    f, z = diracs(-3.0, 2.5)
    assert path_of(f, z, WassersteinFlow(Polyak()), 2) == [-3.0, 2.5]


def test_momentum_adds_the_step_before():
    f, z = diracs(0.0, 10.0)
    walk = path_of(f, z, WassersteinFlow(Momentum(0.5, 0.8)), 4)
    assert walk == pytest.approx([0.0, 0.5, 0.5 + 0.5 + 0.4, 1.4 + 0.5 + 0.8 * 0.9])


@pytest.mark.parametrize("kernel", [Riesz(), Gaussian(1.0), Laplace(1.0)], ids=["riesz", "gaussian", "laplace"])
def test_a_small_step_lowers_the_discrepancy_by_its_slope(kernel):
    f = affine(2, 3, 0.6)
    z = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    size = 1e-5
    flow = WassersteinFlow(Euler(size), kernel=kernel)
    step = flow.step(f, z, flow.start(z), Clouds())
    velocity = (step.ahead - z) / size
    before, after = (mmd2(x, f(x), kernel=kernel) / 2 for x in (z, step.ahead))
    slope = velocity.square().sum(-1).mean(-1)
    torch.testing.assert_close((before - after) / size, slope, rtol=0.01, atol=0)


def test_the_velocity_is_the_derivative_of_the_discrepancy_through_f():
    f = affine(2, 3, 0.6)
    z = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_()
    (mmd2(z, torch.tanh(f(z))) / 2).sum().backward()
    flow = WassersteinFlow(Euler(1.0))
    step = flow.step(lambda x: torch.tanh(f(x)), z.detach(), flow.start(z.detach()), Clouds())
    torch.testing.assert_close(step.ahead - z.detach(), -4 * z.grad, atol=1e-12, rtol=1e-10)


def test_the_flow_comes_to_the_fixed_measure_of_a_contraction():
    f = affine(1, 2, 0.5)
    z = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = solve_fixed_point(f, z, solver=WassersteinFlow(), tolerance=1e-3, max_iter=2000)
    assert found.mmd2 < 1e-3 * mmd2(z, f(z))
    torch.testing.assert_close(found.state, f.fixed[:, None].expand_as(z), atol=0.05, rtol=0.05)


def test_noise_is_that_of_the_seed_and_the_same_for_all_samples():
    f, z = affine(2, 2, 0.5), torch.zeros(2, 3, 2, dtype=torch.float64)
    f.b[1], f.a[1] = f.b[0], f.a[0]
    one, again, other = (
        solve_fixed_point(f, z, solver=WassersteinFlow(noise=0.5, seed=seed), max_iter=5).last for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(one[0], one[1])


def test_particles_without_mass_stay_where_they_are():
    f, z = affine(1, 2, 0.5), torch.randn(1, 4, 2, dtype=torch.float64)
    weights = torch.tensor([[0.5, 0.5, 0.0, 0.0]], dtype=torch.float64)
    flow = WassersteinFlow(Euler(0.1), noise=0.2)
    step = flow.step(f, z, flow.start(z), Clouds(weights))
    assert torch.equal(step.ahead[:, 2:], z[:, 2:])
    alone = flow.step(f, z[:, :2], flow.start(z[:, :2]), Clouds())
    assert step.ahead.shape == z.shape
    assert torch.isfinite(alone.ahead).all()


@pytest.mark.parametrize("wrong", [lambda: Euler(0), lambda: Momentum(decay=1.0), lambda: Polyak(-1)])
def test_wrong_steps_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        wrong()
