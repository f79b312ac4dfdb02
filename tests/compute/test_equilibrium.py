"""Models with an equilibrium inside: exact gradients, one function in training and evaluation, spread of particles."""

import warnings
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from maps import polygon
from torch import nn

from continuum.compute import (
    DEQ,
    Anderson,
    Budget,
    BudgetPath,
    Clouds,
    DistributionalDEQ,
    FixedPointProblem,
    Implicit,
    Iterations,
    Phantom,
    Picard,
    PointCloudBatch,
    Unrolled,
    jacobian_penalty,
    spread,
)
from continuum.core import ConvergenceWarning, InvalidInputError

EXACT = Budget(Picard(), 1e-14, 2000)


class Cell(nn.Module):
    """tanh(W z + x), with a W of a spectral norm."""

    def __init__(self, p=4, norm=0.7, seed=0):
        super().__init__()
        w = torch.randn(p, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        self.w = nn.Parameter(norm * w / torch.linalg.matrix_norm(w, 2))

    def forward(self, z, x):
        return torch.tanh(z @ self.w.T + x)


class Linear(nn.Module):
    """W z + b + x."""

    def __init__(self, w, b):
        super().__init__()
        self.w, self.b = nn.Parameter(w), nn.Parameter(b)

    def forward(self, z, x):
        return z @ self.w.T + self.b + x


def inputs(samples=3, p=4, seed=1):
    return torch.randn(samples, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(backward, norm=0.7, budget=EXACT):
    cell, x = Cell(norm=norm), inputs().requires_grad_()
    layer = DEQ(cell, budget=budget, backward=backward)
    (layer(x) * inputs(seed=2)).sum().backward()
    return torch.cat([cell.w.grad.flatten(), x.grad.flatten()])


def test_the_implicit_gradient_is_the_unrolled_one():
    oracle = gradients(Unrolled(), budget=Budget(max_iter=300))
    torch.testing.assert_close(gradients(Implicit(tolerance=1e-13)), oracle, rtol=1e-10, atol=1e-11)


def test_the_implicit_gradient_is_that_of_finite_differences():
    cell, x, weights = Cell(), inputs(), inputs(seed=2)
    layer = DEQ(cell, budget=EXACT, backward=Implicit(tolerance=1e-13))
    (layer(x) * weights).sum().backward()
    step = 1e-6
    with torch.no_grad():
        for place in [(0, 0), (1, 3), (2, 2)]:
            values = []
            for sign in (1, -1):
                cell.w[place] += sign * step
                values.append((layer(x) * weights).sum())
                cell.w[place] -= sign * step
            assert float(cell.w.grad[place]) == pytest.approx(float(values[0] - values[1]) / (2 * step), rel=1e-6)


def test_the_gradient_of_an_affine_equilibrium_is_the_transposed_inverse():
    w = 0.9 * torch.linalg.qr(inputs(4, 4)).Q
    cell = Linear(w, torch.ones(4, dtype=torch.float64))
    layer = DEQ(cell, budget=Budget(Anderson(5), 1e-13, 200), backward=Implicit(tolerance=1e-13))
    g = inputs(1)
    (layer(torch.zeros(1, 4, dtype=torch.float64)) * g).sum().backward()
    torch.testing.assert_close(cell.b.grad, torch.linalg.solve((torch.eye(4) - w).mT, g[0]), rtol=1e-9, atol=1e-9)


def test_the_error_of_phantom_gradients_decays_with_the_powers_of_the_jacobian():
    w = 0.6 * torch.linalg.qr(inputs(4, 4)).Q
    errors = []
    for steps in (2, 4, 6, 8):
        cell = Linear(w.clone(), torch.ones(4, dtype=torch.float64))
        layer = DEQ(cell, budget=EXACT, backward=Phantom(steps))
        g = inputs(1)
        (layer(torch.zeros(1, 4, dtype=torch.float64)) * g).sum().backward()
        errors.append(float((cell.b.grad - torch.linalg.solve((torch.eye(4) - w).mT, g[0])).norm()))
    ratios = [b / a for a, b in pairwise(errors)]
    assert all(ratio == pytest.approx(0.36, rel=1e-6) for ratio in ratios)  # an orthogonal matrix, times 0.6


@pytest.mark.parametrize("backward", [Phantom(1), Phantom(3), Phantom(2, damping=0.5), Implicit()], ids=str)
def test_training_and_evaluation_are_one_function(backward):
    layer, x = DEQ(Cell(), budget=Budget(Picard(), 1e-3, 20), backward=backward), inputs()
    trained = layer.train()(x)
    with torch.no_grad():
        evaluated = layer.eval()(x)
    torch.testing.assert_close(trained, evaluated, rtol=1e-14, atol=1e-14)


def test_where_the_linear_system_is_not_solved_the_gradient_is_a_phantom_and_says_so():
    cell, x = Cell(norm=0.9), inputs()
    fallback = Phantom(4)
    layer = DEQ(cell, budget=EXACT, backward=Implicit(Picard(), tolerance=1e-12, max_iter=3, fallback=fallback))
    with pytest.warns(ConvergenceWarning, match="the gradients of 3 of 3 samples are those of Phantom"):
        (layer(x) * inputs(seed=2)).sum().backward()
    assert layer.backward_report.fell_back.all()
    found = cell.w.grad.clone()
    cell.w.grad = None
    (DEQ(cell, budget=EXACT, backward=fallback)(x) * inputs(seed=2)).sum().backward()
    # The phantom unrolls F at the state, the fallback its Jacobian there: alike, since the state is fixed.
    torch.testing.assert_close(found, cell.w.grad, rtol=1e-8, atol=1e-8)


def test_the_value_is_that_of_the_first_application_where_later_ones_overflow():
    problem = FixedPointProblem(torch.exp, torch.full((1, 1), 5.0))
    once, many = (
        Phantom(steps).equilibrium(problem, Budget(Picard(), 0.0, 1), lambda report: None)[0] for steps in (1, 6)
    )
    assert torch.equal(once, many)
    assert torch.isfinite(many).all()


def test_where_the_state_is_no_fixed_point_the_gradient_is_a_phantom_and_says_so():
    cell = Cell()
    layer = DEQ(cell, budget=Budget(Picard(), 1e-14, 2), backward=Implicit())
    with pytest.warns(ConvergenceWarning, match="their states are no fixed points"):
        (layer(inputs()) * inputs(seed=2)).sum().backward()
    assert layer.backward_report.fell_back.all()


def test_a_damped_fallback_is_the_damped_phantom():
    w = 0.6 * torch.linalg.qr(inputs(4, 4)).Q
    found = []
    for backward in (Phantom(3, 0.5), Implicit(Picard(), 1e-12, max_iter=1, fallback=Phantom(3, 0.5))):
        cell = Linear(w.clone(), torch.ones(4, dtype=torch.float64))
        value = (DEQ(cell, budget=EXACT, backward=backward)(torch.zeros(1, 4, dtype=torch.float64)) * inputs(1)).sum()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            value.backward()
        found.append(cell.b.grad)
    torch.testing.assert_close(*found, rtol=1e-8, atol=1e-9)


def test_divergence_is_said_by_models_too():
    class Growing(nn.Module):
        def forward(self, z, x):
            return 3 * z + x

    layer = DEQ(Growing(), budget=Budget(Picard(), 1e-4, 20))
    with pytest.warns(ConvergenceWarning, match="2 of 2 samples diverged"):
        layer(torch.ones(2, 3))
    with pytest.warns(ConvergenceWarning, match="2 of 2 samples diverged"):
        BudgetPath(layer, Iterations(1, 20)).at(1.0)(torch.ones(2, 3))


def test_inputs_and_gradients_that_are_not_finite_are_refused():
    layer = DEQ(Cell(), budget=EXACT, backward=Implicit())
    with pytest.raises(InvalidInputError, match="inputs have NaN"):
        layer(torch.full((1, 4), torch.nan, dtype=torch.float64))
    with pytest.raises(InvalidInputError, match="gradient that arrives"):
        (layer(inputs()) * torch.nan).sum().backward()


def test_a_map_that_ignores_its_state_has_the_gradient_of_its_value():
    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.b = nn.Parameter(torch.ones(4, dtype=torch.float64))

        def forward(self, z, x):
            return x + self.b

    cell = Shift()
    DEQ(cell, budget=EXACT, backward=Implicit())(inputs()).sum().backward()
    assert cell.b.grad.tolist() == [3.0] * 4
    assert float(jacobian_penalty(lambda z: inputs(), inputs(), np.random.default_rng(0))) == 0
    frozen = DEQ(Shift().requires_grad_(False), budget=EXACT, backward=Implicit())
    assert not frozen(inputs()).requires_grad


def test_a_batch_mate_does_not_change_the_order_or_the_gradient_of_a_sample():
    corners, rotation = polygon(5)

    def gradient(z):
        scale = torch.ones(len(z), dtype=torch.float64, requires_grad=True)

        def f(state):
            turned = state @ rotation.T
            still = 0.5 * state + scale[:, None, None]
            return torch.where(torch.arange(len(state))[:, None, None] == 1, turned, still)

        problem = FixedPointProblem(f, z, Clouds())
        out, _ = Phantom(3).equilibrium(problem, Budget(Picard(), 1e-9, 4), lambda report: None)
        (out[0] * torch.arange(10.0).reshape(5, 2)).sum().backward()
        return out[0].detach(), scale.grad[0]

    points = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alone, together = gradient(points), gradient(torch.cat([points, corners[None]]))
    torch.testing.assert_close(alone, together)


def test_gradients_of_gradients_are_refused():
    cell, x = Cell(), inputs().requires_grad_()
    value = DEQ(cell, budget=EXACT, backward=Implicit())(x).sum()
    with pytest.raises(InvalidInputError, match="use Unrolled"):
        torch.autograd.grad(value, x, create_graph=True)


def test_memory_of_a_step_does_not_grow_with_the_iterations():
    held = []
    for steps in (2, 40):
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, kept=kept: kept.append(t.nbytes) or t, lambda t: t):
            DEQ(Cell(), budget=Budget(Picard(), 0.0, steps), backward=Phantom(1))(inputs())
        held.append(sum(kept))
    assert held[0] == held[1]


def test_the_aligned_gradient_is_right_where_corners_change_places():
    """A polygon that is turned by one corner and drawn to a radius: a fixed measure, and no fixed vector."""
    corners, rotation = polygon(5)

    def loss_of(radius, backward):
        def f(z):
            return 0.5 * z @ rotation.T + 0.5 * radius * (z / z.norm(dim=-1, keepdim=True)) @ rotation.T

        problem = FixedPointProblem(f, 2.0 * corners[None], Clouds())
        z, found = backward.equilibrium(problem, Budget(Picard(), 1e-12, 200), lambda report: None)
        assert found.converged
        return (z**2).sum()

    radius = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    value = loss_of(radius, Implicit(tolerance=1e-12))
    value.backward()
    assert float(value.detach()) == pytest.approx(5 * 1.5**2, rel=1e-9)  # |z| = radius at all five corners
    assert float(radius.grad) == pytest.approx(10 * 1.5, rel=1e-7)


def test_the_penalty_is_the_mean_square_of_the_jacobian():
    cell = Linear(0.5 * inputs(4, 4), torch.zeros(4, dtype=torch.float64))
    values = [
        float(jacobian_penalty(lambda z: cell(z, 0.0), inputs(8), np.random.default_rng(seed)).detach())
        for seed in range(400)
    ]
    assert np.mean(values) == pytest.approx(float(cell.w.detach().square().sum() / 4), rel=0.05)


def test_the_penalty_can_be_minimised():
    cell = Linear(0.5 * inputs(4, 4), torch.zeros(4, dtype=torch.float64))
    jacobian_penalty(lambda z: cell(z, 0.0), inputs(8), np.random.default_rng(0)).backward()
    assert torch.isfinite(cell.w.grad).all()
    assert cell.w.grad.abs().sum() > 0


@dataclass(frozen=True, eq=False)
class Means:
    """The barycentres of a batch as its context."""

    means: torch.Tensor

    def index(self, rows):
        return replace(self, means=self.means[rows])


class Pull(nn.Module):
    """Particles are drawn half way to the barycentre of the input, and to their marks."""

    def __init__(self, marks):
        super().__init__()
        self.register_buffer("marks", marks)
        self.encoded = 0

    def encode(self, clouds):
        self.encoded += 1
        return Means(clouds.mean)

    def start(self, context):
        particles = torch.arange(8.0).reshape(4, 2)
        return particles.to(context.means).expand(len(context.means), -1, -1)

    def step(self, z, context):
        drawn = 0.5 * z + 0.5 * context.means[:, None]
        return drawn if self.marks is None else drawn + self.marks[: z.shape[1]]


class Mean(nn.Module):
    def forward(self, z, context):
        return z.mean(1)

    def probabilities(self, output):
        return output


MARKS = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
CLOUDS = PointCloudBatch.from_list([torch.ones(3, 2), torch.tensor([[2.0, 0.0], [4.0, 2.0]])])


def test_particles_that_nothing_tells_apart_end_in_one_point():
    found = DistributionalDEQ(Pull(None), Mean(), budget=Budget(Picard(), 1e-7, 100)).equilibrium(CLOUDS)
    assert (found.spread < 1e-5).all()
    torch.testing.assert_close(found.output, CLOUDS.mean)


def test_marks_keep_particles_apart():
    found = DistributionalDEQ(Pull(MARKS), Mean(), budget=Budget(Picard(), 1e-7, 100)).equilibrium(CLOUDS)
    assert (found.spread > 0.05).all()
    torch.testing.assert_close(found.solution.image, CLOUDS.mean[:, None] + 2 * MARKS, atol=1e-5, rtol=1e-5)


def test_an_input_is_encoded_once():
    network = Pull(MARKS)
    DistributionalDEQ(network, Mean(), budget=Budget(Picard(), 1e-7, 100))(CLOUDS)
    assert network.encoded == 1


def test_spread_is_known_for_a_point_and_for_a_centred_cloud():
    assert spread(torch.ones(1, 4, 2)).tolist() == [0.0]
    assert spread(torch.zeros(1, 4, 2)).tolist() == [0.0]
    torch.testing.assert_close(spread(MARKS[None]), torch.ones(1))
