"""The networks inside of equilibrium models: every network with its head, both ways, and budgets of them."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from continuum.compute import (
    AnchoredNetwork,
    Anderson,
    Anytime,
    AtEquilibrium,
    Broyden,
    Budget,
    BudgetPath,
    Changes,
    ClassificationHead,
    Clouds,
    CompletionHead,
    CompletionNetwork,
    Damped,
    DistributionalDEQ,
    Implicit,
    InputPoints,
    Iterations,
    LocalNetwork,
    MaxHead,
    PaperNetwork,
    Particles,
    Phantom,
    Picard,
    PointCloudBatch,
    PointHead,
    Vectors,
    WassersteinFlow,
    WeightTied,
    jacobian_penalty,
)
from continuum.core import InvalidInputError

pytestmark = pytest.mark.filterwarnings("ignore::continuum.core.errors.ConvergenceWarning")

BUDGET = Budget(Picard(), 1e-4, 30)


def model(kind, **options):
    network, head = {
        "paper": lambda: (PaperNetwork(2, width=32, heads=4, hidden=32), MaxHead(32, 3)),
        "anchored": lambda: (AnchoredNetwork(2, width=32), ClassificationHead(32, 3)),
        "local": lambda: (LocalNetwork(radius=1.0, dimension=2), PointHead(32)),
        "completion": lambda: (CompletionNetwork(2, width=32, particles=6), CompletionHead(32, 2)),
    }[kind]()
    return DistributionalDEQ(network, head, **{"budget": BUDGET, **options}).double()


def clouds(counts=(5, 9, 1)):
    generator = torch.Generator().manual_seed(0)
    return PointCloudBatch.from_list([torch.rand(m, 2, generator=generator, dtype=torch.float64) for m in counts])


KINDS = ["paper", "anchored", "local", "completion"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backward", [Phantom(1), Phantom(3), Implicit()], ids=["phantom", "phantom3", "implicit"])
def test_every_network_has_an_equilibrium_with_gradients(kind, backward):
    deq = model(kind, backward=backward)
    found = deq.equilibrium(clouds())
    assert torch.isfinite(found.output).all()
    found.output.square().sum().backward()
    missing = [name for name, part in deq.named_parameters() if part.grad is None]
    # The start has no influence on an equilibrium.
    assert all("first" in name or "particles" in name for name in missing), missing


@pytest.mark.parametrize("kind", KINDS)
def test_a_cloud_has_the_same_equilibrium_alone_and_in_a_batch(kind):
    deq, batch = model(kind), clouds()
    together = deq.equilibrium(batch)
    for i, cloud in enumerate(batch.clouds()):
        alone = deq.equilibrium(PointCloudBatch.from_list([cloud]))
        rows = slice(0, len(cloud)) if kind == "local" else slice(None)
        torch.testing.assert_close(alone.output[0], together.output[i][rows], atol=1e-9, rtol=1e-9)
        assert alone.solution.evaluations[0] == together.solution.evaluations[i]


def test_particles_tied_to_points_are_not_exchangeable():
    assert isinstance(model("local").problem(clouds()).space, Vectors)
    assert isinstance(model("paper").problem(clouds()).space, Clouds)
    assert model("local").equilibrium(clouds()).spread.isnan().all()


def test_anchors_keep_particles_apart_and_without_them_they_meet():
    apart = model("anchored", budget=Budget(Picard(), 0.0, 300)).equilibrium(clouds())
    plain = DistributionalDEQ(
        AnchoredNetwork(2, width=32, anchors=False), ClassificationHead(32, 3), budget=Budget(Picard(), 0.0, 300)
    ).double()
    assert (apart.spread > 1e-3).all()
    assert (plain.equilibrium(clouds()).spread < 1e-5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_jacobian_penalty_can_be_minimised_through_attention(kind):
    deq = model(kind)
    problem = deq.problem(clouds())
    jacobian_penalty(problem.f, problem.start, np.random.default_rng(0)).backward()
    assert any(part.grad is not None and part.grad.abs().sum() > 0 for part in deq.parameters())


def test_a_network_of_fixed_depth_is_a_whole_budget_of_iterations():
    deq, batch = model("anchored"), clouds()
    path = BudgetPath(deq, Iterations(1, 16))
    tied = WeightTied(deq.network, deq.head, steps=4)
    torch.testing.assert_close(path.at(path.at_budget(4))(batch), tied(batch).detach())


def test_all_particles_and_all_points_are_the_whole_model():
    deq, batch = model("anchored"), clouds()
    whole = deq(batch).detach()
    torch.testing.assert_close(BudgetPath(deq, Particles((1, 4, 8))).at(1.0)(batch), whole)
    torch.testing.assert_close(BudgetPath(deq, InputPoints((2, 9))).at(1.0)(batch), whole)


def test_fewer_particles_are_the_first_ones():
    found = BudgetPath(model("anchored"), Particles((1, 4, 8))).at(3 / 7).equilibrium(clouds())
    assert found.solution.state.shape[1] == 4
    assert BudgetPath(model("anchored"), Particles((1, 8))).at(0.0).equilibrium(clouds()).spread.max() == 0
    with pytest.raises(InvalidInputError, match="`particles` must be between 1 and 8"):
        BudgetPath(model("anchored"), Particles((1, 9))).at(1.0)(clouds())


def test_per_input_stopping_is_that_of_each_input_alone():
    deq, batch = model("local"), clouds((5, 9, 12))
    member = BudgetPath(deq, Changes(0.1, 1e-3, 60)).at(1.0)
    together = member.equilibrium(batch)
    for i, cloud in enumerate(batch.clouds()):
        alone = member.equilibrium(PointCloudBatch.from_list([cloud]))
        assert alone.solution.evaluations[0] == together.solution.evaluations[i]


def test_the_flow_lowers_the_discrepancy_of_the_paper_network():
    deq = model("paper", budget=Budget(WassersteinFlow(), 1e-6, 40))
    found = deq.equilibrium(clouds()).solution
    assert (
        found.mmd2
        < 0.5 * Clouds().mmd2(deq.problem(clouds()).start, deq.problem(clouds()).f(deq.problem(clouds()).start))
    ).all()


@pytest.mark.parametrize("objective", [Anytime(2, 2), AtEquilibrium(0.1, share=1.0)], ids=["anytime", "equilibrium"])
def test_objectives_reach_all_that_is_trained(objective):
    deq, batch = model("anchored"), clouds()
    targets = torch.tensor([0, 1, 2])
    value = objective.loss(deq, batch, targets, torch.nn.functional.cross_entropy, np.random.default_rng(0))
    value.backward()
    assert torch.isfinite(value)
    assert all(part.grad is None or torch.isfinite(part.grad).all() for part in deq.parameters())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-4)], ids=["f64", "f32"])
def test_the_order_of_points_does_not_matter_to_outputs_and_gradients(dtype, tolerance):
    """The whole way: encoding, search, head and loss."""
    deq = model("anchored").to(dtype)
    points = clouds((9,)).points.to(dtype)
    found = []
    for order in (torch.arange(9), torch.randperm(9, generator=torch.Generator().manual_seed(3))):
        deq.zero_grad()
        output = deq(PointCloudBatch(points[:, order]))
        output.square().sum().backward()
        gradient = torch.cat([part.grad.flatten() for part in deq.parameters() if part.grad is not None])
        found.append((output.detach(), gradient))
    torch.testing.assert_close(*found, atol=tolerance, rtol=tolerance)


def test_padding_does_not_matter_in_single_precision():
    deq, batch = model("anchored").float(), clouds().to(torch.float32)
    together = deq(batch).detach()
    alone = torch.cat([deq(PointCloudBatch.from_list([cloud])).detach() for cloud in batch.clouds()])
    torch.testing.assert_close(together, alone, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("solver", [Picard(), Damped(0.7), Anderson(), Broyden(), WassersteinFlow()], ids=str)
def test_particles_neither_appear_nor_vanish_and_padding_stays_where_it_is(solver):
    deq = model("local", budget=Budget(solver, 1e-5, 10)) if solver != WassersteinFlow() else model("paper")
    batch = clouds()
    found = deq.equilibrium(batch).solution
    problem = deq.problem(batch)
    assert found.state.shape == problem.start.shape
    if isinstance(problem.space, Vectors):
        assert (found.state[~batch.mask] == 0).all()
        assert (found.image[~batch.mask] == 0).all()


def test_stricter_rules_of_change_take_no_fewer_evaluations():
    deq, batch = model("local"), clouds((5, 9, 12))
    path = BudgetPath(deq, Changes(0.3, 1e-3, 60))
    counts = [path.at(t).equilibrium(batch).solution.evaluations for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert all((b >= a).all() for a, b in pairwise(counts))
