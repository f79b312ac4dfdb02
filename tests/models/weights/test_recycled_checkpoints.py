"""Checkpoints of one training, combined by a search of their coefficients."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from continuum import metric, navigate
from continuum.models import CheckpointPath
from continuum.models.weights import decay_weights


@pytest.fixture(scope="module")
def run():
    """A linear regression by noisy gradient steps, with a rate too large to come to rest: its data and checkpoints."""
    draws = torch.Generator().manual_seed(0)
    truth = torch.randn(6, generator=draws)
    x = torch.randn(400, 6, generator=draws)
    y = x @ truth + 0.5 * torch.randn(400, generator=draws)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Linear(6, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.15)
    states = []
    for step in range(120):
        rows = torch.randint(200, (4,), generator=draws)
        optimizer.zero_grad()
        mse_loss(model(x[rows])[:, 0], y[rows]).backward()
        optimizer.step()
        if step >= 100 and step % 4 == 3:
            states.append(copy.deepcopy(model.state_dict()))
    return (x[:200], y[:200]), (x[200:], y[200:]), states


def loss_on(data, name):
    x, y = data

    @torch.no_grad()
    def loss(model):
        return float(mse_loss(model(x)[:, 0], y))

    return metric(loss, goal="min", name=name)


def test_searched_coefficients_beat_every_checkpoint_and_their_mean_and_hold_on_other_data(run):
    seen, unseen, states = run
    path = CheckpointPath(states).as_models(nn.Linear(6, 1))
    found = navigate(path, loss_on(seen, "loss"), method="cma", n_trials=80, progress=False)
    assert found.value < found.best_endpoint.value
    assert found.value < found.uniform.value
    fresh = loss_on(unseen, "fresh")
    assert fresh(path.at(found.point)) < fresh(path.at(found.best_endpoint.point))


def test_coefficients_may_be_negative_around_a_checkpoint(run):
    seen, _, states = run
    *others, last = states
    path = CheckpointPath(others, method="task-arithmetic", base=last, bounds=(-1, 1)).as_models(nn.Linear(6, 1))
    within = CheckpointPath(states).as_models(nn.Linear(6, 1))
    loss = loss_on(seen, "loss")
    free = navigate(path, loss, method="cma", n_trials=150, n_random=10, progress=False)
    mixed = navigate(within, loss, method="cma", n_trials=150, n_random=10, progress=False)
    assert min(*free.point, 1 - sum(free.point)) < 0  # the last one is that of the last checkpoint
    assert free.value < mixed.value
    assert free.best_endpoint.point in path.endpoints


def test_a_schedule_is_a_point_of_the_same_path(run):
    seen, _, states = run
    path = CheckpointPath(states).as_models(nn.Linear(6, 1))
    loss = loss_on(seen, "loss")
    schedule = loss(path.at(decay_weights("1-sqrt", len(states))))
    assert schedule < loss(path.at(path.domain.vertices()[-1]))
