"""Budgets of data: which images with doubtful labels should a small network see next?

Two fifths of the labels of a pool are random. The task is two of the ten digits, of which twenty clean images are at
hand. A network that saw a tenth of the pool goes on with what was chosen.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from continuum.core import Metric, PerItem, rng_for
from continuum.datasets import load
from continuum.harness import Results, evaluate
from continuum.selection import LastLayerGradients, Random, RoundRobin, Subset, SubsetPath

__all__ = ["SubsetScene"]

_POOL, _QUERY, _NOISE, _SMALLEST = 1300, 20, 0.4, 20
_EPOCHS, _BATCH, _RATE = 5, 16, 0.1


class SubsetScene:
    """From twenty images of the pool to all of them, chosen by gradients."""

    title = "budgets of data"

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """Loss and accuracy on the task after training on each subset."""
        gradients = LastLayerGradients(self._warm, "2")
        pool, query = (gradients.encode(list(zip(*side, strict=True))) for side in (self._pool, self._query))
        by_gradients, at_random = (
            SubsetPath(range(_POOL), rule.order(pool, query), k_min=_SMALLEST) for rule in (RoundRobin(), Random())
        )
        learns = partial(_learnt, self._warm, self._pool, self._test)
        metrics = [
            Metric("loss on the task", partial(_score, learns, "loss"), goal="min"),
            Metric("accuracy on the task", partial(_score, learns, "accuracy"), goal="max"),
        ]
        nothing = Subset(np.empty(0, np.int64), np.empty(0))
        return evaluate(
            by_gradients,
            metrics,
            points=9,
            name=self.title,
            baselines={"at random": at_random},
            references={"nothing more": nothing},
            store=store,
            n_jobs=n_jobs,
        )

    def pictures(self) -> Mapping[str, Any]:
        """None."""
        return {}

    @cached_property
    def _parts(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """Pool, query and test."""
        data = load("digits", split="all", seed=0)
        x = torch.as_tensor(data.to_numpy()[0].reshape(len(data), -1)).float()
        y, rng = torch.as_tensor(data.codes), rng_for(0, "labels")
        noisy = torch.where(
            torch.as_tensor(rng.random(_POOL) < _NOISE), torch.as_tensor(rng.integers(10, size=_POOL)), y[:_POOL]
        )
        mine = torch.arange(_POOL, len(x))[torch.isin(y[_POOL:], torch.tensor([3, 8]))]
        query, test = mine[:_QUERY], mine[_QUERY:]
        return (x[:_POOL], noisy), (x[query], y[query]), (x[test], y[test])

    @property
    def _pool(self) -> tuple[Tensor, Tensor]:
        return self._parts[0]

    @property
    def _query(self) -> tuple[Tensor, Tensor]:
        return self._parts[1]

    @property
    def _test(self) -> tuple[Tensor, Tensor]:
        return self._parts[2]

    @cached_property
    def _warm(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        return _trained(model, self._pool, np.arange(_POOL // 10))


def _trained(model: nn.Module, data: tuple[Tensor, Tensor], chosen: Any) -> nn.Module:
    """A copy of a model after five epochs of plain SGD on chosen examples."""
    model, rng = copy.deepcopy(model), rng_for(0, "batches")
    optimiser = torch.optim.SGD(model.parameters(), lr=_RATE)
    x, y = data
    for _ in range(_EPOCHS):
        order = rng.permutation(chosen)
        for start in range(0, len(order), _BATCH):
            rows = torch.as_tensor(order[start : start + _BATCH])
            optimiser.zero_grad()
            torch.autograd.backward(cross_entropy(model(x[rows]), y[rows]))
            optimiser.step()
    return model


def _learnt(warm: nn.Module, pool: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], subset: Subset) -> Any:
    model = _trained(warm, pool, subset.indices)
    with torch.no_grad():
        return model(test[0]), test[1]


def _score(learns: Any, kind: str, subset: Subset) -> PerItem:
    logits, y = learns(subset)
    if kind == "loss":
        return PerItem(cross_entropy(logits, y, reduction="none").double().numpy())
    return PerItem((logits.argmax(1) == y).double().numpy(), decisions=logits.argmax(1).numpy())
