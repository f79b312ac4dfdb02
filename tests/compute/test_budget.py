"""Budgets of one model: exact ends, nested work, per-input stopping, and a curve at the cost of its largest budget."""

import pytest
import torch
from maps import affine
from torch import nn

from continuum import Interval, evaluate, metric
from continuum.compute import (
    DEQ,
    Anderson,
    BudgetPath,
    Changes,
    Iterations,
    Particles,
    Picard,
    Tolerances,
)
from continuum.core import DomainError, InvalidInputError


class Contraction(nn.Module):
    """One affine map for all samples, counting for how many samples it was evaluated."""

    def __init__(self, p=3, radius=0.8):
        super().__init__()
        self.a = nn.Parameter(affine(1, p, radius).a[0])
        self.seen = 0

    def forward(self, z, x):
        self.seen += len(z)
        return z @ self.a.T + x


def model():
    return DEQ(Contraction())


def inputs(samples=4):
    scale = torch.logspace(-3, 1, samples, dtype=torch.float64)[:, None]
    return scale * torch.randn(samples, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def applied(layer, x, times):
    z = torch.zeros_like(x)
    for _ in range(times):
        z = layer.f(z, x)
    return z.detach()


def test_whole_budgets_are_so_many_applications_of_f():
    layer, x = model(), inputs()
    path = BudgetPath(layer, Iterations(1, 16))
    for t, count in ((0.0, 1), (0.25, 2), (0.5, 4), (1.0, 16)):
        with path.lease(t) as member:
            found = member.equilibrium(x)
        torch.testing.assert_close(found.output, applied(layer, x, count), rtol=1e-14, atol=1e-14)
        assert found.solution.evaluations.tolist() == [count] * 4


def test_between_whole_budgets_particles_are_on_the_line():
    layer, x = model(), inputs()
    path = BudgetPath(layer, Iterations(1, 16))
    (t,) = path.at_budget(2.25)
    line = torch.lerp(applied(layer, x, 2), applied(layer, x, 3), 0.25)
    torch.testing.assert_close(path.at(t)(x), line, rtol=1e-9, atol=1e-9)


def test_a_curve_has_the_values_of_separate_searches_and_costs_one():
    layer, x = model(), inputs()
    path = BudgetPath(layer, Iterations(1, 16))
    apart = {t: path.at(t)(x) for t in path.domain.grid(9)}
    layer.f.seen = 0
    curve = path.curve(x, 9)
    assert layer.f.seen == 16 * len(x)
    assert list(curve) == list(path.domain.grid(9))
    for point, found in curve.items():
        assert torch.equal(found.output, apart[point])


@pytest.mark.parametrize("solver", [Picard(), Anderson(3)], ids=["Picard", "Anderson"])
def test_tighter_tolerances_go_on_where_looser_ones_ended(solver):
    layer, x = model(), inputs()
    path = BudgetPath(layer, Tolerances(0.1, 1e-6, 200, solver))
    apart = {t: path.at(t).equilibrium(x) for t in path.domain.grid(5)}
    layer.f.seen = 0
    curve = path.curve(x, 5)
    assert layer.f.seen == int(curve[(1.0,)].solution.evaluations.sum())
    before = torch.zeros(len(x), dtype=torch.long)
    for point, found in curve.items():
        assert torch.equal(found.output, apart[point].output)
        assert found.solution.converged.all()
        assert (found.solution.evaluations >= before).all()
        before = found.solution.evaluations


def test_inputs_that_ended_take_no_time():
    layer, x = model(), inputs()
    member = BudgetPath(layer, Changes(0.5, 1e-4, 100)).at(1.0)
    found = member.equilibrium(x)
    assert member.model.f.seen == int(found.solution.evaluations.sum())
    assert found.solution.evaluations.tolist() == sorted(found.solution.evaluations.tolist())
    assert len(set(found.solution.evaluations.tolist())) > 1


def test_a_leased_model_shares_its_weights_and_one_that_is_built_does_not():
    layer = model()
    path = BudgetPath(layer, Iterations(1, 4))
    with path.lease(0.5) as member:
        assert member.model is layer
    assert path.at(0.5).model.f.a.data_ptr() != layer.f.a.data_ptr()


def test_a_path_of_budgets_is_evaluated_by_the_harness():
    layer, x = model(), inputs()
    target = torch.linalg.solve(torch.eye(3) - layer.f.a.detach(), x.mT).mT

    @metric(goal="min")
    def error(member):
        return float((member(x) - target).norm())

    results = evaluate(BudgetPath(layer, Iterations(1, 64)), [error], points=5, progress=False)
    values = results.frame.query("role == 'path'").sort_values("t")["value"].tolist()
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-4 * values[0]


def test_domains_end_where_budgets_do():
    path = BudgetPath(model(), Iterations(1, 4))
    assert path.domain == Interval()
    with pytest.raises(DomainError):
        path.at(1.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Iterations(0, 4), "`least` must be at least 1"),
        (lambda: Iterations(4, 4), "`most` must be at least 5"),
        (lambda: Tolerances(1e-4, 1e-2), "`tightest` must be below `loosest`"),
        (lambda: Changes(0.1, 0.0), "`tightest` must be positive"),
        (lambda: BudgetPath(nn.Linear(2, 2)), "must be a DEQ or a DistributionalDEQ, got Linear"),
        (lambda: BudgetPath(model(), "iterations"), "`spending` must be what is bought"),
        (lambda: BudgetPath(model(), Iterations), "`spending` must be what is bought"),
        (lambda: BudgetPath(model(), Particles()), "Particles is of point clouds, and the model is a DEQ"),
        (lambda: BudgetPath(model()).at_budget(100), r"must be in \[1, 24\]"),
        (lambda: BudgetPath(model(), Tolerances()).at_budget(4), "depends on the inputs"),
    ],
)
def test_wrong_budgets_have_one_clear_error(wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        wrong()
