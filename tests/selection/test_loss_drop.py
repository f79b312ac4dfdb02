"""Losses along a path: candidates that become easier while a model learns the task."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from continuum.core import InvalidInputError
from continuum.selection import LossDrop, PathLosses, select


def squared(model, x, y):
    return (model(x)[:, 0] - y) ** 2


def line(slope):
    return {"weight": torch.tensor([[float(slope)]])}


MODEL = nn.Linear(1, 1, bias=False)
ITEMS = [(torch.tensor([1.0]), 3.0), (torch.tensor([2.0]), -2.0), (torch.tensor([0.0]), 1.0)]


def test_losses_are_those_of_the_states_and_the_model_stays_as_it_was():
    before = MODEL.weight.clone()
    found = PathLosses(MODEL.train(), squared, [line(0), line(1), line(3)], batch_size=2).encode(ITEMS)
    assert np.allclose(found, [[9, 4, 0], [4, 16, 64], [1, 1, 1]])
    assert torch.equal(MODEL.weight, before)
    assert MODEL.training


def test_the_score_is_the_share_of_the_loss_that_goes():
    found = LossDrop().order([[9.0, 4.0, 0.0], [4.0, 16.0, 64.0], [1.0, 1.0, 1.0], [0.0, 0.0, 5.0]])
    assert found.indices.tolist() == [0, 2, 3, 1]
    assert found.scores.tolist() == [1.0, 0.0, 0.0, -15.0]
    assert LossDrop().order([[2.0, 1.0], [4.0, 2.0]], k_max=1).indices.tolist() == [0]  # ties go to the first


def test_scaling_the_losses_of_a_candidate_does_not_change_its_score(rng):
    losses = rng.random((20, 4)) + 0.1
    scaled = losses * rng.random((20, 1))
    assert np.array_equal(LossDrop().order(losses).indices, LossDrop().order(scaled).indices)


def test_candidates_of_the_task_are_found_by_training_on_the_query(rng):
    torch.manual_seed(0)
    slopes = np.where(np.arange(40) % 2, 2.0, -2.0)  # two tasks, the query is of the second
    x = rng.normal(size=40) + 3
    pool = [(torch.tensor([a], dtype=torch.float32), float(a * s)) for a, s in zip(x, slopes, strict=True)]
    query = [(torch.tensor([1.5]), -3.0 + 1e-3), (torch.tensor([2.5]), -5.0)]
    losses = PathLosses(MODEL, squared, [line(0), line(-1.5)])
    found = select(pool, query, representation=losses, selector=LossDrop(), budget=20)
    assert set(found.indices) == set(range(0, 40, 2))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: PathLosses(MODEL, squared, []), "at least one, got none"),
        (lambda: PathLosses(MODEL, squared, [{"w": torch.ones(1)}]), "the unknown name 'w'"),
        (
            lambda: PathLosses(MODEL, lambda m, x, y: m(x).sum(), [line(0)]).encode(ITEMS),
            r"one number for each.*got \(\)",
        ),
        (lambda: LossDrop().order([[1.0], [2.0]]), "at least two states, got shape"),
        (lambda: LossDrop().order([[1.0, math.nan]]), "those of candidate 0 are"),
        (lambda: LossDrop().order([[1.0, 1.0], [1.0, -1.0]]), "those of candidate 1 are"),
        (lambda: LossDrop().order([[1.0, 1.0]], k_max=2), "`k_max` must be between 1 and 1"),
    ],
)
def test_what_are_no_losses_is_refused(ask, said):
    with pytest.raises(InvalidInputError, match=said):
        ask()
